package tpc

import (
	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/tpc/reactor"
)

// OnAccept gives a new connection to the shard that has the fewest.
func (s *shard) OnAccept(fd int) {
	if int64(s.b.connections()) >= s.b.cfg.Int("max.connections") {
		s.b.refused.Inc()
		_ = unix.Close(fd) // the client sees a reset; the limit is its operator's choice
		return
	}
	to := s.id
	for i := range s.b.shards {
		if s.b.shards[i].connCount.Load() < s.b.shards[to].connCount.Load() {
			to = i
		}
	}
	s.b.shards[to].connCount.Add(1)
	if to != s.id {
		s.send(to, message{kind: msgAccept, fd: fd})
		return
	}
	s.attach(fd)
}

// attach makes a connection of an accepted socket; it has been counted already.
func (s *shard) attach(fd int) {
	if s.stopping {
		_ = unix.Close(fd)
		s.connCount.Add(-1)
		return
	}
	s.b.tuneSocket(fd)
	s.nextConn++
	c := &conn{s: s, id: uint64(s.id)<<48 | s.nextConn, lastNs: s.r.Now()}
	c.framer = reactor.Framer{Alloc: s.alloc, MaxBytes: s.maxFrame}
	st, err := s.r.Attach(fd, c)
	if err != nil {
		s.b.logf("connection refused: %v", err)
		_ = unix.Close(fd)
		s.connCount.Add(-1)
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
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		s.conns = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	s.connCount.Add(-1)
}
