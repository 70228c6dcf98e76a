package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// warming is a world whose cells of arm tpc begin ten times as slow, for three of
// twenty intervals.
func warming(rule string) world {
	w := small(6)
	w.intervals, w.requests = 20, 5000
	w.level = func(p result.PlannedCell, interval int) float64 {
		if p.Model == "tpc" && interval < 3 {
			return 10
		}
		return 1
	}
	w.claims = rule
	return w
}

// TestTruncation: what is dropped is dropped from every cell of a block alike, the
// rest is what a steady world would have given, and costs stay what they were.
func TestTruncation(t *testing.T) {
	_, whole := analysed(t, warming("").make(t))
	dir := warming("steady: {truncate: mser}\n").make(t)
	if _, err := Build(dir); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Errorf("recomputed: %v", err)
	}
	_, a := analysed(t, dir)
	dropped := map[int]int{}
	for _, arm := range a.Groups[0].Points[0].Arms {
		for _, r := range arm.Runs {
			if old, seen := dropped[r.Block]; seen && old != r.Dropped {
				t.Errorf("block %d: %s drops %d intervals, another cell %d", r.Block, arm.Arm, r.Dropped, old)
			}
			if dropped[r.Block] = r.Dropped; r.Dropped < 3 || r.Dropped >= 10 {
				t.Errorf("block %d: %d intervals dropped, want 3 to 9", r.Block, r.Dropped)
			}
			if want := int64((20 - r.Dropped) * 500); r.Requests != want {
				t.Errorf("block %d: %d requests of %d intervals, want %d", r.Block, r.Requests, 20-r.Dropped, want)
			}
			if strings.Contains(r.Steady.String(), "no trend") && !strings.Contains(r.Steady.P50.Words, "of 20 intervals") {
				t.Errorf("verdict %q does not say of what", r.Steady.P50.Words)
			}
		}
		if x := arm.Service.Count; x != arm.Response.Count || x != arm.Slip.Count || x != arm.EndToEnd.Count {
			t.Errorf("%s: %d service times beside %d response times", arm.Arm, x, arm.Response.Count)
		}
	}
	for _, c := range []struct {
		quantity string
		low, up  float64
	}{{"p50_response", 0.65, 0.75}, {"p99_response", 0.6, 0.8}} {
		got, _ := a.comparison(t, "process", "2000", c.quantity).Ratio.Get()
		before, _ := whole.comparison(t, "process", "2000", c.quantity).Ratio.Get()
		if got < c.low || got > c.up {
			t.Errorf("%s: ratio %.3f, want 0.7; of whole windows %.3f", c.quantity, got, before)
		}
		if math.Abs(math.Log(before/0.7)) < math.Abs(math.Log(got/0.7)) {
			t.Errorf("%s: whole windows are nearer: %.3f, truncated %.3f", c.quantity, before, got)
		}
	}
	if got, before := a.comparison(t, "process", "2000", "cpu_per_message"), whole.comparison(t, "process", "2000", "cpu_per_message"); got.Ratio != before.Ratio {
		t.Errorf("CPU per message became %v of %v", got.Ratio, before.Ratio)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || a.Truncate != "mser" || !strings.Contains(string(page), "Windows are truncated by the rule mser") {
		t.Errorf("the page does not say so (%v)", err)
	}
	if text := strings.Join(whole.Notes, "\n"); whole.Truncate != "" || strings.Contains(text, "truncated") {
		t.Errorf("without a rule: %q", text)
	}
}

// TestTruncationStops: a cell that warms up into the second half is told and cuts
// nothing off the others.
func TestTruncationStops(t *testing.T) {
	w := warming("steady: {truncate: mser}\n")
	w.level = func(p result.PlannedCell, interval int) float64 {
		if p.Model == "tpc" {
			return math.Pow(8, 1-float64(interval)/19)
		}
		return 1
	}
	_, a := analysed(t, w.make(t))
	moved := 0
	for _, arm := range a.Groups[0].Points[0].Arms {
		for _, r := range arm.Runs {
			if r.Dropped >= 10 {
				t.Errorf("block %d: %d of 20 intervals dropped", r.Block, r.Dropped)
			}
			if !r.Steady.OK() && arm.Arm == "tpc" {
				moved++
			}
		}
	}
	if moved != 9 { // six cells and three of the replicate
		t.Errorf("%d cells of tpc moved, want 9", moved)
	}
}
