package mesh

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestServicesAreChecked(t *testing.T) {
	spec := func(name string, calls ...string) ServiceSpec {
		return ServiceSpec{Name: name, InFlight: 4, Calls: calls}
	}
	for _, c := range []struct {
		what  string
		specs []ServiceSpec
		want  string // in the error; "": none
	}{
		{"none", nil, ""},
		{"a diamond", []ServiceSpec{spec("a", "b", "c"), spec("b", "d"), spec("c", "d"), spec("d")}, ""},
		{"itself", []ServiceSpec{spec("a"), spec("b", "b")}, "circle: b → b"},
		{"a pair", []ServiceSpec{spec("a", "b"), spec("b", "a")}, "circle: a → b → a"},
		{"behind others", []ServiceSpec{spec("x", "a", "y"), spec("y", "b"), spec("a"), spec("b", "c"), spec("c", "d"), spec("d", "b")}, "circle: b → c → d → b"},
		{"twice", []ServiceSpec{spec("a"), spec("a")}, `"a" is there twice`},
		{"unknown", []ServiceSpec{spec("a", "z")}, `"a" calls "z"`},
		{"nameless", []ServiceSpec{spec("")}, "no name"},
		{"no room", []ServiceSpec{{Name: "a"}}, `"a": 0 in flight`},
		{"negative", []ServiceSpec{{Name: "a", InFlight: 1, Waiting: -1}}, "-1 waiting"},
	} {
		_, err := NewServices(3, c.specs...)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.what, err, c.want)
		}
	}
	if _, err := NewServices(0); err == nil {
		t.Error("no shards: no error")
	}
}

// TestCyclesAgainstReachability: random graphs are refused exactly when some
// group reaches itself, and the error names a walk along calls that are there.
func TestCyclesAgainstReachability(t *testing.T) {
	cyclic := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 0))
		n := 1 + rng.IntN(7)
		reach := make([][]bool, n)
		specs := make([]ServiceSpec, n)
		for i := range specs {
			reach[i] = make([]bool, n)
			specs[i] = ServiceSpec{Name: fmt.Sprint("g", i), InFlight: 1}
			for k := range n {
				if rng.IntN(2*n) == 0 {
					specs[i].Calls = append(specs[i].Calls, fmt.Sprint("g", k))
					reach[i][k] = true
				}
			}
		}
		calls := func(a, b string) bool {
			for _, s := range specs {
				for _, c := range s.Calls {
					if s.Name == a && c == b {
						return true
					}
				}
			}
			return false
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		want := false
		for i := range n {
			want = want || reach[i][i]
		}
		_, err := NewServices(2, specs...)
		if (err != nil) != want {
			t.Fatalf("seed %d: error %v, want one: %v", seed, err, want)
		}
		if err == nil {
			continue
		}
		cyclic++
		_, text, _ := strings.Cut(err.Error(), "circle: ")
		walk := strings.Split(text, " → ")
		for i := 1; i < len(walk); i++ {
			if !calls(walk[i-1], walk[i]) {
				t.Fatalf("seed %d: %q: %s does not call %s", seed, text, walk[i-1], walk[i])
			}
		}
		if len(walk) < 2 || walk[0] != walk[len(walk)-1] {
			t.Fatalf("seed %d: %q is no circle", seed, text)
		}
	}
	if cyclic == 0 || cyclic == 2000 {
		t.Errorf("%d of 2000 graphs have a cycle: the test tests one side only", cyclic)
	}
}

// caller waits for places and writes down in which order they came.
type caller struct {
	n   int
	out *[]int
}

func (c caller) OnPlace(int) { *c.out = append(*c.out, c.n) }

func TestPlaces(t *testing.T) {
	s, err := NewServices(3, ServiceSpec{Name: "read", InFlight: 5, Waiting: 2}, ServiceSpec{Name: "write", InFlight: 1, Calls: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	read, write := s.Group("read"), s.Group("write")
	// Five in flight among two senders are two each.
	if !read.Enter(nil, 0, 2) || !read.Enter(write, 0, 2) || read.Enter(nil, 0, 2) {
		t.Error("shard 0 does not get exactly two places")
	}
	if !read.Enter(nil, 1, 2) || !read.Enter(nil, 0, 1) || !write.Enter(nil, 0, 2) {
		t.Error("other senders, targets and groups do not have places of their own")
	}
	var order []int
	for i := range 3 {
		entered, ok := read.EnterOrWait(nil, 0, 2, caller{i, &order})
		if entered || ok != (i < 2) {
			t.Errorf("waiter %d: entered %v, ok %v", i, entered, ok)
		}
	}
	read.Leave(0, 2)
	if len(order) != 1 || order[0] != 0 || read.InFlight(0, 2) != 2 || read.Enter(nil, 0, 2) {
		t.Errorf("after one left: order %v, %d in flight; a newcomer must not overtake", order, read.InFlight(0, 2))
	}
	for range 3 {
		read.Leave(0, 2)
	}
	if len(order) != 2 || read.InFlight(0, 2) != 0 {
		t.Errorf("in the end: order %v, %d in flight, want two, 0", order, read.InFlight(0, 2))
	}
	if entered, ok := read.EnterOrWait(nil, 0, 2, caller{9, &order}); !entered || !ok {
		t.Error("no place though all are free")
	}
	if st := read.Stats(0, 2); st != (ServiceStats{Refused: 3, Waited: 2}) {
		t.Errorf("stats %+v, want 3 refused, 2 waited", st)
	}
	order = nil
	for i := range 3 {
		read.EnterOrWait(nil, 0, 2, caller{i, &order})
	}
	if read.AdmitWaiting(0, 2); len(order) != 2 || read.InFlight(0, 2) != 4 {
		t.Errorf("all admitted: order %v, %d in flight, want two more than the two places", order, read.InFlight(0, 2))
	}
	if entered, ok := read.EnterOrWait(nil, 0, 2, caller{7, &order}); entered || !ok {
		t.Error("a newcomer got a place above the bound")
	}
	for range 2 {
		read.Leave(0, 2)
	}
	if len(order) != 2 {
		t.Error("a place above the bound was given on")
	}
	if read.Leave(0, 2); len(order) != 3 {
		t.Error("who waits did not get the place within the bound")
	}
	for name, f := range map[string]func(){
		"left once too often": func() { write.Leave(1, 2) },
		"a call not listed":   func() { write.Enter(read, 0, 1) },
		"to itself":           func() { read.Enter(nil, 1, 1) },
	} {
		func() {
			defer func() {
				if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "mesh: ") {
					t.Errorf("%s: got %q, want a panic of the mesh", name, s)
				}
			}()
			f()
		}()
	}
}
