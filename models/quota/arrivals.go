package quota

import (
	"math"
	"net/netip"
)

// Unlimited is the value of the settings that count connections when they do not.
const Unlimited = math.MaxInt32

// Addresses counts open connections by the address that they come from. The
// caller serialises all calls.
type Addresses struct {
	Limit int // of one address; those beyond are closed, as Kafka does
	open  map[netip.Addr]int
}

// Enter counts one more, unless that is too many.
func (a *Addresses) Enter(from netip.Addr) bool {
	if a.open[from] >= a.Limit {
		return false
	}
	if a.open == nil {
		a.open = map[netip.Addr]int{}
	}
	a.open[from]++
	return true
}

// Leave counts one less.
func (a *Addresses) Leave(from netip.Addr) {
	if a.open[from]--; a.open[from] <= 0 {
		delete(a.open, from)
	}
}

// Arrivals is the rate at which a broker takes connections, by the arithmetic of
// the other quotas. The caller serialises all calls.
type Arrivals struct {
	PerSec int64
	window Window
}

// Took books a connection and tells how long it has to wait before it is served,
// ms, and with it those behind.
func (a *Arrivals) Took(nowMs int64) (waitMs int64) {
	if a.PerSec == Unlimited {
		return 0
	}
	a.window.Record(nowMs, 1)
	return a.window.ThrottleMs(nowMs, float64(a.PerSec))
}
