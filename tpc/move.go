package tpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// A live move, as the goroutine of whoever asked for it sees it. It runs under
// the controller's lock, one batch at a time, and only waits: every step is taken
// by a shard, on its thread (handover.go).
//
// Order. A producer with several requests in flight must see them appended in
// order, though some reach the old owner and some the new one. So the old owner
// keeps what arrives, and gives it away only when no more can come: every shard
// has sent a fence behind whatever it sent by the old image. The new owner
// applies that first and what came to it directly after.

// moveBatch is how many partitions are quiet at the same time: enough to share
// the stored image and the fences, few enough that none waits long for others.
const moveBatch = 64

// quiesceNs is how long a partition may take to become quiet; its clients wait
// meanwhile.
const quiesceNs = 5e9

// moves is who may move partitions: one at a time, and nobody once the broker
// stops.
type moves struct {
	gate    chan struct{} // of capacity one
	stopped atomic.Bool
	mu      sync.Mutex
	waiting *tally // what the one who moves waits for
}

func newMoves() moves { return moves{gate: make(chan struct{}, 1)} }

var errStopping = errors.New("the broker is stopping")

// enter waits for the others; leave must follow. False when the broker stops.
func (m *moves) enter() bool {
	m.gate <- struct{}{}
	if m.stopped.Load() {
		m.leave()
		return false
	}
	return true
}

func (m *moves) leave() { <-m.gate }

// stopMoves ends moving: the batch under way is finished, or put back if it is
// not quiet yet. It waits for that as long as ctx allows.
func (b *Broker) stopMoves(ctx context.Context) {
	b.moves.stopped.Store(true)
	_ = b.each(func(s *shard) error { s.staying = true; return nil })
	for {
		select {
		case b.moves.gate <- struct{}{}:
			b.moves.leave()
			return
		default:
		}
		if b.out.sleep(ctx, time.Millisecond) != nil {
			return
		}
	}
}

// abandon lets go whoever still waits for a shard.
func (m *moves) abandon() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stopped.Store(true)
	if m.waiting != nil {
		m.waiting.done <- errStopping
	}
}

// tally waits until n things have been done by shards.
type tally struct {
	left atomic.Int64
	done chan error
}

func (m *moves) tally(n int) *tally {
	t := &tally{done: make(chan error, 2)} // all done, and abandoned
	t.left.Store(int64(n))
	m.mu.Lock()
	m.waiting = t
	m.mu.Unlock()
	if n == 0 {
		t.done <- nil
	}
	return t
}

// one thing is done. Any thread.
func (t *tally) one() {
	if t.left.Add(-1) == 0 {
		t.done <- nil
	}
}

// Move moves partitions between shards while they are served, and returns when
// they are served there. There is an error for each move, nil where it was made
// or not needed; a partition whose move failed is served where it was. It blocks:
// not for a shard's thread.
func (b *Broker) Move(all ...cluster.Move) []error {
	var errs []error
	for len(all) > 0 {
		n := min(len(all), moveBatch)
		errs = append(errs, b.moveSome(all[:n])...)
		all = all[n:]
	}
	return errs
}

func (b *Broker) moveSome(some []cluster.Move) []error {
	if !b.moves.enter() {
		errs := make([]error, len(some))
		for i := range errs {
			errs[i] = errStopping
		}
		return errs
	}
	defer b.moves.leave()
	return b.control.Move(some)
}

// together runs f for every handover on the shard that pick chooses, all at the
// same time, and waits until every f has called done.
func (b *Broker) together(hs []cluster.Handover, pick func(*cluster.Handover) int32, f func(s *shard, i int, done func())) error {
	t := b.moves.tally(len(hs))
	for i := range hs {
		s := b.shards[pick(&hs[i])]
		if !s.r.Post(reactor.Func(func() { f(s, i, t.one) })) {
			return errStopping
		}
	}
	return b.out.wait(t.done)
}

func from(h *cluster.Handover) int32 { return h.From }
func to(h *cluster.Handover) int32   { return h.To }

// Quiesce is called by the controller.
func (b *Broker) Quiesce(hs []cluster.Handover) []error {
	errs := make([]error, len(hs))
	expected := make([]bool, len(hs))
	err := b.together(hs, to, func(s *shard, i int, done func()) {
		errs[i] = s.expect(&hs[i])
		expected[i] = errs[i] == nil
		done()
	})
	if err == nil {
		err = b.together(hs, from, func(s *shard, i int, done func()) {
			if !expected[i] {
				done()
				return
			}
			s.quiesce(&hs[i], func(err error) {
				errs[i] = err
				done()
			})
		})
	}
	if err == nil {
		err = b.together(hs, from, func(s *shard, i int, done func()) {
			if !expected[i] || errs[i] == nil {
				done()
				return
			}
			s.stay(&hs[i], done)
		})
	}
	if err == nil {
		err = b.together(hs, to, func(s *shard, i int, done func()) {
			if expected[i] && errs[i] != nil {
				s.forgetExpected(&hs[i])
			}
			done()
		})
	}
	stay := make([]error, len(hs))
	for i := range stay {
		why := err // shards have ended, or may still be writing to errs
		if err == nil {
			why = errs[i]
		}
		if why != nil {
			stay[i] = fmt.Errorf("partition %s-%d stays on shard %d: %w", hs[i].Topic.Name, hs[i].Index, hs[i].From, why)
		}
	}
	return stay
}

// HandOver is called by the controller, for partitions that are quiet.
func (b *Broker) HandOver(im *cluster.Image, hs []cluster.Handover) error {
	b.Publish(im)
	if err := b.fence(hs); err != nil {
		return err
	}
	return b.together(hs, from, func(s *shard, i int, done func()) {
		h := &hs[i]
		g, epoch := s.give(h), im.TopicByID(h.Topic.ID).Parts[h.Index].LeaderEpoch
		t := b.shards[h.To]
		if !t.r.Post(reactor.Func(func() { t.take(h, g, epoch, done) })) {
			// Nobody is left to do it.
			if g.tail != nil {
				g.tail.Release(s.arena)
			}
			_ = closeSegments(g.p.Log)
			done()
		}
	})
}

// fence returns when nothing can arrive any more that was sent by an older image
// to a shard that something leaves.
func (b *Broker) fence(hs []cluster.Handover) error {
	var old []int32
	for i := range hs {
		if !slices.Contains(old, hs[i].From) {
			old = append(old, hs[i].From)
		}
	}
	passed := b.moves.tally(len(old))
	for _, id := range old {
		if err := b.on(b.shards[id], func(s *shard) error {
			s.fence = fence{left: len(b.shards) - 1, passed: passed}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, s := range b.shards {
		s.r.Post(reactor.Func(func() {
			for _, id := range old {
				if int(id) != s.id {
					s.sendFence(int(id))
				}
			}
		}))
	}
	return b.out.wait(passed.done)
}

// fence counts the shards that still may send by an older image.
type fence struct {
	left   int
	passed *tally
}

func (f *fence) pass() {
	if f.left--; f.left == 0 {
		f.passed.one()
	}
}
