package tpc

import "github.com/ceteris/ceteris/tpc/reactor"

// housekeepingNs is how often a shard looks after what nobody waits for. Kafka's
// selector wakes every 300 ms for the same reason.
const housekeepingNs = 300e6

// housekeeping is the shard as its own timer's handler.
type housekeeping shard

// OnTimer closes idle connections, keeps memory free ahead of need, follows the
// wall clock and, at their intervals, applies retention and compaction.
func (h *housekeeping) OnTimer(t *reactor.Timer) {
	s := (*shard)(h)
	now := s.r.Now()
	s.wallOffsetMs = s.b.out.wallMs() - s.b.out.nowNs()/1e6
	s.arena.Reclaim()
	s.tidyLoans()
	s.coolDown(now)
	s.closeIdle(now)
	if !s.stopping && (now-s.retainedNs)/1e6 >= s.b.cfg.Int("log.retention.check.interval.ms") {
		s.retainedNs = now
		for _, p := range s.sorted() {
			s.retain(p)
		}
	}
	s.cleaner.look(now)
	s.r.After(t, housekeepingNs)
}

// closeIdle closes connections on which nothing has moved for too long. One that
// does not take its answer counts as idle, because what it was sent pins memory.
func (s *shard) closeIdle(nowNs int64) {
	idle := s.b.cfg.Int("connections.max.idle.ms")
	if idle < 0 {
		return
	}
	for c := s.conns; c != nil; c = c.next {
		if (c.head == nil || c.sending) && (nowNs-c.lastNs)/1e6 > idle {
			c.close()
		}
	}
}
