package tpc

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// forever is a MaxWaitMs that no test waits for.
const forever = 1 << 30

// TestFetchIsDueWithItsBytes waits on both shards for MinBytes that arrive in
// random shares. The answer must come exactly when the total is there: it would
// never come by time, and it must not have less.
func TestFetchIsDueWithItsBytes(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir())
	r, consumer := dial(t, b), dial(t, b)
	topicWith(t, r, "t", 4)
	for round := range 40 {
		minBytes := 1 + rng.IntN(20_000)
		parts := make([]want, 4)
		end := func(p int32) int64 {
			got, err := r.fetch(fetchRequest("t", 0, 0, 1<<20, want{p, 0, 0}))
			if err != nil {
				t.Fatal(err)
			}
			return got[0].HighWatermark
		}
		for p := range parts {
			parts[p] = want{int32(p), end(int32(p)), 1 << 20}
		}
		req := fetchRequest("t", forever, int32(minBytes), 1<<20, parts...)
		consumer.write(consumer.frame(req))
		for sent := 0; sent < minBytes; {
			records := randomBatch(rng, 1+rng.IntN(3000))
			if _, code, err := r.produce("t", int32(rng.IntN(4)), records); code != 0 || err != nil {
				t.Fatal(code, err)
			}
			sent += len(records)
		}
		resp, err := consumer.read(req, consumer.corr)
		if err != nil {
			t.Fatalf("round %d, MinBytes %d: %v", round, minBytes, err)
		}
		got := 0
		for _, p := range resp.(*kmsg.FetchResponse).Topics[0].Partitions {
			got += len(p.RecordBatches)
		}
		if got < minBytes {
			t.Fatalf("round %d: an answer with %d bytes, MinBytes is %d", round, got, minBytes)
		}
	}
	stop(t, b)
}

// TestFetchOutlivesEviction lets a fetch wait for more than it has already seen,
// and what it has seen be evicted.
func TestFetchOutlivesEviction(t *testing.T) {
	rng := seeded(t)
	b := launch(t, small(configure(t, t.TempDir())))
	r, consumer := dial(t, b), dial(t, b)
	topicWith(t, r, "t", 4)
	var sent shadow
	first := randomBatch(rng, 10_000)
	sent.mustAdd(t, r, "t", 0, first)
	parts := []want{{0, 0, 1 << 20}, {1, 0, 1 << 20}, {2, 0, 1 << 20}, {3, 0, 1 << 20}}
	req := fetchRequest("t", forever, 15_000, 1<<20, parts...)
	consumer.write(consumer.frame(req))
	// Another topic of each shard takes all the memory there is.
	topicWith(t, r, "other", 2)
	for i := range 60 {
		for p := range int32(2) {
			if _, code, err := r.produce("other", p, randomBatch(rng, 1<<20-1000)); code != 0 || err != nil {
				t.Fatal(i, code, err)
			}
		}
	}
	evicted := uint64(0)
	for _, s := range b.shards {
		evicted += s.evictions.Load()
	}
	if evicted == 0 {
		t.Fatal("nothing was evicted: the test tested nothing")
	}
	sent.mustAdd(t, r, "t", 1, randomBatch(rng, 10_000))
	resp, err := consumer.read(req, consumer.corr)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range resp.(*kmsg.FetchResponse).Topics[0].Partitions {
		next, err := sent.check(p.Partition, 0, p.RecordBatches)
		if err != nil || next != sent.end(p.Partition) {
			t.Errorf("partition %d: up to %d, want %d; %v", p.Partition, next, sent.end(p.Partition), err)
		}
	}
	stop(t, b)
}

