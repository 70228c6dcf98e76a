package tpc

import (
	"github.com/ceteris/ceteris/models/quota"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// Client quotas. A quota is the broker's, whichever shards a client's connections
// and partitions lie on. So each client id has one keeper, a shard that its hash
// names, with whom all its accounts are: a request that has all its parts home is
// booked there, by message if need be, and answered when the booking has come
// back. The arithmetic is that of a broker with one book, to the byte; what it
// costs is a hop there and back, while quotas are in force.
//
//	connection's shard ── msgBook ──▶ keeper: models/quota
//	  answer, then muted ◀─ msgBooked ─

// booking is a request on its way to the keeper and back.
type booking struct {
	client   []byte // the client id; the frame it came in may be gone
	frame    int    // bytes of the request
	bytes    int    // of a fetch's records
	threadNs int64

	throttleMs int32 // how long the client has to wait before its next
	withhold   bool  // the records are not sent
}

// note keeps what will be booked of a request that was just read.
func (b *booking) note(client, frame []byte) {
	*b = booking{client: append(b.client[:0], client...), frame: len(frame)}
}

// settle books a produce or a fetch that has all its parts home, if there are
// quotas, and finishes it.
func (s *shard) settle(r *request) {
	if s.quotas == nil {
		s.finish(r)
		return
	}
	b := &r.booking
	b.threadNs = r.stamps[telemetry.LocalDone] - r.stamps[telemetry.Started]
	if r.hdr.Key == keyFetch {
		b.bytes = r.fetch.Bytes()
	}
	to := keeperOf(b.client, len(s.b.shards))
	if to == s.id {
		s.book(r)
		s.booked(r)
		return
	}
	if entered, ok := s.enter(groupQuota, to, r); entered {
		r.OnPlace(to)
	} else if !ok {
		s.finish(r) // more wait than there can be requests
	}
}

// keeperOf spreads client ids over shards (FNV-1a).
func keeperOf(client []byte, shards int) int {
	h := uint32(2166136261)
	for _, c := range client {
		h = (h ^ uint32(c)) * 16777619
	}
	return int(h % uint32(shards))
}

// OnPlace sends a request that has a place to its keeper.
func (r *request) OnPlace(to int) { r.c.s.send(to, message{kind: msgBook, req: r}) }

// book is the keeper's part.
func (s *shard) book(r *request) {
	b, nowMs := &r.booking, max(s.r.Now()/1e6, 1)
	if r.hdr.Key == keyFetch {
		b.throttleMs, b.withhold = s.quotas.Fetched(nowMs, b.client, b.bytes, b.threadNs)
	} else {
		b.throttleMs = s.quotas.Produced(nowMs, b.client, b.frame, b.threadNs)
	}
}

// booked goes on at home.
func (s *shard) booked(r *request) {
	r.produce.ThrottleMs, r.fetch.ThrottleMs = r.booking.throttleMs, r.booking.throttleMs
	if r.booking.withhold {
		r.fetch.Withhold()
	}
	s.finish(r)
}

// throttle mutes the connection: nothing is received for so long. What had been
// taken in before is answered meanwhile.
func (c *conn) throttle(ms int32) {
	if ms <= 0 || c.closed {
		return
	}
	c.s.throttled.Inc()
	c.mutedNs = max(c.mutedNs, c.s.r.Now()+int64(ms)*1e6)
	c.unmute.H = c
	c.s.r.After(&c.unmute, c.mutedNs-c.s.r.Now())
	c.pause()
}

// OnTimer ends that.
func (c *conn) OnTimer(*reactor.Timer) {
	c.mutedNs = 0
	if !c.closed {
		c.parse(c.s.r.Now())
	}
}

// newQuotas is a shard's books; nil when no client is limited, so that requests
// then cost the look at a nil pointer.
func (b *Broker) newQuotas() *quota.Clients { return quota.NewClients(quota.LimitsOf(&b.cfg)) }
