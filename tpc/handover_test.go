package tpc

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
)

// A message that was sent by the old image and has not arrived keeps the
// partition at its old owner until it has: without the fence it would come to a
// shard that knows nothing of the partition.
func TestFenceWaitsForMessages(t *testing.T) {
	b := launch(t, shards(configure(t, t.TempDir()), 3))
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	home := connectionHome(t, b)
	mustMove(t, b, cluster.Move{Topic: "t", Index: 0, To: int32((home + 1) % 3)})
	frame := r.frame(produceRequest("t", 0, -1, randomBatch(seeded(t), 100)))[4:]
	corr := r.corr
	staged, release := make(chan struct{}), make(chan struct{})
	go func() {
		_ = b.on(b.shards[home], func(s *shard) error {
			buf := s.arena.Alloc(len(frame))
			copy(buf.B, frame)
			s.serve(s.conns, buf.B[:len(frame)], buf, telemetry.Now(), telemetry.Now())
			close(staged) // sent, but only shown at the end of this round
			<-release
			return nil
		})
	}()
	<-staged
	moved := make(chan error, 1)
	go func() { moved <- b.Move(cluster.Move{Topic: "t", Index: 0, To: int32((home + 2) % 3)})[0] }()
	for ownerOf(b, "t", 0) != (home+2)%3 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-moved:
		t.Errorf("moved (%v) although a message was under way", err)
	case <-time.After(30 * time.Millisecond):
	}
	close(release)
	if resp, err := r.read(produceRequest("t", 0, -1, nil), corr); err != nil {
		t.Fatal(err)
	} else if code := produceCode(resp); code != 0 {
		t.Fatalf("code %d", code)
	}
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	stop(t, b)
}

// What cannot be moved stays where it is, says why, and is served.
func TestMovesThatFail(t *testing.T) {
	b := launch(t, shards(configure(t, t.TempDir()), 2))
	r, sent, rng := dial(t, b), &shadow{}, seeded(t)
	topicWith(t, r, "t", 1)
	sent.mustAdd(t, r, "t", 0, randomBatch(rng, 1000))
	from := ownerOf(b, "t", 0)
	other := b.shards[1-from]
	fails := func(want string, moves ...cluster.Move) {
		t.Helper()
		errs := b.Move(moves...)
		if err := errs[len(errs)-1]; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want one about %q", moves, err, want)
		}
		if at := ownerOf(b, "t", 0); at != from {
			t.Errorf("%+v: it is on shard %d", moves, at)
		}
		sent.mustAdd(t, r, "t", 0, randomBatch(rng, 1000))
		sent.verify(t, b, "t", 1<<20)
	}
	away := cluster.Move{Topic: "t", Index: 0, To: int32(1 - from)}
	stay := cluster.Move{Topic: "t", Index: 0, To: int32(from)}
	fails("there are 2 shards", cluster.Move{Topic: "t", Index: 0, To: 2})
	fails("no topic is named", cluster.Move{Topic: "u", Index: 0, To: 1})
	if err := b.Move(stay)[0]; err != nil {
		t.Errorf("to where it is: %v", err)
	}
	// No memory where it is going.
	var hog []*iobuf.Buf
	_ = b.on(other, func(s *shard) error {
		for size := 1 << 20; size >= 4096; size /= 2 {
			for buf := s.arena.AllocFor(size, arena.Append); buf != nil; buf = s.arena.AllocFor(size, arena.Append) {
				hog = append(hog, buf)
			}
		}
		return nil
	})
	fails("no memory left", away)
	_ = b.on(other, func(s *shard) error {
		for _, buf := range hog {
			buf.Release(s.arena)
		}
		return nil
	})
	// Something of it is under way and the broker stops waiting.
	_ = b.on(b.shards[from], func(s *shard) error { onlyPart(s).jobs++; return nil })
	moved := make(chan error, 1)
	go func() { moved <- b.Move(away)[0] }()
	until(t, b, from, "the partition is held", func(s *shard) bool { return onlyPart(s).moving })
	_ = b.on(b.shards[from], func(s *shard) error { s.staying = true; return nil })
	if err := <-moved; err == nil || !strings.Contains(err.Error(), errStopping.Error()) {
		t.Errorf("while the broker stops: %v", err)
	}
	_ = b.on(b.shards[from], func(s *shard) error { s.staying = false; onlyPart(s).jobs--; return nil })
	sent.mustAdd(t, r, "t", 0, randomBatch(rng, 1000))
	// Storage that has failed.
	_ = b.on(b.shards[from], func(s *shard) error { onlyPart(s).Fail(); return nil })
	if err := b.Move(away)[0]; err == nil || !strings.Contains(err.Error(), errStorageFailed.Error()) {
		t.Errorf("with failed storage: %v", err)
	}
	sent.verify(t, b, "t", 1<<20)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = b.Stop(ctx) // which finds that storage has failed
	if err := b.Move(away)[0]; err != errStopping {
		t.Errorf("after Stop: %v", err)
	}
	for _, err := range b.leaked {
		t.Error(err)
	}
}

