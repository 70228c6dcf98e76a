package mesh

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// thing is destroyed once, at home.
type thing struct {
	home, id  int
	destroyed atomic.Bool
}

// copies gathers what was asked for.
type copies struct {
	got     []Foreign[thing]
	refused int
}

func (c *copies) OnCopy(f Foreign[thing], ok bool) {
	if !ok {
		c.refused++
		return
	}
	c.got = append(c.got, f)
}

func TestForeignIsDestroyedAtHome(t *testing.T) {
	var gone []string
	x := NewExchange(2, 4, func(home int, v *thing) { gone = append(gone, fmt.Sprintf("%d:%d", home, v.id)) })
	a, _ := x.Make(0, &thing{id: 1})
	if a.Get().id != 1 || a.Home() != 0 || x.Out(0) != 1 {
		t.Fatalf("a fresh reference: %+v, home %d, %d out", a.Get(), a.Home(), x.Out(0))
	}
	c := &copies{}
	if !x.Copy(1, &a, c) || len(c.got) != 0 {
		t.Fatal("a copy from elsewhere must be asked for")
	}
	x.Release(1, &a) // right behind the question
	if a.Get() != nil {
		t.Error("a released reference still refers")
	}
	x.Flush(1)
	x.Recv(0, 10)
	x.Flush(0)
	x.Recv(1, 10)
	if len(c.got) != 1 || len(gone) != 0 || x.Out(0) != 1 {
		t.Fatalf("%d copies, %v gone, %d out, want 1, none, 1", len(c.got), gone, x.Out(0))
	}
	home := &copies{}
	x.Copy(0, &c.got[0], home)
	x.Release(0, &home.got[0])
	x.Release(1, &c.got[0])
	if len(gone) != 0 || !x.Unflushed(1) {
		t.Errorf("%v gone before the last reference came home", gone)
	}
	x.Flush(1)
	if !x.Readable(0) || x.Recv(0, 10) != 1 || strings.Join(gone, " ") != "0:1" || x.Out(0) != 0 {
		t.Errorf("gone %v, %d out, want 0:1 and none", gone, x.Out(0))
	}
}

