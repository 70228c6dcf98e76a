package arena

import (
	"strconv"
	"testing"

	"github.com/ceteris/ceteris/models/iobuf"
)

func BenchmarkLocal(b *testing.B) {
	for _, n := range []int{512, 4 << 10, 64 << 10, 128 << 10, 1 << 20} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			a := newArena(b, 64<<20)
			b.ReportAllocs()
			for b.Loop() {
				a.Alloc(n).Release(a)
			}
		})
	}
}

// A round of 64 buffers out, 64 back, in order: short lists overflow and merge.
func BenchmarkBurst(b *testing.B) {
	for _, n := range []int{512, 4 << 10, 64 << 10} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			a := newArena(b, 64<<20)
			var held [64]*iobuf.Buf
			b.ReportAllocs()
			for b.Loop() {
				for i := range held {
					held[i] = a.Alloc(n)
				}
				for i := range held {
					held[i].Release(a)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/buf")
		})
	}
}

func BenchmarkForeign(b *testing.B) {
	a := newArena(b, 64<<20)
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			a.Alloc(64 << 10).Release(nil)
		}
		a.Drain()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/buf")
}

// What the injector costs when it is off (Local/65536) and when it is on.
func BenchmarkInjector(b *testing.B) {
	a := newArena(b, 64<<20)
	a.Inject(func(int, Purpose) bool { return false })
	b.ReportAllocs()
	for b.Loop() {
		a.Alloc(64 << 10).Release(a)
	}
}

// The books of a loan: a chunk lent, given back by the borrower's thread, taken in.
func BenchmarkLend(b *testing.B) {
	a := newArena(b, 64<<20)
	b.ReportAllocs()
	for b.Loop() {
		for range 16 {
			a.Lend(64<<10, 1).Release(nil)
		}
		a.Drain()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/16, "ns/buf")
}
