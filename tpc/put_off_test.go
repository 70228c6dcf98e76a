package tpc

import "testing"

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
