package experiment

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// writeLog writes a log of 20 intervals of 500 equal values each, value(i) ns.
func writeLog(t *testing.T, path string, value func(i int) int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := hdr.NewHistogramLogWriter(f)
	for i := range 20 {
		h := hdr.New(1, 60e9, 3)
		h.SetStartTimeMs(int64(1000 * (i + 1)))
		h.SetEndTimeMs(int64(1000 * (i + 2)))
		if err := h.RecordValues(value(i), 500); err != nil {
			t.Fatal(err)
		}
		if err := w.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnsteadyCells: what is not steady is told, and left out where the experiment
// says so; a search needs its answer all the same.
func TestUnsteadyCells(t *testing.T) {
	level := func(int) int64 { return 100_000 }
	catchingUp := func(i int) int64 {
		if i == 0 {
			return 5_000_000
		}
		return 2_000
	}
	const calm = 2_000
	for _, c := range []struct {
		name     string
		gate     string // that fails; "": none
		says     string
		response func(i int) int64
		slip     func(i int) int64
		summary  load.Summary
		probe    int
		moved    string
		valid    bool
	}{
		{name: "calm", summary: load.Summary{BacklogAtStart: 25}, moved: workloads.LeaveOut, valid: true},
		{name: "backlog", gate: "backlog", says: "26 requests queued or outstanding as measurement began, limit 25", summary: load.Summary{BacklogAtStart: 26}, moved: workloads.Mark, valid: true},
		{name: "backlog, left out", gate: "backlog", says: "26 requests", summary: load.Summary{BacklogAtStart: 26}, moved: workloads.LeaveOut},
		{name: "backlog of a search", gate: "backlog", says: "26 requests", summary: load.Summary{BacklogAtStart: 26}, probe: 1, moved: workloads.LeaveOut, valid: true},
		{name: "a few of few", summary: load.Summary{BacklogAtStart: 10, Intended: 40}, moved: workloads.LeaveOut, valid: true},
		{name: "closed loop", summary: load.Summary{BacklogAtStart: 5000, OfferedPerSec: -1}, moved: workloads.LeaveOut, valid: true},
		{name: "late", gate: "slip-at-start", says: "in the first of 20 intervals 5.0", slip: catchingUp, moved: workloads.Mark, valid: true},
		{name: "late, left out", gate: "slip-at-start", says: "limit 1ms", slip: catchingUp, moved: workloads.LeaveOut},
		{name: "late at the cap", slip: catchingUp, summary: load.Summary{CapHits: 500}, moved: workloads.LeaveOut, valid: true},
		{name: "late beside the cap", gate: "slip-at-start", says: "at least 497 of 497 others", slip: catchingUp, summary: load.Summary{CapHits: 3}, moved: workloads.LeaveOut},
		{name: "late before the client library's cap", gate: "slip-at-start", says: "in the first of 20 intervals 5.0", slip: catchingUp, summary: load.Summary{CapHits: 500, Driver: workloads.Franz}, moved: workloads.LeaveOut},
		{name: "drifts", gate: "steady", says: "warming", response: func(i int) int64 { return 100_000 + 20_000*int64(i) }, moved: workloads.Mark, valid: true},
		{name: "drifts, left out", gate: "steady", says: "warming", response: func(i int) int64 { return 100_000 + 20_000*int64(i) }, moved: workloads.LeaveOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.response == nil {
				c.response = level
			}
			if c.slip == nil {
				c.slip = func(int) int64 { return calm }
			}
			writeLog(t, filepath.Join(dir, "response.hlog"), c.response)
			writeLog(t, filepath.Join(dir, "slip.hlog"), c.slip)
			s := c.summary
			if s.Intended == 0 {
				s.Intended = 10_000
			}
			switch s.OfferedPerSec {
			case 0:
				s.OfferedPerSec = 1000
			case -1:
				s.OfferedPerSec = 0
			}
			s.Acked, s.AchievedRatio, s.Slip.P99Ns, s.Response.P99Ns = s.Intended, 1, calm, 100_000
			e := &workloads.Experiment{Steady: workloads.Steady{Truncate: workloads.NoCut, Moved: c.moved, Backlog: 0.0025, Slip: time.Millisecond}}
			a := &attempt{r: &runner{e: e, run: &result.Run{Manifest: result.Manifest{HostClass: host.ClassC}}}, dir: dir, rec: &result.CellRecord{Probe: c.probe, Load: s}}
			a.begun(&a.rec.Load)
			a.steady()
			valid, failed := true, ""
			for _, g := range a.rec.Gates {
				if g.OK {
					continue
				}
				failed = g.Name
				valid = valid && g.Advisory
				if !strings.Contains(g.Detail, c.says) {
					t.Errorf("gate %s: %q, want %q in it", g.Name, g.Detail, c.says)
				}
			}
			if failed != c.gate || valid != c.valid {
				t.Errorf("failed %q, valid %v; want %q, %v: %+v", failed, valid, c.gate, c.valid, a.rec.Gates)
			}
		})
	}
}
