package mesh

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

type count struct{ n uint64 }

func (c *count) OnMessage(int, uint64) { c.n++ }

// carriers are both ways of carrying messages, with equal room.
var carriers = []struct {
	name string
	make func(n, capacity int) Carrier[uint64]
}{
	{"mesh", func(n, capacity int) Carrier[uint64] { return New[uint64](n, capacity) }},
	{"inboxes", func(n, capacity int) Carrier[uint64] { return NewInboxes[uint64](n, capacity, 4*capacity) }},
}

// One thread plays both sides: the cost of the instructions of a hop, by how
// many messages share a flush.
func BenchmarkHop(b *testing.B) {
	for _, c := range carriers {
		for _, size := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/batch=%d", c.name, size), func(b *testing.B) {
				m, h := c.make(2, 256), &count{}
				b.ReportAllocs()
				for b.Loop() {
					for i := range size {
						m.Send(0, 1, uint64(i))
					}
					m.Flush(0)
					m.Recv(1, 256, h)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/msg")
			})
		}
	}
}

// What a shard pays in a round without messages.
func BenchmarkIdleRecv(b *testing.B) {
	for _, c := range carriers {
		for _, shards := range []int{2, 8, 32} {
			b.Run(fmt.Sprintf("%s/shards=%d", c.name, shards), func(b *testing.B) {
				m, h := c.make(shards, 64), &count{}
				b.ReportAllocs()
				for b.Loop() {
					m.Recv(0, 256, h)
				}
			})
		}
	}
}

// Two spinning threads: a message there and one back.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range carriers {
		b.Run(c.name, func(b *testing.B) {
			m := c.make(2, 64)
			var stop atomic.Bool
			done := make(chan struct{})
			go func() {
				defer close(done)
				h := &count{}
				for !stop.Load() {
					if m.Recv(1, 64, h) > 0 {
						m.Send(1, 0, h.n)
						m.Flush(1)
					}
				}
			}()
			h := &count{}
			b.ReportAllocs()
			for b.Loop() {
				m.Send(0, 1, 0)
				m.Flush(0)
				for m.Recv(0, 64, h) == 0 {
				}
			}
			stop.Store(true)
			<-done
		})
	}
}

// Writers that never stop and one reader: what a message costs the reader when
// the others contend. With fewer processors than threads it is the kernel's
// schedule as much as the carrier.
func BenchmarkFanIn(b *testing.B) {
	for _, c := range carriers {
		for _, writers := range []int{1, 3} {
			b.Run(fmt.Sprintf("%s/writers=%d", c.name, writers), func(b *testing.B) {
				m := c.make(writers+1, 1024)
				var stop atomic.Bool
				var all sync.WaitGroup
				for from := 1; from <= writers; from++ {
					all.Go(func() {
						for !stop.Load() {
							for range 16 {
								m.Send(from, 0, 1)
							}
							m.Flush(from)
						}
					})
				}
				h := &count{}
				for b.Loop() {
					for want := h.n + 256; h.n < want; {
						m.Recv(0, 256, h)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(h.n), "ns/msg")
				stop.Store(true)
				all.Wait()
			})
		}
	}
}
