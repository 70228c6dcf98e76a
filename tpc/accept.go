package tpc

import "github.com/ceteris/ceteris/tpc/reactor"

// OnAccept takes a new connection in, or has it wait when there are as many as
// max.connections allows. The kernel may have accepted some more by the time
// that the listener is paused; they wait here as the rest does in the backlog.
func (s *shard) OnAccept(fd int) {
	if len(s.parked) == 0 && s.b.takePlace() {
		s.enterBroker(fd)
		return
	}
	s.parked = append(s.parked, fd)
	if len(s.parked) == 1 {
		s.listening.Pause()
		s.crowds.Inc()
	}
	s.unpark()
}

// takePlace counts one more connection, unless that is too many.
func (b *Broker) takePlace() bool {
	limit := b.cfg.Int("max.connections")
	for {
		n := b.open.Load()
		if n >= limit {
			return false
		}
		if b.open.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// unpark lets in whoever waits, as far as there are places, and accepts again
// when nobody waits any more.
func (s *shard) unpark() {
	if s.listening == nil {
		return // stopping
	}
	for {
		for len(s.parked) > 0 && s.b.takePlace() {
			fd := s.parked[0]
			s.parked = append(s.parked[:0], s.parked[1:]...)
			s.enterBroker(fd)
		}
		if len(s.parked) == 0 {
			s.acceptAgain()
			return
		}
		// A place may have become free before the flag was up: look once more.
		if s.crowded.Swap(true) {
			return
		}
	}
}

// enterBroker takes a connection in that has its place, past the door if there is one.
func (s *shard) enterBroker(fd int) {
	if s.b.door != nil {
		s.ask(fd)
		return
	}
	s.admit(fd, noTicket)
}

// leave is the end of a connection that was counted.
func (s *shard) leave(ticket int32) {
	s.connCount.Add(-1)
	s.goodbye(ticket)
	s.vacate()
}

// vacate gives a connection's place back and tells one shard that waits for it.
func (s *shard) vacate() {
	s.b.open.Add(-1)
	for _, other := range s.b.shards {
		if !other.crowded.Swap(false) {
			continue
		}
		if other == s {
			s.unpark()
		} else {
			s.send(other.id, message{kind: msgRoom})
		}
	}
}

// admit gives a connection, which has its place, to a shard: the one with the
// fewest when they share a listener, else the one that it came to.
func (s *shard) admit(fd int, ticket int32) {
	to := s.id
	if s.b.handsOff() {
		for i := range s.b.shards {
			if s.b.shards[i].connCount.Load() < s.b.shards[to].connCount.Load() {
				to = i
			}
		}
	}
	if to != s.id {
		if entered, _ := s.enter(groupAccept, to, nil); entered {
			s.b.shards[to].connCount.Add(1)
			s.send(to, message{kind: msgAccept, part: ticket, fd: int32(fd)})
			return
		}
	}
	s.connCount.Add(1)
	s.attach(fd, ticket)
}

// attach makes a connection of an accepted socket; it has been counted already.
func (s *shard) attach(fd int, ticket int32) {
	if s.stopping {
		s.b.out.closeSocket(fd)
		s.leave(ticket)
		return
	}
	s.b.out.tune(s.b, fd)
	s.nextConn++
	s.accepted.Inc()
	c := &conn{s: s, ticket: ticket, id: uint64(s.id)<<48 | s.nextConn, lastNs: s.r.Now()}
	c.framer = reactor.Framer{Alloc: s.alloc, MaxBytes: s.maxFrame, Copies: &s.copies}
	st, err := s.r.Attach(fd, c)
	if err != nil {
		s.b.logf("connection refused: %v", err)
		s.b.out.closeSocket(fd)
		s.leave(ticket)
		return
	}
	c.st = st
	c.next = s.conns
	if s.conns != nil {
		s.conns.prev = c
	}
	s.conns = c
}

// forget takes a closed connection off the shard's list.
func (s *shard) forget(c *conn) {
	s.idleSweep.left(c)
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.conns = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	s.leave(c.ticket)
}

// dropParked hangs up on those who still wait when the broker stops.
func (s *shard) dropParked() {
	for _, fd := range s.parked {
		s.b.out.closeSocket(fd)
	}
	s.parked = nil
	s.crowded.Store(false)
}