func TestForeignLimits(t *testing.T) {
	x := NewExchange[thing](2, 2, nil)
	a, _ := x.Make(0, &thing{})
	b, _ := x.Make(0, &thing{})
	if _, ok := x.Make(0, &thing{}); ok {
		t.Error("a third reference out of two")
	}
	c := &copies{}
	for i := range 3 {
		if ok := x.Copy(1, &a, c); ok != (i < 2) {
			t.Errorf("question %d: %v", i, ok)
		}
	}
	x.Flush(1)
	x.Recv(0, 10)
	x.Flush(0)
	x.Recv(1, 10)
	if c.refused != 2 || len(c.got) != 0 || x.Out(0) != 2 {
		t.Errorf("%d refused, %d copies, %d out, want 2, 0, 2", c.refused, len(c.got), x.Out(0))
	}
	x.Release(0, &a)
	x.Release(0, &b)
	if len(x.Leaks()) != 0 {
		t.Errorf("leaks %v", x.Leaks())
	}
	for name, f := range map[string]func(){
		"released twice":   func() { x.Release(0, &a) },
		"copied when gone": func() { x.Copy(0, &a, c) },
		"no limit":         func() { NewExchange[thing](2, 0, nil) },
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

// Random shards on one thread make, copy, give away and release. Nothing is
// destroyed while there is a reference to it, everything once there is none.
func TestForeignSimulation(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		n, made := 2+rng.IntN(3), 0
		alive := map[*thing]int{} // references
		x := NewExchange(n, 1+rng.IntN(40), func(home int, v *thing) {
			if alive[v] != 0 || v.home != home || v.destroyed.Swap(true) {
				t.Fatalf("seed %d: thing %d of shard %d destroyed on %d with %d references", seed, v.id, v.home, home, alive[v])
			}
			delete(alive, v)
		})
		hold := make([]copies, n)
		take := func(me int) { x.Flush(me); x.Recv(me, 1+rng.IntN(20)) }
		for range 3000 {
			me := rng.IntN(n)
			h := &hold[me]
			switch rng.IntN(5) {
			case 0:
				v := &thing{home: me, id: made}
				if f, ok := x.Make(me, v); ok {
					made++
					alive[v]++
					h.got = append(h.got, f)
				}
			case 1:
				if k := len(h.got); k > 0 {
					at := rng.IntN(k)
					v := h.got[at].Get()
					alive[v]++ // asked for; the refused are taken off in the end
					before := h.refused
					if !x.Copy(me, &h.got[at], h) || h.refused > before {
						alive[v]--
						h.refused = before
					} else if h.got[at].Home() != me {
						// Keep it: only references that no question is under way for
						// may be given away, and this test does not track that.
						for waiting := len(h.got) + h.refused; len(h.got)+h.refused == waiting; {
							for shard := range n {
								take(shard)
							}
						}
						if h.refused > before {
							alive[v]--
							h.refused = before
						}
					}
				}
			case 2:
				if k := len(h.got); k > 0 { // to another shard
					to := &hold[rng.IntN(n)]
					f := h.got[k-1]
					h.got = h.got[:k-1]
					to.got = append(to.got, f)
				}
			case 3:
				if k := len(h.got); k > 0 {
					at := rng.IntN(k)
					f := h.got[at]
					h.got[at] = h.got[k-1]
					h.got = h.got[:k-1]
					alive[f.Get()]--
					x.Release(me, &f)
				}
			case 4:
				take(me)
			}
		}
		for me := range hold {
			for _, f := range hold[me].got {
				alive[f.Get()]--
				x.Release(me, &f)
			}
		}
		for range 2 * n {
			for me := range n {
				x.Flush(me)
				for x.Recv(me, 100) > 0 {
				}
			}
		}
		if len(alive) != 0 || len(x.Leaks()) != 0 {
			t.Fatalf("seed %d: %d of %d things left, leaks %v", seed, len(alive), made, x.Leaks())
		}
		for me := range n {
			if x.Out(me) != 0 {
				t.Fatalf("seed %d: shard %d has %d references out", seed, me, x.Out(me))
			}
		}
	}
}

// Two threads: what one makes the other releases. For the race detector.
func TestForeignAcrossThreads(t *testing.T) {
	const count = 20_000
	var destroyed atomic.Int64
	x := NewExchange(2, 100, func(_ int, v *thing) { v.id = -1; destroyed.Add(1) })
	gift := New[Foreign[thing]](2, 64)
	var all sync.WaitGroup
	all.Go(func() {
		for i := 0; destroyed.Load() < count; {
			if i < count {
				if f, ok := x.Make(0, &thing{id: i}); ok {
					for !gift.Send(0, 1, f) {
						gift.Flush(0)
						x.Recv(0, 10)
					}
					i++
				}
			}
			gift.Flush(0)
			x.Recv(0, 10)
		}
	})
	all.Go(func() {
		r := &releaser{t: t, x: x}
		for r.n < count {
			gift.Recv(1, 64, r)
			x.Flush(1)
		}
		for x.Unflushed(1) {
			x.Flush(1)
		}
	})
	all.Wait()
	if x.Out(0) != 0 || len(x.Leaks()) != 0 {
		t.Errorf("%d references out, leaks %v", x.Out(0), x.Leaks())
	}
}

type releaser struct {
	t *testing.T
	x *Exchange[thing]
	n int
}

func (r *releaser) OnMessage(_ int, f Foreign[thing]) {
	if got := f.Get().id; got != r.n {
		r.t.Errorf("thing %d came as %d", r.n, got)
	}
	r.x.Release(1, &f)
	r.n++
}

func TestForeignAllocatesNothing(t *testing.T) {
	if invariants {
		t.Skip("builds with invariants keep book of every reference")
	}
	x, v := NewExchange(2, 8, func(int, *thing) {}), &thing{}
	round := func() {
		f, _ := x.Make(0, v)
		x.Release(1, &f)
		x.Flush(1)
		x.Recv(0, 10)
	}
	round()
	if got := testing.AllocsPerRun(100, round); got != 0 {
		t.Errorf("a reference there and back allocates %v times, want 0", got)
	}
}

func BenchmarkForeign(b *testing.B) {
	x, v := NewExchange(2, 8, func(int, *thing) {}), &thing{}
	b.ReportAllocs()
	for b.Loop() {
		f, _ := x.Make(0, v)
		x.Release(1, &f)
		x.Flush(1)
		x.Recv(0, 10)
	}
}
