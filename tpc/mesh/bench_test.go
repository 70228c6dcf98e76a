package mesh

import (
	"strconv"
	"sync/atomic"
	"testing"
)

type count struct{ n uint64 }

func (c *count) OnMessage(int, uint64) { c.n++ }

// One thread plays both sides: the cost of the instructions of a hop, by how
// many messages share a flush.
func BenchmarkHop(b *testing.B) {
	for _, size := range []int{1, 16, 128} {
		b.Run("batch="+strconv.Itoa(size), func(b *testing.B) {
			m, c := New[uint64](2, 256), &count{}
			b.ReportAllocs()
			for b.Loop() {
				for i := range size {
					m.Send(0, 1, uint64(i))
				}
				m.Flush(0)
				m.Recv(1, 256, c)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/msg")
		})
	}
}

// What a shard pays in a round without messages.
func BenchmarkIdleRecv(b *testing.B) {
	for _, shards := range []int{2, 8, 32} {
		b.Run("shards="+strconv.Itoa(shards), func(b *testing.B) {
			m, c := New[uint64](shards, 64), &count{}
			b.ReportAllocs()
			for b.Loop() {
				m.Recv(0, 256, c)
			}
		})
	}
}

// Two spinning threads: a message there and one back.
func BenchmarkRoundTrip(b *testing.B) {
	m := New[uint64](2, 64)
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := &count{}
		for !stop.Load() {
			if m.Recv(1, 64, c) > 0 {
				m.Send(1, 0, c.n)
				m.Flush(1)
			}
		}
	}()
	c := &count{}
	b.ReportAllocs()
	for b.Loop() {
		m.Send(0, 1, 0)
		m.Flush(0)
		for m.Recv(0, 64, c) == 0 {
		}
	}
	stop.Store(true)
	<-done
}