// TestFetchStorm has consumers with random questions, some of whom go away
// without waiting for the answer, while producers write, memory is short, segments
// roll and go, and a topic is deleted under them. Every byte that arrives is
// checked, and in the end nothing is left over.
func TestFetchStorm(t *testing.T) {
	for _, backend := range []string{"uring", "epoll"} {
		t.Run(backend, func(t *testing.T) {
			rng := seeded(t)
			b := launch(t, small(configure(t, t.TempDir(), "network", backend, "log.segment.bytes", "1000000",
				"log.retention.check.interval.ms", "20", "log.segment.delete.delay.ms", "10")))
			setup := dial(t, b)
			topicWith(t, setup, "t", 4)
			topicWith(t, setup, "short", 2, "retention.bytes", "3000000")
			topicWith(t, setup, "doomed", 4)
			var sent, short shadow
			var producers, consumers sync.WaitGroup
			done := make(chan struct{})
			for p := range int32(4) {
				rng, r := rand.New(rand.NewPCG(rng.Uint64(), 1)), dial(t, b)
				producers.Go(func() {
					for range 150 {
						if code, err := sent.add(r, "t", p, randomBatch(rng, 1+rng.IntN(100_000))); err != nil || code != 0 && code != codeExhausted {
							t.Errorf("produce to t-%d: code %d, %v", p, code, err)
							return
						}
						if code, err := short.add(r, "short", p%2, randomBatch(rng, 1+rng.IntN(50_000))); err != nil || code != 0 && code != codeExhausted {
							t.Errorf("produce to short-%d: code %d, %v", p%2, code, err)
							return
						}
						_, _, _ = r.produce("doomed", p, randomBatch(rng, 100))
					}
				})
			}
			for i := range 6 {
				rng := rand.New(rand.NewPCG(rng.Uint64(), 2))
				consumers.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						if err := stormOnce(t, b, rng, &sent, &short); err != nil {
							t.Errorf("consumer %d: %v", i, err)
							return
						}
					}
				})
			}
			producers.Go(func() { deleteTopic(t, setup, "doomed") })
			producers.Wait()
			close(done)
			consumers.Wait()
			sent.verify(t, b, "t", 1<<20)
			sent.verify(t, b, "t", 300_000)
			stop(t, b)
		})
	}
}

// stormOnce is one connection of a careless consumer.
func stormOnce(t *testing.T, b *Broker, rng *rand.Rand, sent, short *shadow) error {
	r := dial(t, b)
	defer r.c.Close()
	for range 1 + rng.IntN(10) {
		topic, known := "t", sent
		switch rng.IntN(8) {
		case 0:
			topic, known = "doomed", nil
		case 1:
			topic, known = "short", short
		}
		var parts []want
		for _, p := range rng.Perm(4)[:1+rng.IntN(4)] {
			w := want{part: int32(p), max: int32(1 + rng.IntN(2<<20))}
			if known != nil {
				end := known.end(w.part)
				w.offset = rng.Int64N(end + 1)
				if rng.IntN(3) == 0 {
					w.offset = end
				}
			}
			parts = append(parts, w)
		}
		req := fetchRequest(topic, int32(rng.IntN(60)), int32(rng.IntN(200_000)), int32(1+rng.IntN(4<<20)), parts...)
		if rng.IntN(10) == 0 {
			_, _ = r.c.Write(r.frame(req))
			return nil // gone before the answer
		}
		got, err := r.fetch(req)
		if err != nil {
			return err
		}
		for i, p := range got {
			switch {
			case known == nil:
			case topic == "short" && (p.ErrorCode == 1 || p.ErrorCode == 3): // behind retention; there are only two
			case p.ErrorCode != 0:
				return fmt.Errorf("%s-%d at %d: code %d", topic, p.Partition, parts[i].offset, p.ErrorCode)
			case p.Partition != parts[i].part:
				return fmt.Errorf("%s: partition %d, want %d", topic, p.Partition, parts[i].part)
			case len(p.RecordBatches) == 0:
			case i > 0 && len(p.RecordBatches) < 61:
				return fmt.Errorf("%s-%d: %d bytes", topic, p.Partition, len(p.RecordBatches))
			default:
				if _, err := known.check(p.Partition, parts[i].offset, p.RecordBatches); err != nil {
					return fmt.Errorf("%s: %w", topic, err)
				}
			}
		}
	}
	return nil
}
