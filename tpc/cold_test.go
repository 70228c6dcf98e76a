package tpc

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/log/check"
)

// checkLogs has every file of a stopped broker's directory checked: exact
// lengths, CRCs, indexes, snapshots.
func checkLogs(t testing.TB, b *Broker) {
	t.Helper()
	var out bytes.Buffer
	n, err := check.Check(b.cfg.DataDir, &out)
	if n != 0 || err != nil {
		t.Errorf("%d problems, %v\n%s", n, err, out.String())
	}
}

// TestRolls writes batches of all sizes to segments hardly larger than they
// are, much smaller and much larger than a chunk, so that logs roll while
// writes, zero-fills, creations and seals are under way.
func TestRolls(t *testing.T) {
	for _, disk := range []string{"direct", "buffered"} {
		for _, durability := range []string{"memory", "process", "power"} {
			t.Run(disk+"/"+durability, func(t *testing.T) {
				rng := seeded(t)
				dir := t.TempDir()
				set := []string{"disk", disk, "durability", durability, "append.chunk.bytes", "16384"}
				b := start(t, dir, set...)
				r := dial(t, b)
				var sent [3]shadow
				for i, segment := range []int{4096, 20_000, 300_000} {
					topicWith(t, r, fmt.Sprint("t", i), 2, "segment.bytes", fmt.Sprint(segment))
				}
				var producers sync.WaitGroup
				for i, segment := range []int{4096, 20_000, 300_000} {
					for p := range int32(2) {
						r, rng := dial(t, b), rand.New(rand.NewPCG(rng.Uint64(), 3))
						producers.Go(func() {
							for range 30 {
								records := randomBatch(rng, 1+rng.IntN(segment-200))
								if code, err := sent[i].add(r, fmt.Sprint("t", i), p, records); code != 0 || err != nil {
									t.Errorf("produce to t%d-%d: code %d, %v", i, p, code, err)
									return
								}
							}
						})
					}
				}
				producers.Wait()
				verify := func() {
					for i := range sent {
						sent[i].verify(t, b, fmt.Sprint("t", i), 1<<20)
					}
				}
				verify()
				stop(t, b)
				checkLogs(t, b)
				b = start(t, dir, set...)
				verify() // from the device now
				r = dial(t, b)
				for i := range sent {
					sent[i].mustAdd(t, r, fmt.Sprint("t", i), 0, randomBatch(rng, 100))
				}
				verify()
				stop(t, b)
				checkLogs(t, b)
			})
		}
	}
}

// TestCatchUp reads logs long gone from memory, with batches from tiny to far
// above a window, from several connections that are at different places of the
// same partitions and ask for two of them in opposite orders.
func TestCatchUp(t *testing.T) {
	for _, backend := range []string{"uring", "epoll"} {
		t.Run(backend, func(t *testing.T) {
			rng := seeded(t)
			dir := t.TempDir()
			set := []string{"network", backend, "message.max.bytes", "4000000", "log.segment.bytes", "9000000"}
			b := launch(t, small(configure(t, dir, set...)))
			r := dial(t, b)
			topicWith(t, r, "t", 4)
			var sent shadow
			for p := range int32(4) {
				for range 40 {
					size := 1 + rng.IntN(3000)
					if rng.IntN(4) == 0 {
						size = 1 + rng.IntN(1<<uint(12+rng.IntN(10)))
					}
					sent.mustAdd(t, r, "t", p, randomBatch(rng, size))
				}
			}
			stop(t, b)
			checkLogs(t, b)

			b = launch(t, small(configure(t, dir, set...)))
			sent.verify(t, b, "t", 1)
			var readers sync.WaitGroup
			for range 6 {
				r, rng := dial(t, b), rand.New(rand.NewPCG(rng.Uint64(), 4))
				readers.Go(func() {
					for range 40 {
						var parts []want
						for _, p := range rng.Perm(4) {
							parts = append(parts, want{int32(p), rng.Int64N(sent.end(int32(p))), int32(1 + rng.IntN(1<<uint(10+rng.IntN(12))))})
						}
						got, err := r.fetch(fetchRequest("t", forever, 1, 1<<30, parts...))
						if err != nil {
							t.Error(err)
							return
						}
						for i, p := range got {
							// Only the first may have a batch above its share.
							if p.ErrorCode != 0 || i == 0 && len(p.RecordBatches) == 0 {
								t.Errorf("t-%d at %d: code %d, %d bytes", p.Partition, parts[i].offset, p.ErrorCode, len(p.RecordBatches))
							} else if len(p.RecordBatches) == 0 {
								continue
							} else if _, err := sent.check(p.Partition, parts[i].offset, p.RecordBatches); err != nil {
								t.Error(err)
							}
						}
					}
				})
			}
			readers.Wait()
			for _, s := range b.shards {
				if s.coldReads.Load() == 0 {
					t.Errorf("shard %d read nothing from the device: the test tested nothing", s.id)
				}
			}
			stop(t, b)
		})
	}
}

