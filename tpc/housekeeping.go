package tpc

import (
	"fmt"

	"github.com/ceteris/ceteris/tpc/reactor"
)

// housekeepingNs is how often a shard looks after what nobody waits for. Kafka's
// selector wakes every 300 ms for the same reason.
const housekeepingNs = 300e6

// housekeeping is the shard as its own timer's handler.
type housekeeping shard

// OnTimer keeps memory free ahead of need, follows the wall clock, has idle
// connections closed and, at their intervals, retention and compaction applied.
func (h *housekeeping) OnTimer(t *reactor.Timer) {
	s := (*shard)(h)
	now := s.r.Now()
	s.wallOffsetMs = s.b.out.wallMs() - s.b.out.nowNs()/1e6
	s.arena.Reclaim()
	s.tidyLoans()
	s.coolDown(now)
	if len(s.partList) != len(s.parts) {
		panic(fmt.Sprintf("tpc: shard %d has %d partitions in its table and %d in its list", s.id, len(s.parts), len(s.partList)))
	}
	if s.idleMs >= 0 {
		s.idleSweep.start(s)
	}
	if !s.stopping && (now-s.retainedNs)/1e6 >= s.b.cfg.Int("log.retention.check.interval.ms") {
		s.retainedNs = now
		s.retention.start(s)
	}
	s.cleaner.look(now)
	s.r.After(t, housekeepingNs)
}

// closeIfIdle closes a connection on which nothing has moved for too long. One
// that does not take its answer counts as idle, because what it was sent pins
// memory.
func (s *shard) closeIfIdle(c *conn) {
	if (c.head == nil || c.sending) && (s.r.Now()-c.lastNs)/1e6 > s.idleMs {
		c.close()
	}
}
