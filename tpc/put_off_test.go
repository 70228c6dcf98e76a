package tpc

import (
	"testing"

	"github.com/ceteris/ceteris/models/telemetry"
)

// TestLongWorkIsPutOff: requests that came together and take 2 ms each are not
// taken in together, so that answers leave between them; none is lost and all are
// answered in order.
func TestLongWorkIsPutOff(t *testing.T) {
	b := start(t, t.TempDir(), "shards", "1", "inflight", "64", "service.time.ns", "2000000")
	defer stop(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	rng := seeded(t)
	const n = 40
	before := b.shards[0].putOff.Load()
	first := r.corr + 1
	var all []byte
	for range n {
		all = append(all, r.frame(produceRequest("t", 0, -1, randomBatch(rng, 100)))...)
	}
	r.write(all)
	for corr := first; corr < first+n; corr++ {
		if _, err := r.read(produceRequest("t", 0, -1, nil), corr); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.shards[0].putOff.Load() - before; got < n/2 {
		t.Errorf("the rest of %d requests was put off %d times, want at least %d", n, got, n/2)
	}
}

// TestLargeFramesThatArePutOff: requests of 1 MiB that come one behind the other on
// several connections and take longer than a round has are received where they are
// decoded all the same, but for a few buffers of 32 KiB of each.
func TestLargeFramesThatArePutOff(t *testing.T) {
	for _, backend := range []string{"uring", "epoll"} {
		t.Run(backend, func(t *testing.T) {
			b := launch(t, configure(t, t.TempDir(), "shards", "1", "network", backend, "service.time.ns", "2000000"))
			defer stop(t, b)
			topicWith(t, dial(t, b), "t", 1)
			s := b.shards[0]
			before := s.putOff.Load()
			const n, size = 32, 1 << 20
			value := randomBatch(seeded(t), size-200)
			var conns []*raw
			for range 4 {
				r := dial(t, b)
				conns = append(conns, r)
				var all []byte
				for range n {
					all = append(all, r.frame(produceRequest("t", 0, -1, value))...)
				}
				go func() { _, _ = r.c.Write(all) }() // the answers tell
			}
			for _, r := range conns {
				for corr := r.corr - n + 1; corr <= r.corr; corr++ {
					if _, err := r.read(produceRequest("t", 0, -1, nil), corr); err != nil {
						t.Fatal(err)
					}
				}
			}
			copied := int(s.copies.Load(telemetry.CopyReceive)) / (len(conns) * n)
			t.Logf("put off %d times, %d bytes of each frame copied", s.putOff.Load()-before, copied)
			// What comes in small pieces has an end and a beginning in buffers, and a frame
			// that ends in one has up to four more behind it.
			if copied > 300<<10 {
				t.Errorf("%d bytes of each frame were copied, want 300 KiB at most", copied)
			}
		})
	}
}
