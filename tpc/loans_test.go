package tpc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/arena"
)

// loaned is the memory that a shard has given to others, and what it holds of
// theirs.
func loaned(t testing.TB, b *Broker, id int) (lent int64, chunks, pool int) {
	t.Helper()
	if err := b.on(b.shards[id], func(s *shard) error {
		s.arena.Drain()
		lent, chunks, pool = s.arena.PurposeBytes(arena.Lent), len(s.loans.chunks), len(s.loans.pool)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return lent, chunks, pool
}

// fillUp appends to partition 0 of t until the broker refuses.
func fillUp(t testing.TB, rng *rand.Rand, r *raw, acked *shadow, size int) (n int) {
	t.Helper()
	for ; ; n++ {
		code, err := acked.add(r, "t", 0, randomBatch(rng, size))
		switch {
		case err != nil:
			t.Fatal(err)
		case code == codeExhausted:
			return n
		case code != 0:
			t.Fatalf("code %d", code)
		case n > 5000:
			t.Fatal("memory never runs out")
		}
	}
}

// TestBorrowing lets nothing of one partition reach the device, so that its
// shard's memory fills with what must not be dropped. The shard goes on in the
// other's memory, down to that one's reserve, then refuses and lives. When the
// device goes on, what was borrowed goes home without anybody asking for it.
func TestBorrowing(t *testing.T) {
	rng := seeded(t)
	appended := map[string]int{}
	for _, borrow := range []string{"off", "on"} {
		t.Run(borrow, func(t *testing.T) {
			b := small(configure(t, t.TempDir(), "durability", "memory", "log.segment.bytes", "65536", "borrow", borrow))
			fs := newFaults(t, b)
			launch(t, b)
			r := dial(t, b)
			topicWith(t, r, "t", 1)
			owner := ownerOf(b, "t", 0)
			var acked shadow
			acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
			gate := make(chan int)
			fs.hold.Store(&gate)
			appended[borrow] = fillUp(t, rng, r, &acked, 40<<10)
			lent, _, _ := loaned(t, b, 1-owner)
			if back, chunks, _ := loaned(t, b, owner); (chunks > 0) != (borrow == "on") || (lent > 0) != (chunks > 0) || back != 0 {
				t.Errorf("%d chunks in borrowed memory, %d bytes lent by the other, %d by this one", chunks, lent, back)
			}
			if most := int64(minShardBytes) * (lendReserve - 1) / lendReserve; lent > most {
				t.Errorf("%d bytes lent, the reserve allows %d", lent, most)
			}
			acked.verify(t, b, "t", 1<<20) // also from borrowed memory
			fs.hold.Store(nil)
			close(gate)
			until(t, b, owner, "everything on the device", func(s *shard) bool { return onlyPart(s).app.drained() })
			until(t, b, 1-owner, "everything home", func(s *shard) bool { return s.arena.PurposeBytes(arena.Lent) == 0 })
			acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
			acked.verify(t, b, "t", 1<<20)
			stop(t, b)
		})
	}
	if appended["on"] <= appended["off"] {
		t.Errorf("%d batches with borrowing, %d without", appended["on"], appended["off"])
	}
}

// TestStopWithLoansOut ends a broker whose shards have each other's memory.
func TestStopWithLoansOut(t *testing.T) {
	rng := seeded(t)
	b := small(configure(t, t.TempDir(), "durability", "memory", "log.segment.bytes", "65536"))
	fs := newFaults(t, b)
	launch(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	var acked shadow
	acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
	gate := make(chan int)
	fs.hold.Store(&gate)
	fillUp(t, rng, r, &acked, 40<<10)
	time.AfterFunc(50*time.Millisecond, func() { close(gate) })
	stop(t, b)
}

// TestRecall makes the lender need its memory: the borrower drops what it caches
// of it.
func TestRecall(t *testing.T) {
	rng := seeded(t)
	b := small(configure(t, t.TempDir(), "durability", "memory", "log.segment.bytes", "65536"))
	fs := newFaults(t, b)
	launch(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	owner := ownerOf(b, "t", 0)
	if ownerOf(b, "t", 1) == owner {
		t.Fatal("both partitions on one shard")
	}
	var acked shadow
	acked.mustAdd(t, r, "t", 0, randomBatch(rng, 40<<10))
	gate := make(chan int)
	fs.hold.Store(&gate)
	fillUp(t, rng, r, &acked, 40<<10)
	if lent, _, _ := loaned(t, b, 1-owner); lent == 0 {
		t.Fatal("nothing was lent")
	}
	// The lender fills its own reserve with chunks that it cannot drop, and calls.
	for b.shards[1-owner].loans.recalls.Load() == 0 {
		if code, err := acked.add(r, "t", 1, randomBatch(rng, 40<<10)); err != nil || code != 0 && code != codeExhausted {
			t.Fatalf("code %d, %v", code, err)
		}
	}
	fs.hold.Store(nil)
	close(gate)
	until(t, b, 1-owner, "everything home", func(s *shard) bool { return s.arena.PurposeBytes(arena.Lent) == 0 })
	acked.mustAdd(t, r, "t", 1, randomBatch(rng, 40<<10))
	acked.verify(t, b, "t", 1<<20)
	stop(t, b)
}
