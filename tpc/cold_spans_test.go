package tpc

import (
	"fmt"
	"testing"

	"github.com/ceteris/ceteris/models/arena"
)

// TestColdReadsTakeNoLargeSpans reads a log from the device, in answers of more
// than a window and with batches of up to the largest that the broker allows, and
// takes no span for it that is above the data path's.
func TestColdReadsTakeNoLargeSpans(t *testing.T) {
	var sent shadow
	dir := coldTopic(t, &sent, 4<<20)
	b := start(t, dir)
	r := dial(t, b)
	sent.mustAdd(t, r, "t", 0, randomBatch(seeded(t), 1_000_000))
	_ = r.c.Close()
	stop(t, b)
	b = start(t, dir)
	large := make(chan string, 1000)
	for _, s := range b.shards {
		if err := b.on(s, func(s *shard) error {
			s.arena.OnLarge(func(n int, p arena.Purpose) bool {
				large <- fmt.Sprintf("%d bytes for %s", n, p)
				return false
			})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	readThrough(t, b, &sent, 0, sent.end(0), 3<<20)
	if x := readingsOf(b); x.bytes < 4<<20 {
		t.Errorf("%d bytes came from the device, want all", x.bytes)
	}
	select {
	case first := <-large:
		t.Errorf("%d large spans, the first of %s", len(large)+1, first)
	default:
	}
	stop(t, b)
}
