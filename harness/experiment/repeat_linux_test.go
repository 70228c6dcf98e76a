package experiment

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// spoil is a hook that has others take CPU time from the given cells.
func spoil(keys ...string) func(*result.CellRecord) {
	return func(c *result.CellRecord) {
		// What the machine really did is not this test's.
		c.Valid = c.Error == ""
		for i := range c.Gates {
			if !c.Gates[i].Advisory {
				c.Gates[i].OK = true
			}
		}
		if slices.Contains(keys, result.PlannedCell{Block: c.Block, ID: c.ID}.Key()) {
			c.Valid = false
			c.Gates = slices.DeleteFunc(c.Gates, func(g result.Gate) bool { return g.Name == "steal" })
			c.Gates = append(c.Gates, result.Gate{Name: "steal", Detail: "half of it"})
		}
	}
}

// TestGatedBlock: a block that others disturbed is run once more, with the same
// requests in the same order, and both are kept. An undisturbed one is not.
func TestGatedBlock(t *testing.T) {
	o := options(t, small(2, "w", "a", "b"))
	o.Experiment.Repeats = 2
	o.judged = spoil("000/w-process-100-a", "000/w-process-100-b")
	dir, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if len(r.Cells) != 9 || len(r.Planned) != 9 || !r.Complete || len(r.Manifest.Planned) != 6 {
		t.Fatalf("%d cells of %d (%d at first), complete %v: want 9 of 9 (6)", len(r.Cells), len(r.Planned), len(r.Manifest.Planned), r.Complete)
	}
	if want := []result.Repeat{{Block: 0, As: 2}}; !slices.Equal(r.Repeats, want) {
		t.Errorf("repeats %v, want %v", r.Repeats, want)
	}
	var first, again []string
	for _, c := range r.Cells {
		switch c.Block {
		case 0:
			first = append(first, c.ID)
		case 2:
			again = append(again, c.ID)
			if !c.Valid {
				t.Errorf("%s of the second run does not count", c.ID)
			}
		}
	}
	if !slices.Equal(first, again) {
		t.Errorf("order of the first run %v, of the second %v", first, again)
	}
	if got := open(t, dir).Cells[0]; got.Valid && got.ID != "w-process-100-replicate" {
		t.Errorf("the first run of %s counts", got.ID)
	}
	if err := result.Verify(dir); err != nil {
		t.Error(err)
	}
}

// TestRepeatsAreBounded: no more blocks are repeated than the experiment allows.
func TestRepeatsAreBounded(t *testing.T) {
	for _, allowed := range []int{0, 1} {
		o := options(t, small(2, "w", "a"))
		o.Experiment.Repeats = allowed
		o.judged = spoil("000/w-process-100-a", "001/w-process-100-a", "002/w-process-100-a")
		dir, err := Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(open(t, dir).Repeats); got != allowed {
			t.Errorf("%d blocks were repeated, want %d", got, allowed)
		}
	}
}

// TestResumeInARepeat: a run that was interrupted while it repeated a block goes
// on there, and the plan stays the same.
func TestResumeInARepeat(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := options(t, small(1, "w", "a", "b"))
	o.Experiment.Repeats = 1
	o.judged = spoil("000/w-process-100-a")
	o.Out = &canceler{n: 4, cancel: cancel} // the first cell of the repeat
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	before := open(t, dir)
	if len(before.Cells) != 4 || len(before.Planned) != 6 {
		t.Fatalf("%d of %d cells at the interrupt, want 4 of 6", len(before.Cells), len(before.Planned))
	}
	o.Out, o.Resume = &strings.Builder{}, dir
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	after := open(t, dir)
	if !slices.Equal(before.Planned, after.Planned) || len(after.Cells) != 6 || len(after.Repeats) != 1 {
		t.Errorf("%d cells after the rest, plan %v, before %v", len(after.Cells), after.Planned, before.Planned)
	}
}
