package threadpool

import (
	"time"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/quota"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// quotas is Kafka's ClientQuotaManager for produce, fetch and request time: the
// thread that completes a request books it and learns how long the client has
// to wait, the response goes out at once and says so, and the connection stays
// muted until then.
type quotas struct {
	lock    kernel.Mutex
	clients *quota.Clients
}

// newQuotas returns nil when no client is limited, so that requests then cost
// the look at a nil pointer.
func newQuotas(cfg *models.Config, gogo bool, class *kernel.Class) *quotas {
	clients := quota.NewClients(quota.LimitsOf(cfg))
	if clients == nil {
		return nil
	}
	q := &quotas{clients: clients}
	q.lock.Go(gogo)
	q.lock.Of(class)
	return q
}

// produced books a produce request.
func (q *quotas) produced(r *request) int32 {
	if q == nil {
		return 0
	}
	q.lock.Lock()
	defer q.lock.Unlock()
	r.throttleMs = q.clients.Produced(telemetry.Now()/1e6, r.header.ClientID, len(r.frame), r.localNs())
	return r.throttleMs
}

// fetched books a fetch's bytes, and takes them out of it when they are too many.
func (q *quotas) fetched(r *request) int32 {
	if q == nil {
		return 0
	}
	q.lock.Lock()
	defer q.lock.Unlock()
	var withhold bool
	r.throttleMs, withhold = q.clients.Fetched(telemetry.Now()/1e6, r.header.ClientID, r.fetch.Bytes(), r.localNs())
	if withhold {
		r.fetch.Withhold()
	}
	return r.throttleMs
}

// localNs is the handler's time for the request.
func (r *request) localNs() int64 { return r.stamps[telemetry.LocalDone] - r.stamps[telemetry.Started] }

// throttle keeps the connection of an answered request muted. What ends that
// comes through the response queue, as in Kafka, so that the connection stays
// its processor's alone.
func (p *processor) throttle(c *connection, ms int32) {
	c.throttles++
	p.throttled.Add(1)
	over := &note{unmute: c}
	time.AfterFunc(time.Duration(ms)*time.Millisecond, func() {
		p.responses.put(over)
		p.selector.wakeup()
	})
}

// endThrottle lets the connection be read from again.
func (p *processor) endThrottle(c *connection) {
	c.throttles--
	if !c.closed && p.mayRead(c) {
		p.queue(c)
	}
}
