package quota

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	a := Addresses{Limit: 2}
	one, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for i, step := range []struct {
		from  netip.Addr
		leave bool
		want  bool
	}{{one, false, true}, {one, false, true}, {one, false, false}, {other, false, true}, {one, true, true}, {one, false, true}, {one, false, false}} {
		if step.leave {
			a.Leave(step.from)
		} else if got := a.Enter(step.from); got != step.want {
			t.Errorf("step %d: let in %v, want %v", i, got, step.want)
		}
	}
	a.Leave(one)
	a.Leave(one)
	a.Leave(other)
	if len(a.open) != 0 {
		t.Errorf("%v are still counted when all have left", a.open)
	}
}

// TestArrivals: ten windows' worth comes at once, what follows waits for its
// share of a second each.
func TestArrivals(t *testing.T) {
	a := Arrivals{PerSec: 10}
	for n := range 103 {
		want := max(int64(n+1-100)*100, 0)
		if got := a.Took(5000); got != want {
			t.Errorf("connection %d waits %d ms, want %d", n, got, want)
		}
	}
	free := Arrivals{PerSec: Unlimited}
	for range 1000 {
		if got := free.Took(5000); got != 0 {
			t.Fatalf("waits %d ms without a limit", got)
		}
	}
}
