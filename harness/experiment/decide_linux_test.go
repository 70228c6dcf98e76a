package experiment

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ceteris/ceteris/harness/capacity"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// searched is an experiment that looks for the knee of a fake broker in so many
// blocks.
func searched(blocks int) *workloads.Experiment {
	e := small(blocks, workloadKnee, "a", "b")
	e.Loads = workloads.Loads{Kind: workloads.CapacitySearch, Capacity: &workloads.Capacity{
		P99: 5 * time.Millisecond, From: 300, Probes: 6, Fractions: []float64{0.5},
	}}
	return e
}

// TestSearch: each arm's probes close in on the knee, those of a run that was
// interrupted as well, and the shares are of what was found.
func TestSearch(t *testing.T) {
	blocks := 2
	if testing.Short() {
		blocks = 1
	}
	o := options(t, searched(blocks))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.Out = &canceler{n: 5, cancel: cancel}
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatalf("got %v, want a run cut short", err)
	}
	before := len(open(t, dir).Cells)
	o.Resume, o.Experiment = dir, searched(blocks)
	if _, err = Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if want := blocks * (6*3 + 3); len(r.Cells) != want || !r.Complete || before == 0 || before >= want {
		t.Fatalf("%d cells, %d before the interruption, complete %v", len(r.Cells), before, r.Complete)
	}
	search := o.Experiment.Loads.Capacity
	for arm, blocks := range capacity.Gather(search, r.Cells, workloadKnee, "process") {
		for block, seen := range blocks {
			got, err := capacity.Of(seen)
			if len(seen) < 6 {
				continue // the machine was disturbed, which is not the search's doing
			}
			if err != nil || math.Abs(got/1000-1) > 0.1 {
				t.Errorf("%+v, block %d: %v, %v from %v", arm, block, got, err, seen)
			}
		}
	}
	for _, c := range r.Cells {
		if c.Fraction > 0 && (c.LoadPerSec < 450 || c.LoadPerSec > 550 || c.Block < blocks || c.ID != "knee-process-at0.5-"+armOf(c)) {
			t.Errorf("%s in block %d at %v/s, want half of 1000", c.ID, c.Block, c.LoadPerSec)
		}
		if c.Fraction == 0 && c.Probe == 1 && c.LoadPerSec != 300 {
			t.Errorf("%s begins at %v/s, want 300", c.ID, c.LoadPerSec)
		}
	}
}

func armOf(c *result.CellRecord) string {
	if c.Replicate {
		return workloads.ReplicateArm
	}
	return c.Arm
}

// TestNoCapacity: shares of a capacity that was not found are not run, and say why.
func TestNoCapacity(t *testing.T) {
	e := searched(1)
	e.Loads.Capacity.Probes = 3
	e.Loads.Capacity.From = 1e5
	dir, err := Run(context.Background(), options(t, e))
	if err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	for _, c := range r.Cells {
		if want := "knee, durability process: no capacity of a was found, so no share of it can be offered"; c.Fraction > 0 && (c.Valid || c.Error != want) {
			t.Errorf("%s: %q", c.ID, c.Error)
		}
	}
	if len(r.Cells) != 3*3+3 || !r.Complete {
		t.Errorf("%d cells, complete %v", len(r.Cells), r.Complete)
	}
}

// TestSharesStay: a probe that failed and is run again on resume may change what the
// search found. Loads that were offered as a share of it stay what they are, or arms
// of one block would be at different loads.
func TestSharesStay(t *testing.T) {
	o := options(t, searched(1))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o.judged = func(c *result.CellRecord) {
		calm(c)
		if c.Probe >= 4 && c.Arm == "a" && !c.Replicate {
			c.Error, c.Valid = "once", false
		}
	}
	o.Out = &canceler{n: 6*3 + 1, cancel: cancel}
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatalf("got %v, want a run cut short", err)
	}
	o.Resume, o.Experiment, o.judged, o.Out = dir, searched(1), calm, io.Discard
	if _, err = Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	loads := map[float64]int{}
	for _, c := range open(t, dir).Cells {
		if c.Fraction > 0 {
			loads[c.LoadPerSec]++
		}
	}
	if len(loads) != 1 {
		t.Errorf("cells of one share by their loads: %v", loads)
	}
}

// TestLeftOfACutSearch: a run that a budget has cut to fewer blocks is resumed with an
// experiment that has all of them, in which its shares would be other blocks.
func TestLeftOfACutSearch(t *testing.T) {
	planned, whole := Plan(searched(2)), searched(6)
	_, todo := left(whole, &result.Run{Manifest: result.Manifest{Planned: planned}}, nil)
	var got []result.PlannedCell
	for _, c := range todo {
		got = append(got, c.PlannedCell)
	}
	if !slices.Equal(got, planned) {
		t.Errorf("%d cells are left of %d: %v", len(got), len(planned), got)
	}
	if whole.AllBlocks() != 4 {
		t.Errorf("%d blocks, want those of the plan", whole.AllBlocks())
	}
}
