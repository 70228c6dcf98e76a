package floor

import (
	"log/slog"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// shard is a reactor with connections.
type shard struct {
	b       *Broker
	id      int
	r       *reactor.Reactor
	arena   *arena.Arena
	alloc   func(int) *iobuf.Buf
	rec     *telemetry.Recorder
	copies  telemetry.Copies
	sink    *sink
	work    *busywork.Stream // service time that an experiment adds
	started chan<- error
	turn    atomic.Int64
	dirty   []*conn

	hdr      wire.Header
	produceR wire.ProduceRequest
	produce  api.Produce
	fetchR   wire.FetchRequest
	fetch    api.Fetch
	chain    iobuf.Chain
}

// Start runs once on the shard's thread.
func (s *shard) Start(r *reactor.Reactor) error {
	s.arena.Own()
	s.arena.Touch()
	s.produce.Env, s.fetch.Env = &s.b.env, &s.b.env
	if s.id == 0 {
		if _, err := r.Listen(s.b.fd, s); err != nil {
			return err
		}
	}
	s.started <- nil
	return nil
}

// Poll takes memory back that other shards released.
func (s *shard) Poll() bool {
	s.rec.Poll()
	return s.arena.Drain() > 0
}

// Flush sends what the round has answered.
func (s *shard) Flush() {
	if s.sink != nil {
		s.sink.kick()
	}
	for _, c := range s.dirty {
		c.dirty = false
		c.flush()
	}
	s.dirty = s.dirty[:0]
}

// OnAccept spreads connections over the shards.
func (s *shard) OnAccept(fd int) {
	to := s.b.next(&s.turn)
	if to == s {
		s.attach(fd)
		return
	}
	if !to.r.Post(reactor.Func(func() { to.attach(fd) })) {
		_ = unix.Close(fd) // the broker is stopping
	}
}

func (s *shard) attach(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	c := &conn{s: s}
	c.framer = reactor.Framer{Alloc: s.alloc, MaxBytes: int(s.b.cfg.Int("socket.request.max.bytes")), Copies: &s.copies}
	st, err := s.r.Attach(fd, c)
	if err != nil {
		slog.Warn("connection refused", "error", err)
		_ = unix.Close(fd)
		return
	}
	c.st = st
}
