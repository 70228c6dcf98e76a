package tpc

import (
	"testing"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// BenchmarkBorrow has a shard borrow spans from another through both reactors,
// there and back: one chunk, and the sixteen that it asks for at a time.
func BenchmarkBorrow(b *testing.B) {
	for name, count := range map[string]int{"1": 1, "16": borrowChunks} {
		b.Run(name, func(b *testing.B) {
			broker := start(b, b.TempDir(), "spin", "always")
			s := broker.shards[0]
			done := make(chan struct{})
			left := 0
			var next reactor.Func
			next = func() {
				l := &s.loans
				if l.asking {
					s.r.Post(next)
					return
				}
				if len(l.pool) > 0 {
					s.dropPool()
				}
				if left == 0 {
					close(done)
					return
				}
				left--
				if !s.borrow(s.chunkBytes, count) {
					panic("nothing to borrow")
				}
				s.r.Post(next)
			}
			b.ResetTimer()
			left = b.N
			s.r.Post(next)
			<-done
			b.StopTimer()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/span")
			until(b, broker, 1, "everything home", func(s *shard) bool { return s.arena.PurposeBytes(arena.Lent) == 0 })
			stop(b, broker)
		})
	}
}
