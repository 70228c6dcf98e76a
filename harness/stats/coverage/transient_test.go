package coverage

import (
	"bytes"
	"context"
	"reflect"
	"strings"
	"testing"
)

// transientOfStart simulates few experiments of short windows.
func transientOfStart(t *testing.T, q Queue, start string) Transient {
	t.Helper()
	for _, s := range Starts {
		if s.Name == start {
			x, err := RunTransient(context.Background(), q, s, 8000, 15, seed)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
	}
	t.Fatalf("no start %q", start)
	return Transient{}
}

// TestTruncationMendsBias: a window that begins with a backlog is wrong as a whole,
// and right without its beginning; one that never gets over it is told.
func TestTruncationMendsBias(t *testing.T) {
	x := transientOfStart(t, Queue{Rho: 0.5}, "backlog 5%")
	for _, p := range x.Problems() {
		t.Errorf("seed %d: %s", seed, p)
	}
	for k := range x.Whole {
		whole, rest := x.Whole[k].MeanBias(), x.Rest[k].MeanBias()
		if whole < 0.05 || rest > whole/3 || rest < -whole/3 {
			t.Errorf("seed %d, p%v: bias %.3f of whole windows, %.3f of what is left", seed, transientOf[k], whole, rest)
		}
	}
	if whole, rest := &x.Whole[1], &x.Rest[1]; whole.Covered*2 > whole.Experiments || rest.Covered <= whole.Covered {
		t.Errorf("seed %d: p99 covered in %d of %d, truncated in %d", seed, whole.Covered, whole.Experiments, rest.Covered)
	}
	calm := transientOfStart(t, Queue{Rho: 0.5}, "steady")
	for _, p := range calm.Problems() {
		t.Errorf("seed %d: %s", seed, p)
	}
	if calm.Moved*5 > calm.Cells || calm.Cut > 0.5*float64(calm.Blocks) {
		t.Errorf("seed %d: of a steady queue %d of %d cells moved, %.0f %% of the windows was dropped", seed, calm.Moved, calm.Cells, 100*calm.Cut/float64(calm.Blocks))
	}
	if never := transientOfStart(t, Queue{Rho: 0.7}, "backlog 25%"); never.Moved != never.Cells || never.Cut != 0 {
		t.Errorf("seed %d: a backlog that stays: %d of %d cells told, %v cut", seed, never.Moved, never.Cells, never.Cut)
	}
}

// TestTransientProblems turns the promises into lies, and sees that a run is a
// function of its seed.
func TestTransientProblems(t *testing.T) {
	kept := Kept{Covered: 958, Experiments: 1000}
	good := Transient{Cells: 1000, Rest: [2]Kept{kept, kept}}
	if p := good.Problems(); len(p) != 0 {
		t.Errorf("all is as promised, yet %v", p)
	}
	for want, lie := range map[string]func(x *Transient){
		"bias of what is left 5.0 %": func(x *Transient) { x.Rest[0].Bias, x.Rest[0].Square = 0.05*12000, 0.0025*12000 },
		"covered 80.0":               func(x *Transient) { x.Rest[1].Covered = 800 },
	} {
		x := good
		lie(&x)
		if p := x.Problems(); len(p) != 1 || !strings.Contains(p[0], want) {
			t.Errorf("want %q, got %q", want, p)
		}
		if x.Moved = 1000; len(x.Problems()) != 0 {
			t.Errorf("cells that are told promise nothing: %q", x.Problems())
		}
	}
	run := func(seed uint64) Transient {
		x, err := RunTransient(context.Background(), Queue{Rho: 0.5}, Starts[1], 7500, 3, seed)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	first := run(3)
	if !reflect.DeepEqual(first, run(3)) || reflect.DeepEqual(first, run(4)) {
		t.Error("a run is no function of its seed")
	}
	var b bytes.Buffer
	if err := PrintTransients(&b, []Transient{first}); err != nil || !strings.Contains(b.String(), "M/M/1 0.5  7500      empty") {
		t.Errorf("%v: %s", err, &b)
	}
	if _, err := RunTransient(context.Background(), Queue{Rho: 0.5}, Starts[0], 100, 3, seed); err == nil {
		t.Error("intervals without a p99 were taken")
	}
}
