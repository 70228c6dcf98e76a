package tpc

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// coldTopic leaves a directory whose topic t, of one partition with about so many
// bytes in batches of up to 200 KB, is on the device only.
func coldTopic(t *testing.T, sent *shadow, bytes int) (dir string) {
	t.Helper()
	rng := seeded(t)
	dir = t.TempDir()
	b := start(t, dir)
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	for n := 0; n < bytes; {
		size := 1 + rng.IntN(200_000)
		sent.mustAdd(t, r, "t", 0, randomBatch(rng, size))
		n += size
	}
	stop(t, b)
	return dir
}

// readThrough fetches partition 0 from one offset to another, most bytes at a
// time, and returns how many fetches and bytes that took.
func readThrough(t testing.TB, b *Broker, sent *shadow, from, to int64, most int32) (fetches, bytes int) {
	r := dial(t, b)
	defer r.c.Close()
	for next := from; next < to; fetches++ {
		got, err := r.fetch(fetchRequest("t", 10_000, 1, 1<<30, want{0, next, most}))
		if err != nil || got[0].ErrorCode != 0 {
			t.Errorf("fetch at %d: %v", next, err)
			return fetches, bytes
		}
		was := next
		if next, err = sent.check(0, next, got[0].RecordBatches); err != nil || next == was {
			t.Errorf("fetch at %d: %d bytes, %v", was, len(got[0].RecordBatches), err)
			return fetches, bytes
		}
		bytes += len(got[0].RecordBatches)
	}
	return fetches, bytes
}

// readings are what the owner of partition 0 has counted of cold reads.
type readings struct{ reads, bytes, ahead, hits, wasted uint64 }

func readingsOf(b *Broker) readings {
	s := b.shards[ownerOf(b, "t", 0)]
	return readings{s.coldReads.Load(), s.coldBytes.Load(), s.aheadBytes.Load(), s.aheadHits.Load(), s.aheadWasted.Load()}
}

// TestColdFetchIsAsLargeAsAsked: one answer of several MiB from the device; with
// little memory it is smaller, and still every byte comes.
func TestColdFetchIsAsLargeAsAsked(t *testing.T) {
	var sent shadow
	const asked = 6 << 20
	b := start(t, coldTopic(t, &sent, 8<<20))
	r := dial(t, b)
	got, err := r.fetch(fetchRequest("t", 10_000, 1, 1<<30, want{0, 0, asked}))
	if err != nil || len(got[0].RecordBatches) != asked {
		t.Errorf("got %d bytes, %v, want %d", len(got[0].RecordBatches), err, asked)
	} else if _, err := sent.check(0, 0, got[0].RecordBatches); err != nil {
		t.Error(err)
	}
	if x := readingsOf(b); x.reads > 8 || x.bytes > asked+2<<20 {
		t.Errorf("%d bytes took %+v", asked, x)
	}
	stop(t, b)
	b = launch(t, small(configure(t, b.cfg.DataDir)))
	var readers sync.WaitGroup
	for range 6 {
		readers.Go(func() { readThrough(t, b, &sent, 0, sent.end(0), asked) })
	}
	readers.Wait()
	stop(t, b)
}

// TestReadAhead: who goes through a log finds what follows read already, and no
// more is read than that; with the setting at 0 nothing is.
func TestReadAhead(t *testing.T) {
	var sent shadow
	dir := coldTopic(t, &sent, 8<<20)
	for _, c := range []struct {
		set  string
		most int32
	}{{"1048576", 1 << 20}, {"1048576", 50_000}, {"0", 1 << 20}} {
		b := start(t, dir, "readahead.max.bytes", c.set)
		fetches, bytes := readThrough(t, b, &sent, 0, sent.end(0), c.most)
		x := readingsOf(b)
		t.Logf("%s, %d a fetch: %d fetches, %d bytes, %+v", c.set, c.most, fetches, bytes, x)
		switch ahead := c.set != "0"; {
		case ahead != (x.ahead > 0) || ahead != (x.hits > 0):
			t.Errorf("with readahead.max.bytes=%s: %+v", c.set, x)
		case ahead && x.ahead < uint64(bytes)/2:
			t.Errorf("of %d bytes only %d were read ahead", bytes, x.ahead)
		case x.wasted > 0:
			t.Errorf("one reader wasted %d bytes", x.wasted)
		case x.bytes > uint64(sent.size(0))*3/2:
			t.Errorf("%d bytes were read for %d", x.bytes, sent.size(0))
		}
		stop(t, b)
	}
}

// TestNoReadAheadForJumps: a reader that goes from place to place has nothing
// read ahead.
func TestNoReadAheadForJumps(t *testing.T) {
	var sent shadow
	b := start(t, coldTopic(t, &sent, 4<<20))
	r := dial(t, b)
	rng := rand.New(rand.NewPCG(7, 7))
	for range 30 {
		at := 1 + rng.Int64N(sent.end(0)-1)
		got, err := r.fetch(fetchRequest("t", 10_000, 1, 1<<30, want{0, at, 1000}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sent.check(0, at, got[0].RecordBatches); err != nil {
			t.Error(err)
		}
	}
	if x := readingsOf(b); x.reads == 0 || x.ahead > 1<<20 {
		t.Errorf("30 jumps: %+v", x)
	}
	stop(t, b)
}

// TestReadersDoNotThrash has six readers go through one partition, each from a
// place of its own: what is read for one stays until it was there.
func TestReadersDoNotThrash(t *testing.T) {
	var sent shadow
	b := start(t, coldTopic(t, &sent, 12<<20))
	end := sent.end(0)
	var readers sync.WaitGroup
	for i := range int64(6) {
		readers.Go(func() { readThrough(t, b, &sent, i*end/6, (i+1)*end/6, 200_000) })
	}
	readers.Wait()
	x := readingsOf(b)
	t.Logf("%d bytes: %+v", sent.size(0), x)
	if x.bytes > 2*uint64(sent.size(0)) {
		t.Errorf("%d bytes were read for %d", x.bytes, sent.size(0))
	}
	stop(t, b)
}

// size is how many bytes a partition has.
func (s *shadow) size(part int32) (n int) {
	for _, b := range s.parts[part] {
		n += len(b.b)
	}
	return n
}

// TestWindowInUseStays: what was read long ago and is the window used last is not
// dropped as long as somebody reads from it.
func TestWindowInUseStays(t *testing.T) {
	var sent shadow
	b := start(t, coldTopic(t, &sent, 1<<20), "readahead.max.bytes", "0", "append.idle.ms", "60000")
	if got, err := dial(t, b).fetch(fetchRequest("t", 10_000, 1, 1<<20, want{0, 0, 1000})); err != nil || got[0].ErrorCode != 0 {
		t.Fatal(got, err)
	}
	if err := b.on(b.shards[ownerOf(b, "t", 0)], func(s *shard) error {
		w := s.windows.prev
		if w == &s.windows {
			t.Error("there is no window")
			return nil
		}
		for o := s.windows.next; o != &s.windows; o = o.next {
			o.readNs -= 2 * s.warm.idleNs
		}
		w.touch() // as a look into it does
		if s.coolDown(s.r.Now()); len(w.spans) == 0 {
			t.Error("dropped although it was just used")
		}
		w.readNs -= 2 * s.warm.idleNs
		if s.coolDown(s.r.Now()); len(w.spans) > 0 {
			t.Error("kept although nobody uses it")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	stop(t, b)
}