// TestColdLookups searches by timestamp in batches that are larger than a
// window, on the device only.
func TestColdLookups(t *testing.T) {
	rng := seeded(t)
	dir := t.TempDir()
	b := start(t, dir)
	r := dial(t, b)
	topicWith(t, r, "t", 1)
	var sent shadow
	for range 5 {
		sent.mustAdd(t, r, "t", 0, randomBatch(rng, 700_000))
	}
	stop(t, b)
	b = start(t, dir)
	r = dial(t, b)
	for at, wanted := range map[int64]int64{0: 0, bornMs: 0, bornMs + 1: -1, -3: 0} {
		req := kmsg.NewPtrListOffsetsRequest()
		req.Version, req.ReplicaID = 7, -1
		topic := kmsg.NewListOffsetsRequestTopic()
		topic.Topic = "t"
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Timestamp = at
		topic.Partitions = append(topic.Partitions, part)
		req.Topics = append(req.Topics, topic)
		resp, err := r.ask(req)
		if err != nil {
			t.Fatal(err)
		}
		if p := resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != wanted {
			t.Errorf("offset for %d: %d, code %d, want %d", at, p.Offset, p.ErrorCode, wanted)
		}
	}
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
}

// TestRetentionMeetsReaders has segments go while readers catch up, files closed
// at once: a reader sees the right bytes or is told that they are gone.
func TestRetentionMeetsReaders(t *testing.T) {
	rng := seeded(t)
	b := launch(t, small(configure(t, t.TempDir(), "log.segment.bytes", "200000", "log.retention.bytes", "3000000",
		"log.retention.check.interval.ms", "1", "log.segment.delete.delay.ms", "0", "durability", "memory")))
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	var sent shadow
	var readers sync.WaitGroup
	done := make(chan struct{})
	for p := range int32(2) {
		r := dial(t, b)
		readers.Go(func() {
			next, gone := int64(0), 0
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := r.fetch(fetchRequest("t", 10, 1, 1<<20, want{p, next, 50_000}))
				if err != nil {
					t.Error(err)
					return
				}
				switch code := got[0].ErrorCode; code {
				case 0:
					if next, err = sent.check(p, next, got[0].RecordBatches); err != nil {
						t.Error(err)
						return
					}
				case 1:
					gone++
					if next = got[0].LogStartOffset; next < 0 {
						next = sent.end(p)
					}
				default:
					t.Errorf("t-%d at %d: code %d", p, next, code)
					return
				}
			}
		})
	}
	for range 400 {
		if code, err := sent.add(r, "t", int32(rng.IntN(2)), randomBatch(rng, 90_000)); err != nil || code != 0 && code != codeExhausted {
			t.Fatal(code, err)
		}
	}
	close(done)
	readers.Wait()
	stop(t, b)
	checkLogs(t, b)
}

// TestDelayedDeletionSparesTheNextTopic deletes a topic whose segments wait for
// their deletion and makes another of the same name.
func TestDelayedDeletionSparesTheNextTopic(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir(), "log.retention.check.interval.ms", "1", "log.segment.delete.delay.ms", "1000")
	r := dial(t, b)
	topicWith(t, r, "t", 1, "segment.bytes", "10000", "retention.bytes", "20000")
	owner := ownerOf(b, "t", 0)
	for range 20 {
		if _, code, err := r.produce("t", 0, randomBatch(rng, 8000)); code != 0 || err != nil {
			t.Fatal(code, err)
		}
	}
	var due int64 // when the last of them was to go
	until(t, b, owner, "segments wait for deletion", func(s *shard) bool {
		due = s.r.Now() + 1000e6
		return len(onlyPart(s).drops) > 0
	})
	deleteTopic(t, r, "t")
	topicWith(t, r, "t", 1)
	var sent shadow
	for range 20 {
		sent.mustAdd(t, r, "t", 0, randomBatch(rng, 8000))
	}
	until(t, b, owner, "the delay is over", func(s *shard) bool { return s.r.Now() > due })
	stop(t, b)
	checkLogs(t, b)
	b = start(t, b.cfg.DataDir)
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
}
