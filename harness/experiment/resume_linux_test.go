package experiment

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// interrupted is a run of so many blocks of three cells that was stopped after some
// of them.
func interrupted(t *testing.T, blocks, cells int) (Options, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := options(t, small(blocks, "w", "a", "b"))
	o.judged = spoil("000/w-process-100-a")
	o.Out = &canceler{n: cells, cancel: cancel}
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatalf("interrupted: %v", err)
	}
	o.Resume, o.Experiment, o.Out = dir, small(blocks, "w", "a", "b"), io.Discard
	return o, dir
}

// TestResumeWithBudget: a budget is for what is left. It ends a run between blocks,
// and a run that it has ended is not one that has come to its end.
func TestResumeWithBudget(t *testing.T) {
	o, dir := interrupted(t, 3, 5)
	o.Experiment.Repeats = 1
	// Block 0 was disturbed and would be repeated, as a block 2, if this were the end.
	o.Budget = Estimate(o.Experiment, 3, 1) + time.Millisecond
	_, err := Run(context.Background(), o)
	r := open(t, dir)
	if !errors.Is(err, ErrStopped) || r.Complete || len(r.Repeats) > 0 || len(r.Cells) != 6 {
		t.Fatalf("%v, complete %v, repeats %v, %d of 9 cells; want an orderly stop after the second block", err, r.Complete, r.Repeats, len(r.Cells))
	}
	rest, _, err := Within(o.Experiment, 0, dir, false)
	if err != nil || len(rest) != 3 || rest[0].Block != 2 {
		t.Errorf("a dry run of the rest: %v, %v; want the third block", rest, err)
	}
	o.Budget = Estimate(o.Experiment, 3, 1) - time.Millisecond
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "less than the rest of a block") {
		t.Errorf("a budget below a block: %v", err)
	}
	o.Budget = Estimate(o.Experiment, 3, 1) + time.Minute
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	want := []result.Repeat{{Block: 0, As: 3}}
	if r := open(t, dir); !r.Complete || !slices.Equal(r.Repeats, want) || len(r.Cells) != 12 {
		t.Errorf("complete %v, repeats %v, %d cells; want the disturbed block behind the plan", r.Complete, r.Repeats, len(r.Cells))
	}
}

// TestOneArmFails: however many of an arm's cells fail one behind the other, the run
// goes on to its end while another arm's do not, and so does the one that resumes it.
func TestOneArmFails(t *testing.T) {
	e := small(1, "w", "a", modelDies)
	e.Replicate = modelDies
	e.Loads.PerSecond = []float64{100, 200, 300, 400}
	o := options(t, e)
	o.judged = calm
	var dir string
	for _, session := range []string{"first", "resumed"} {
		var err error
		if dir, err = Run(context.Background(), o); err != nil {
			t.Fatalf("%s: %v", session, err)
		}
		o.Resume = dir
		valid, row, longest := 0, 0, 0
		for _, c := range open(t, dir).Cells {
			row++
			if c.Error == "" {
				valid, row = valid+1, 0
			}
			longest = max(longest, row)
		}
		if r := open(t, dir); !r.Complete || valid != 4 || longest < maxFailures {
			t.Errorf("%s: complete %v, %d good cells, at most %d bad ones in a row; want 4 and more than the row that may end a run", session, r.Complete, valid, longest)
		}
	}
}

// TestHopeless: where no arm works any more, the run does not go on to its end.
func TestHopeless(t *testing.T) {
	cell := func(arm, err string) *result.CellRecord { return &result.CellRecord{Arm: arm, Error: err} }
	a, b, good := cell("a", "no"), cell("b", "no"), cell("a", "")
	row := func(cells ...*result.CellRecord) []*result.CellRecord { return cells }
	for _, c := range []struct {
		name      string
		had, then []*result.CellRecord // the latter failed, one behind the other
		want      bool
	}{
		{"from the start", nil, row(a, b, a), true},
		{"too few to say", nil, row(a, b), false},
		{"one arm", nil, row(b, b, b, b, b, b, b, b, b), false},
		{"one arm, later", row(good), row(b, b, b, b, b, b, b, b, b), false},
		{"less than a block, later", row(good), row(a, b, a, b, a), false},
		{"a block, later", row(good), row(a, b, a, b, a, b), true},
	} {
		e := small(9, "w", "a", "b")
		e.Loads.PerSecond = []float64{100, 200} // six cells a block
		r := &runner{e: e, records: append(c.had, c.then...)}
		if got := r.hopeless(c.then); got != c.want {
			t.Errorf("%s: hopeless %v", c.name, got)
		}
	}
}

// TestResumeWithAnotherTrace: the experiment's text names a trace and does not hold
// it, so that the text alone does not tell whether the arrivals are still the same.
func TestResumeWithAnotherTrace(t *testing.T) {
	traced := func(times ...int64) *workloads.Experiment {
		e := small(1, "w", "a", "b")
		e.Workloads[0].Arrivals = workloads.Trace
		e.Workloads[0].Shape.Trace = &workloads.TraceShape{File: "t.txt", TimesNs: times}
		return e
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	o := options(t, traced(0, 1e6, 3e6))
	o.Out = &canceler{n: 1, cancel: cancel}
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatalf("interrupted: %v", err)
	}
	o.Resume, o.Out, o.Experiment = dir, io.Discard, traced(0, 2e6, 3e6)
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "workload w: the trace of its arrivals has changed since") {
		t.Errorf("another trace: %v", err)
	}
	o.Experiment = traced(0, 1e6, 3e6)
	if _, err := Run(context.Background(), o); err != nil {
		t.Errorf("the same trace: %v", err)
	}
}

// TestResumeElsewhere: what env.json says is true of every cell.
func TestResumeElsewhere(t *testing.T) {
	o, dir := interrupted(t, 1, 1)
	env := open(t, dir).Env
	for want, change := range map[string]func(e *host.Env){
		"the kernel was":      func(e *host.Env) { e.Kernel = "5.4.0" },
		"the processor was":   func(e *host.Env) { e.CPUModel = "another" },
		"the governor was":    func(e *host.Env) { e.Governor = "another" },
		"the host class was":  func(e *host.Env) { e.Class = host.ClassA },
		"the file system was": func(e *host.Env) { e.Data.Filesystem = "floppy" },
	} {
		other := env
		change(&other)
		if err := result.WriteJSON(filepath.Join(dir, "env.json"), other); err != nil {
			t.Fatal(err)
		}
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want one that says %q", err, want)
		}
	}
	if r := open(t, dir); len(r.Cells) != 1 {
		t.Errorf("%d cells were run", len(r.Cells)-1)
	}
}
