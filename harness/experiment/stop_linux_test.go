package experiment

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// TestStopsWhenNarrow: fake brokers answer alike, so that their intervals have no
// width and the run ends as soon as an interval is of the wanted level.
func TestStopsWhenNarrow(t *testing.T) {
	e := small(2, "w", "a", "b")
	e.Stop = &workloads.Stop{Width: 0.05, MaxBlocks: 40}
	e.Endpoints.Primary = "p99 response produce"
	dir, err := Run(context.Background(), options(t, e))
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Verify(dir); err != nil {
		t.Error(err)
	}
	r := open(t, dir)
	// Six blocks, and one for each that the machine disturbed.
	if n := len(r.Cells) / 3; n < 6 || n > 20 || !strings.Contains(r.Narrow, "at most 0.0 % to either side, 5.0 % were asked for") {
		t.Errorf("%d blocks: %q", n, r.Narrow)
	}
}

// TestWidth: only the width counts, and it counts everywhere.
func TestWidth(t *testing.T) {
	e := small(6, "w", "a", "b")
	e.Stop = &workloads.Stop{Width: 0.1, MaxBlocks: 9}
	e.Endpoints = workloads.Endpoints{Primary: "p99 response produce", Secondary: []string{"cpu per message"}}
	run := func(p99, cpu float64) (string, bool) {
		r := &runner{e: e}
		for block := range 6 {
			for _, arm := range []string{"a", "b"} {
				c := &result.CellRecord{Workload: "w", Arm: arm, Block: block, Valid: true, LoadPerSec: 100, CPUPerMessageNs: 1e3}
				c.Load.Response.P99Ns = 1e6
				if arm == "a" { // twice the baseline, give or take
					sign := float64(block%2*2 - 1)
					c.Load.Response.P99Ns = int64(2e6 * (1 + sign*p99))
					c.CPUPerMessageNs = 1e3 * (1 + sign*cpu)
				}
				r.records = append(r.records, c)
			}
		}
		return r.narrow(6)
	}
	if why, enough := run(0.05, 0.05); !enough || !strings.Contains(why, "after 6 blocks") {
		t.Errorf("5 %%: %q, %v", why, enough)
	}
	for _, c := range [][2]float64{{0.2, 0.05}, {0.05, 0.2}} {
		if why, enough := run(c[0], c[1]); enough {
			t.Errorf("%v: %q", c, why)
		}
	}
}

// TestWidthOfWhatIsKept: a run ends by the widths that its report will show, without
// what the experiment drops of windows.
func TestWidthOfWhatIsKept(t *testing.T) {
	e := small(2, "w", "a", "b")
	e.Steady.Truncate = workloads.MSER
	r := &runner{e: e, run: &result.Run{Dir: t.TempDir()}}
	for block := range 2 {
		for _, arm := range []string{"a", "b"} {
			c := &result.CellRecord{ID: arm, Workload: "w", Arm: arm, Block: block, Valid: true, LoadPerSec: 100}
			c.Load.Response.P50Ns, c.Load.Response.P99Ns = 500_000, 900_000
			dir := filepath.Join(r.run.Dir, result.PlannedCell{ID: c.ID, Block: c.Block}.Dir())
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			writeLog(t, filepath.Join(dir, "response.hlog"), func(i int) int64 {
				if arm == "a" && block == 1 && i < 6 {
					return 900_000
				}
				return 100_000
			})
			r.records = append(r.records, c)
		}
	}
	kept, err := r.kept()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range kept {
		if c.Block == 0 && c != r.records[i] {
			t.Errorf("block 0, %s: changed, and nothing was dropped", c.Arm)
		}
		if q := c.Load.Response; c.Block == 1 && (q.P50Ns/1000 != 100 || q.P99Ns/1000 != 100) {
			t.Errorf("block 1, %s: p50 %d, p99 %d ns of what is kept, want 100 µs", c.Arm, q.P50Ns, q.P99Ns)
		}
		if r.records[i].Load.Response.P50Ns != 500_000 {
			t.Error("the record itself was changed")
		}
	}
	if err := os.RemoveAll(r.run.Dir); err != nil {
		t.Fatal(err)
	}
	e.Stop = &workloads.Stop{Width: 0.5, MaxBlocks: 9}
	if why, enough := r.narrow(6); enough {
		t.Errorf("narrow by what cannot be read: %q", why)
	}
}
