package tpc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ceteris/ceteris/models/log"
)

// answerGrace is how long Stop waits for clients to take the answers that they
// are owed before it closes their connections.
const answerGrace = 3 * time.Second

// Stop ends the broker in the order in which nothing can be lost: no new
// connections and requests; answers for what was taken in, consumers that wait
// included; only when no shard has a request left does it wait for the last
// dirty byte, because requests of one shard write to another. Then the reactors
// end, the logs are closed at their exact lengths, and the directory is marked
// clean unless storage has failed.
//
// When ctx ends before everything is on the device the error says so, and the
// next start recovers what is there.
func (b *Broker) Stop(ctx context.Context) error {
	if b.released {
		return nil
	}
	b.stopMoves(ctx)
	_ = b.each(func(s *shard) error { s.beginStop(); return nil })
	grace, cancel := b.out.timeout(ctx, answerGrace)
	defer cancel()
	if b.await(grace, (*shard).answered) != nil {
		_ = b.each(func(s *shard) error { s.closeConnections(); return nil })
	}
	err := b.await(ctx, (*shard).answered)
	if err == nil {
		err = b.awaitDrained(ctx)
	}
	if err != nil {
		err = fmt.Errorf("the broker still had work: %w", err)
	}
	return errors.Join(err, b.release(err == nil))
}

// release gives back whatever the broker has taken, at any stage of Start. Once.
func (b *Broker) release(clean bool) error {
	if b.released {
		return nil
	}
	b.released = true
	b.moves.abandon()
	b.balance.stop()
	b.stopShards()
	b.checkpoints.end()
	b.closeListeners()
	var errs []error
	for _, s := range b.shards {
		s.dropParked()
		s.dropCallers()
		ok, err := s.closeLogs(clean)
		clean = clean && ok
		errs = append(errs, err)
	}
	for _, s := range b.shards {
		if s.area == nil {
			continue
		}
		s.area.Freeze()
		if clean { // before the directory is marked: what is marked has no staging files
			errs = append(errs, s.area.Remove())
		}
	}
	if b.control != nil {
		errs = append(errs, b.control.Logs().Close(clean))
	}
	runtime.LockOSThread() // arenas may check who calls
	defer runtime.UnlockOSThread()
	for _, s := range b.shards { // all before the first is unmapped: they have each other's memory
		s.freeMemory()
	}
	for _, s := range b.shards {
		// Anything still out has leaked; its memory stays mapped.
		if err := s.unmap(); err != nil {
			b.leaked = append(b.leaked, fmt.Errorf("shard %d: %w", s.id, err))
			b.logf("shard %d: %v", s.id, err)
		}
	}
	return errors.Join(errs...)
}

// each runs f on every shard in turn.
func (b *Broker) each(f func(*shard) error) error {
	var errs []error
	for _, s := range b.shards {
		errs = append(errs, b.on(s, f))
	}
	return errors.Join(errs...)
}

// errBusy is what await sees of a shard that is not there yet.
var errBusy = errors.New("busy")

// await asks every shard until all say yes.
func (b *Broker) await(ctx context.Context, yes func(*shard) bool) error {
	for {
		err := b.each(func(s *shard) error {
			if yes(s) {
				return nil
			}
			return errBusy
		})
		if !errors.Is(err, errBusy) {
			return err
		}
		if err := b.out.sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// beginStop stops taking work: no new connections, no new requests.
func (s *shard) beginStop() {
	s.stopping = true
	if s.listening != nil {
		s.listening.Close()
		s.listening = nil
	}
	s.dropParked()
	s.dropLobby()
	for c := s.conns; c != nil; c = c.next {
		c.pause()
		for r := c.head; r != nil; r = r.next {
			s.abandon(r) // consumers get what there is instead of a reset
		}
	}
}

// closeConnections gives up on clients that do not take their answers.
func (s *shard) closeConnections() {
	for c := s.conns; c != nil; c = c.next {
		c.close()
	}
}

// answered reports whether every request is answered or, its connection being
// gone, taken back, and none is anywhere else: a fetch that nobody waits for may
// still read from the device.
func (s *shard) answered() bool {
	if !s.b.services.Idle(s.id) || s.live > 0 {
		return false
	}
	for c := s.conns; c != nil; c = c.next {
		if c.sending {
			return false
		}
	}
	return true
}

// awaitDrained waits until every byte is written and every file sealed. Nobody
// produces any more, so what is drained stays so, and no task looks at all
// partitions again.
func (b *Broker) awaitDrained(ctx context.Context) error {
	for _, s := range b.shards {
		for at, all := 0, false; !all; {
			before := at
			if err := b.on(s, func(s *shard) error {
				at = s.drainedFrom(at)
				all = at >= len(s.partList)
				return nil
			}); err != nil {
				return err
			}
			if !all && at-before < drainedLooks {
				if err := b.out.sleep(ctx, time.Millisecond); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// drainedLooks is how many partitions one task looks at.
const drainedLooks = 256

// drainedFrom is how far all partitions from one on are drained, as far as a task
// may look.
func (s *shard) drainedFrom(at int) int {
	for end := min(at+drainedLooks, len(s.partList)); at < end && s.partList[at].app.drained(); {
		at++
	}
	return at
}

// closeLogs runs after the reactor has ended. It tells whether every log was
// closed as it should be.
func (s *shard) closeLogs(clean bool) (ok bool, err error) {
	parts := s.partList
	var left atomic.Int64
	err = log.Parallel(len(parts), int(s.b.cfg.Int("num.recovery.threads.per.data.dir")), func(i int) error {
		p := parts[i]
		var errs []error
		for _, d := range p.drops { // their delay was for readers, of which there are none
			errs = append(errs, d.drop())
		}
		p.drops = nil
		if p.Failed() || !clean || !p.app.drained() {
			left.Add(1)
		} else if err := p.Log.Close(s.b.fs); err != nil {
			errs = append(errs, err)
			left.Add(1)
		}
		return errors.Join(append(errs, closeSegments(p.Log))...)
	})
	return left.Load() == 0, err
}
