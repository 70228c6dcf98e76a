package threadpool

import (
	"net/netip"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/quota"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// crowd counts open connections by the address that they come from. Kafka closes
// those beyond max.connections.per.ip, and has those beyond max.connections wait.
type crowd struct {
	lock    kernel.Mutex
	open    quota.Addresses
	refused atomic.Uint64
}

// enter counts one more, unless that is too many.
func (c *crowd) enter(from netip.Addr) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.open.Enter(from) {
		c.refused.Add(1)
		return false
	}
	return true
}

func (c *crowd) leave(from netip.Addr) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.open.Leave(from)
}

// rate holds the acceptor back when connections come faster than
// max.connection.creation.rate, by the arithmetic of the other quotas: those
// that wait stay in the listener's backlog. It is the acceptor's alone.
type rate struct {
	arrivals quota.Arrivals
	rest     kernel.Gate // opened to end a wait early
	slept    atomic.Uint64
}

// wait books a connection and sleeps as long as the rate demands.
func (r *rate) wait(stopping *atomic.Bool) {
	now := telemetry.Now()
	until := now + r.arrivals.Took(now/1e6)*1e6
	for ; now < until && !stopping.Load(); now = telemetry.Now() {
		r.slept.Add(1)
		r.rest.Wait(min(until-now, waitNs))
	}
}