// A move that is given up has failed, whatever a shard says that comes to it late.
func TestMoveThatIsGivenUp(t *testing.T) {
	b := start(t, t.TempDir())
	topicWith(t, dial(t, b), "t", 1)
	h := cluster.Handover{Topic: b.image.Load().Topic([]byte("t")), From: int32(ownerOf(b, "t", 0))}
	h.To = 1 - h.From
	letGo := hold(t, b, int(h.To), func(*shard) {})
	given := make(chan []error, 1)
	go func() { given <- b.Quiesce([]cluster.Handover{h}) }()
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		b.moves.mu.Lock()
		waits = b.moves.waiting != nil
		b.moves.mu.Unlock()
	}
	b.moves.abandon() // as a stop does that has no time
	errs := <-given
	letGo()
	until(t, b, int(h.To), "it was expected", func(s *shard) bool { return len(s.arriving) == 1 })
	if !errors.Is(errs[0], errStopping) {
		t.Errorf("the move failed with %v, want %v", errs[0], errStopping)
	}
	stop(t, b)
}

// Topics come and go, grow and the broker stops while everything moves. Whatever
// comes first, nothing is left over.
func TestMovesMeetEverything(t *testing.T) {
	dir := t.TempDir()
	rng := seeded(t)
	b := launch(t, shards(configure(t, dir, "log.segment.bytes", "20000", "log.retention.bytes", "50000",
		"log.retention.check.interval.ms", "20", "log.segment.delete.delay.ms", "5"), 3))
	r := dial(t, b)
	topicWith(t, r, "keep", 3)
	var all sync.WaitGroup
	done := make(chan struct{})
	for i := range 2 {
		w, seed := dial(t, b), rng.Uint64()
		all.Go(func() {
			rng := seededWith(seed)
			for {
				select {
				case <-done:
					return
				default:
				}
				// The connection ends with the broker.
				if _, code, err := w.produce("keep", int32(rng.IntN(3)), randomBatch(rng, 5000)); err != nil {
					return
				} else if code != 0 && code != codeExhausted {
					t.Errorf("producer %d: code %d", i, code)
				}
			}
		})
	}
	all.Go(func() {
		for rng := seededWith(1); ; {
			select {
			case <-done:
				return
			default:
			}
			var some []cluster.Move
			for _, topic := range b.image.Load().Topics() {
				for p := range topic.Parts {
					some = append(some, cluster.Move{Topic: topic.Name, Index: int32(p), To: rng.Int32N(3)})
				}
			}
			b.Move(some...) // topics that are gone by now, and a broker that stops, are errors
		}
	})
	for range 6 {
		topicWith(t, r, "come", 4)
		_, _, _ = r.produce("come", int32(rng.IntN(4)), randomBatch(rng, 3000))
		deleteTopic(t, r, "come")
	}
	stop(t, b) // while it moves
	close(done)
	all.Wait()
	checkLogs(t, b)
}
