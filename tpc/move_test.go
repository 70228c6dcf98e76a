package tpc

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/cluster"
)

// shards makes a broker that is not started one of n unpinned shards.
func shards(b *Broker, n int) *Broker {
	b.cfg.CPUs = make([]int, n)
	for i := range b.cfg.CPUs {
		b.cfg.CPUs[i] = -1
	}
	b.cfg.MemoryBytes = int64(n) * 32 << 20
	return b
}

func mustMove(t testing.TB, b *Broker, all ...cluster.Move) {
	t.Helper()
	for i, err := range b.Move(all...) {
		if err != nil {
			t.Fatalf("%+v: %v", all[i], err)
		}
	}
}

// A partition that moves keeps what it has and takes more, its consumers see it
// all, and the next start finds it where it went.
func TestMove(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	r, sent := dial(t, b), &shadow{}
	rng := seeded(t)
	topicWith(t, r, "t", 2)
	for i := range 40 {
		sent.mustAdd(t, r, "t", int32(i%2), randomBatch(rng, 3000))
		if i%5 == 4 {
			mustMove(t, b, cluster.Move{Topic: "t", Index: int32(i % 2), To: int32(i / 5 % 2)})
		}
	}
	sent.verify(t, b, "t", 1<<20)
	var owners [2]int
	for i := range owners {
		mustMove(t, b, cluster.Move{Topic: "t", Index: int32(i), To: 1})
		owners[i] = ownerOf(b, "t", int32(i))
		if s := b.shards[1]; owners[i] != 1 {
			t.Fatalf("partition %d is on shard %d, not %d", i, owners[i], s.id)
		}
	}
	sent.verify(t, b, "t", 1<<20)
	_ = r.c.Close()
	stop(t, b)
	checkLogs(t, b)
	b = start(t, dir)
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
}

// pipeline is an idempotent producer to one partition that has several requests
// in flight. A broker that let one overtake another, lost one or took one twice
// would refuse the next, or give it an offset out of line.
type pipeline struct {
	r      *raw
	part   int32
	id     int64
	seq    int32
	window chan sentBatch
}

type sentBatch struct {
	corr  int32
	first int32
	b     []byte
}

// run sends n batches and notes the answers.
func (p *pipeline) run(rng *rand.Rand, n, inflight, size int, sent *shadow) error {
	p.window = make(chan sentBatch, inflight)
	failed := make(chan error, 1)
	go func() {
		last, err := int64(-1), error(nil)
		for w := range p.window {
			if err == nil {
				last, err = p.answer(w, last, sent)
			}
		}
		failed <- err
	}()
	for range n {
		count := 1 + rng.IntN(3)
		b := batch.NewBuilder(0, batch.CodecNone)
		b.ProducerID, b.ProducerEpoch, b.BaseSequence = p.id, 0, p.seq
		value := make([]byte, 1+rng.IntN(size))
		for range count {
			b.Append(bornMs, nil, value)
		}
		w := sentBatch{first: p.seq, b: b.Close()}
		p.seq += int32(count)
		frame := p.r.frame(produceRequest("t", p.part, -1, w.b))
		w.corr = p.r.corr
		if _, err := p.r.c.Write(frame); err != nil {
			break // the reader says why
		}
		p.window <- w
	}
	close(p.window)
	return <-failed
}

func (p *pipeline) answer(w sentBatch, last int64, sent *shadow) (int64, error) {
	resp, err := p.r.read(produceRequest("t", p.part, -1, nil), w.corr)
	if err != nil {
		return last, err
	}
	a := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if a.ErrorCode != 0 || a.BaseOffset <= last {
		return last, fmt.Errorf("producer %d to partition %d, sequence %d: code %d, offset %d after %d",
			p.id, p.part, w.first, a.ErrorCode, a.BaseOffset, last)
	}
	sent.note(p.part, a.BaseOffset, w.b)
	return a.BaseOffset, nil
}

// TestMovesUnderLoad moves all partitions around all the time while idempotent
// producers pipeline to them from connections on every shard and consumers wait
// in them. Nothing is lost, nothing is there twice, no order is changed.
func TestMovesUnderLoad(t *testing.T) {
	for _, set := range [][]string{
		{"network", "uring"},
		{"network", "epoll", "log.segment.bytes", "100000"},
		{"durability", "memory"},
		{"durability", "power", "disk", "buffered"},
	} {
		t.Run(fmt.Sprint(set), func(t *testing.T) {
			const parts, producers, batches = 4, 8, 120
			rng := seeded(t)
			b := launch(t, shards(configure(t, t.TempDir(), set...), 3))
			topicWith(t, dial(t, b), "t", parts)
			var sent shadow
			var writing, others sync.WaitGroup
			var over atomic.Bool
			for i := range producers {
				p := &pipeline{r: dial(t, b), part: int32(i % parts), id: int64(1000 + i)}
				rng := rand.New(rand.NewPCG(rng.Uint64(), 1))
				writing.Go(func() {
					if err := p.run(rng, batches, 1+i*4, 2000, &sent); err != nil {
						t.Error(err)
					}
				})
			}
			for i := range 4 {
				r := dial(t, b)
				others.Go(func() {
					if err := follow(r, parts, int32(1+1000*(i%2)), &sent, &over); err != nil {
						t.Errorf("consumer %d: %v", i, err)
					}
				})
			}
			moved := 0
			others.Go(func() {
				for !over.Load() {
					var some []cluster.Move
					for p := range int32(parts) {
						if rng.IntN(2) == 0 {
							some = append(some, cluster.Move{Topic: "t", Index: p, To: rng.Int32N(3)})
						}
					}
					for i, err := range b.Move(some...) {
						if err != nil {
							t.Errorf("%+v: %v", some[i], err)
						}
					}
					moved += len(some)
				}
			})
			writing.Wait()
			over.Store(true)
			others.Wait()
			t.Logf("%d moves", moved)
			sent.verify(t, b, "t", 1<<20)
			stop(t, b)
			checkLogs(t, b)
		})
	}
}

// follow reads all partitions from their starts with one request after the other
// until it is over.
func follow(r *raw, parts, minBytes int32, sent *shadow, over *atomic.Bool) error {
	at := make([]int64, parts)
	for !over.Load() {
		wants := make([]want, parts)
		for i := range wants {
			wants[i] = want{int32(i), at[i], 100_000}
		}
		got, err := r.fetch(fetchRequest("t", 20, minBytes, 1<<20, wants...))
		if err != nil {
			return err
		}
		for _, p := range got {
			if p.ErrorCode != 0 {
				return fmt.Errorf("partition %d at %d: code %d", p.Partition, at[p.Partition], p.ErrorCode)
			}
			if at[p.Partition], err = sent.check(p.Partition, at[p.Partition], p.RecordBatches); err != nil {
				return err
			}
		}
	}
	return nil
}
