package experiment

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

// TestFaults: what is scheduled is done, not before its time, and recorded; a cell
// that lacks a fault does not count.
func TestFaults(t *testing.T) {
	e := small(1, "w", "a", modelNumb)
	e.Workloads[0].Faults = []workloads.Fault{
		{At: time.Millisecond, Stall: 2 * time.Millisecond}, {At: 5 * time.Millisecond, Slow: 500 * time.Microsecond, For: time.Millisecond},
	}
	dir, err := Run(context.Background(), options(t, e))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range open(t, dir).Cells {
		gate := gateOf(c, "faults")
		if len(c.Faults) != 2 || gate == nil || gate.Advisory {
			t.Fatalf("%s: faults %+v, gate %+v", c.ID, c.Faults, gate)
		}
		numb := c.Model == modelNumb
		// A machine that is slow enough has the window ended before a fault.
		late := c.Faults[1].AskedNs >= int64(e.Measure)
		if gate.OK != (!numb && !late) || numb && (c.Valid || !strings.Contains(gate.Detail, "fault 1 at 1ms: no thread of the broker stood still")) {
			t.Errorf("%s: gate %+v, valid %v", c.ID, gate, c.Valid)
		}
		last := int64(0)
		for i, f := range c.Faults {
			planned := e.Workloads[0].Faults[i]
			if f.AtNs != int64(planned.At) || f.StallNs != int64(planned.Stall) || f.SlowNs != int64(planned.Slow) || f.AskedNs < f.AtNs || f.AskedNs < last || f.AnsweredNs < int64(planned.End()) {
				t.Errorf("%s: fault %d: %+v, planned %+v", c.ID, i, f, planned)
			}
			if want := 2 - 2*i; !numb && (f.Stood.Threads != want || f.Stood.LongestNs != f.StallNs || f.Error != "") {
				t.Errorf("%s: fault %d: %+v", c.ID, i, f)
			}
			last = f.AnsweredNs
		}
		// Twice: beside what the arm's own settings add, and that alone again.
		if text, err := os.ReadFile(filepath.Join(c.Dir, "metrics.txt")); err != nil || !strings.Contains(string(text), "# slowed [503µs 3µs]\n") {
			t.Errorf("%s: %.60s, %v", c.ID, text, err)
		}
	}
}

// TestFaultsGiveUp: a window that ends, or never begins, leaves nothing behind.
func TestFaultsGiveUp(t *testing.T) {
	f := faults{todo: []workloads.Fault{{At: time.Hour, Stall: time.Second}}}
	if done := f.end(); len(done) != 0 {
		t.Errorf("done before the window began: %+v", done)
	}
	f.begin(0, func(string, string) ([]byte, error) { t.Error("asked an hour early"); return nil, nil })
	if done := f.end(); len(done) != 0 {
		t.Errorf("done: %+v", done)
	}
}
