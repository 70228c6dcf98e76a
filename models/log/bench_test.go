package log

import (
	"testing"

	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/disk"
)

// Prepare and Commit of one batch, without the write in between.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name     string
		n, value int
	}{{"1KiB", 1, 950}, {"16KiBof100B", 160, 100}} {
		b.Run(c.name, func(b *testing.B) {
			s := benchLog(b)
			data := records(c.n, c.value, 1_700_000_000_000)
			var h batch.Header
			if code := batch.Check(data, &h, 1<<20); code != 0 {
				b.Fatal(code)
			}
			var a Append
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				v, code := s.l.Prepare(data, &h, &s.v, s.nowMs, 0, &a)
				if code != 0 {
					b.Fatal(code)
				}
				if v == RollThenWrite {
					s.l.Roll(&a)
				}
				s.l.Commit(&a)
			}
		})
	}
}

func benchLog(b *testing.B) *shell { return start(b, disk.NewMem(), DefaultConfig()) }

// A consumer at the tail: the ring has its batch.
func BenchmarkFindTail(b *testing.B) {
	benchFind(b, func(end int64, i int) int64 { return end - 1 - int64(i%100) })
}

// A consumer far behind: sparse index and headers.
func BenchmarkFindCold(b *testing.B) {
	benchFind(b, func(end int64, i int) int64 { return int64(i*7919) % (end - 1000) })
}

func benchFind(b *testing.B, offset func(end int64, i int) int64) {
	s := benchLog(b)
	for range 20000 {
		s.put(records(1, 950, 1_700_000_000_000))
	}
	limit := s.l.EndMark()
	e := new(Extent)
	var pk Peeker = FilePeeker{}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if code := s.l.Find(offset(limit.Offset, i), 1<<20, true, limit, pk, e); code != 0 || e.Len == 0 {
			b.Fatal(code)
		}
		i++
	}
}
