package report

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLadder: each arm over the one before it, whatever the baseline is, on the
// page and in a table; and none of that where the models are alternatives.
func TestLadder(t *testing.T) {
	w := declared(2)
	w.endpoints += ", models: ladder"
	dir := w.make(t)
	_, a := build(t, dir)
	if len(a.Rungs) != 3*(len(a.Arms)-1) {
		t.Fatalf("%d rungs of %d arms at three loads", len(a.Rungs), len(a.Arms))
	}
	cpu := map[string]float64{"tpc": 1, "threadpool": 2}
	for i, r := range a.Rungs {
		n := i%(len(a.Arms)-1) + 1
		if r.Arm() != a.Arms[n].Name || r.Over() != a.Arms[n-1].Name || len(r.Steps) != headlines {
			t.Fatalf("rung %d is %s over %s", i, r.Arm(), r.Over())
		}
		step := r.Steps[headlines-1]
		want := cpu[r.Arm()] / cpu[r.Over()]
		if got, ok := step.Ratio.Get(); step.Quantity != "cpu_per_message" || !ok || math.Abs(got/want-1) > 1e-4 {
			t.Errorf("%s over %s: %s %v, want %v", r.Arm(), r.Over(), step.Quantity, step.Ratio, want)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), `id="ladder"`) {
		t.Errorf("the page has no ladder: %v", err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "tables", "ladder.csv"))
	if err != nil || strings.Count(string(table), "\n") != 1+headlines*len(a.Rungs) {
		t.Errorf("the table of %d rungs: %v\n%s", len(a.Rungs), err, table)
	}
	dir = declared(2).make(t)
	if _, a := build(t, dir); len(a.Rungs) != 0 {
		t.Errorf("%d rungs of alternatives", len(a.Rungs))
	}
}
