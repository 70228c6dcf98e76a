package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/probe"
	"github.com/ceteris/ceteris/harness/result"
)

// TestProberIsTold: the probe's round trips stand beside the generator's service
// times, merged over blocks, with the cells that are marked and what it cost.
func TestProberIsTold(t *testing.T) {
	w := small(4)
	w.change = func(c *result.CellRecord) {
		// The counters' window begins half a second before the load's and the probe's.
		c.Load.StartMonotonicNs, c.Load.EndMonotonicNs = 5, 5+2e9
		c.Server.WindowNs, c.Server.LagNs = 25e8, -5e8
		c.Prober = &probe.Summary{PerSec: 50, Requests: 100, Failed: 1, CPUNs: 4e6, Beside: true}
		marked := c.Block == 2 && c.Model == "tpc"
		c.Gates = append(c.Gates, result.Gate{Name: "probe", OK: !marked, Advisory: true, Detail: "2.50 times"})
	}
	dir := w.make(t)
	cells, err := filepath.Glob(filepath.Join(dir, "blocks", "*", "*"))
	if err != nil || len(cells) != 12 {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
	for _, cell := range cells {
		h := hdr.New(1, 60e9, 3)
		for i := range int64(100) {
			_ = h.RecordValue(100_000 + 1000*i)
		}
		h.SetTag("probe")
		writeIntervals(t, filepath.Join(cell, "probe.hlog"), []*hdr.Histogram{h})
	}
	if _, err := Build(dir); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
	_, a := analysed(t, dir)
	for _, arm := range a.Groups[0].Points[0].Arms {
		if arm.Replicate {
			continue
		}
		p := arm.Prober
		if p == nil {
			t.Fatalf("%s has none", arm.Arm)
		}
		if p.RoundTrip.Count != 400 || p.Failed != 4 || p.Blocks != 4 || !p.Beside {
			t.Errorf("%s: %+v", arm.Arm, p)
		}
		if v, _ := p.RoundTrip.P50.Get(); v < 149e3 || v > 150.5e3 || !p.RoundTrip.P99.OK() {
			t.Errorf("%s: p50 %v, p99 %v", arm.Arm, p.RoundTrip.P50, p.RoundTrip.P99)
		}
		if cpu, _ := p.CPU.Get(); cpu != 0.002 {
			t.Errorf("%s: %v of the windows, want 0.002", arm.Arm, p.CPU)
		}
		if want := map[string]int{"tpc": 1, "threadpool": 0}[arm.Arm]; p.Disagree != want {
			t.Errorf("%s: marked in %d blocks, want %d", arm.Arm, p.Disagree, want)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	for _, want := range []string{"An independent client beside it", "<td>1 of 4</td>", "probe: 2.50 times"} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q (%v)", want, err)
		}
	}
	_, without := analysed(t, small(2).make(t))
	if without.Probed() || len(proberRows(without)) != 1 {
		t.Error("a result without a probe tells of one")
	}
}

// TestProberOmitsNothing: requests of the probe that failed, or were due and never
// sent, are of those that took longest, and refuse the percentiles that they may be.
func TestProberOmitsNothing(t *testing.T) {
	for _, c := range []struct {
		failed, unsent int64
		p90, p99       bool
	}{{0, 0, true, true}, {4, 0, true, true}, {3, 2, true, false}, {0, 5, true, false}, {50, 1, false, false}} {
		x := &run{CellRecord: &result.CellRecord{Dir: t.TempDir(), Prober: &probe.Summary{Failed: c.failed, Unsent: c.unsent}}}
		h := hdr.New(1, 60e9, 3)
		_ = h.RecordValues(100_000, 400)
		h.SetTag("probe")
		writeIntervals(t, filepath.Join(x.Dir, "probe.hlog"), []*hdr.Histogram{h})
		p, err := probed([]*run{x}, "C")
		if err != nil {
			t.Fatal(err)
		}
		if p.RoundTrip.P90.OK() != c.p90 || p.RoundTrip.P99.OK() != c.p99 {
			t.Errorf("%d failed and %d unsent of 400: %+v, want p90 %v, p99 %v", c.failed, c.unsent, p.RoundTrip, c.p90, c.p99)
		}
	}
}

// TestProberFailures: requests that failed are above what was answered, so that a
// percentile of all lies higher among those than it would without them.
func TestProberFailures(t *testing.T) {
	x := &run{CellRecord: &result.CellRecord{Dir: t.TempDir(), Prober: &probe.Summary{Requests: 400, Failed: 3}}}
	h := hdr.New(1, 60e9, 3)
	for i := range int64(400) {
		_ = h.RecordValue(1000 * (i + 1))
	}
	h.SetTag("probe")
	writeIntervals(t, filepath.Join(x.Dir, "probe.hlog"), []*hdr.Histogram{h})
	p, err := probed([]*run{x}, "C")
	if err != nil {
		t.Fatal(err)
	}
	if p99, _ := p.RoundTrip.P99.Get(); math.Abs(p99/399e3-1) > 2e-3 || p.RoundTrip.Count != 400 {
		t.Errorf("p99 %v of %d, want that of 403, 399 µs, and 400", p99, p.RoundTrip.Count)
	}
}
