package arena

import (
	"testing"

	"github.com/ceteris/ceteris/models/iobuf"
	"pgregory.net/rapid"
)

// The model is a set of live ranges. Whatever the sequence of requests and
// releases, ranges never overlap, stay inside the region and keep what was
// written to them, free bytes agree with the pages in use, and when the last
// buffer is gone the region is whole again.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.IntRange(64, 1500).Draw(t, "pages")
		a, err := New(Options{Bytes: int64(pages) * PageBytes})
		if err != nil {
			t.Fatal(err)
		}
		m := &model{a: a, owner: make([]int, pages*PageBytes/minSmall)}
		sizes := rapid.OneOf(rapid.IntRange(1, 4096), rapid.IntRange(4096, 256<<10), rapid.SampledFrom([]int{512, 2048, 64 << 10, 128 << 10, 1 << 20}))
		t.Repeat(map[string]func(*rapid.T){
			"alloc":        func(t *rapid.T) { m.alloc(t, sizes.Draw(t, "bytes")) },
			"free":         func(t *rapid.T) { m.free(t, a) },
			"free foreign": func(t *rapid.T) { m.free(t, nil) },
			"drain":        func(*rapid.T) { a.Drain() },
			"merge":        func(*rapid.T) { a.flushQuick() },
			"lend":         func(t *rapid.T) { m.lend(t, sizes.Draw(t, "bytes"), rapid.IntRange(0, 2).Draw(t, "borrower")) },
			"retag":        func(t *rapid.T) { m.retag(t) },
			"":             m.check,
		})
		for len(m.live) > 0 {
			m.free(t, a)
		}
		a.Drain()
		whole(t, a)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

type model struct {
	a     *Arena
	live  []*iobuf.Buf
	ids   []int
	last  int
	owner []int // by 512 bytes: who holds it, 0 nobody
}

func (m *model) alloc(t *rapid.T, n int) {
	m.take(t, n, m.a.AllocFor(n, Purpose(rapid.IntRange(0, int(Control)).Draw(t, "purpose"))))
}

func (m *model) lend(t *rapid.T, n, borrower int) {
	b := m.a.Lend(n, borrower)
	if b != nil && tagOf(b).borrower() != borrower {
		t.Fatalf("lent to %d, the tag says %d", borrower, tagOf(b).borrower())
	}
	m.take(t, n, b)
}

func (m *model) retag(t *rapid.T) {
	if len(m.live) > 0 {
		m.a.Retag(m.live[rapid.IntRange(0, len(m.live)-1).Draw(t, "which")], Purpose(rapid.IntRange(0, int(Control)).Draw(t, "purpose")))
	}
}

// take notes a new buffer.
func (m *model) take(t *rapid.T, n int, b *iobuf.Buf) {
	if b == nil {
		return
	}
	if len(b.B) < n {
		t.Fatalf("Alloc(%d) has %d bytes", n, len(b.B))
	}
	if len(b.B) >= PageBytes && address(b)%PageBytes != 0 {
		t.Fatalf("Alloc(%d) is not page-aligned: %#x", n, address(b))
	}
	m.last++
	first, count := m.slots(b)
	for i := first; i < first+count; i++ {
		if m.owner[i] != 0 {
			t.Fatalf("Alloc(%d): slot %d already belongs to buffer %d", n, i, m.owner[i])
		}
		m.owner[i] = m.last
	}
	b.B[0], b.B[len(b.B)-1] = byte(m.last), byte(m.last)
	m.live, m.ids = append(m.live, b), append(m.ids, m.last)
}

func (m *model) free(t *rapid.T, at iobuf.Allocator) {
	if len(m.live) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.live)-1).Draw(t, "which")
	b, id := m.live[i], m.ids[i]
	if got := [2]byte{b.B[0], b.B[len(b.B)-1]}; got != [2]byte{byte(id), byte(id)} {
		t.Fatalf("buffer %d was overwritten: %v", id, got)
	}
	first, count := m.slots(b)
	clear(m.owner[first : first+count])
	m.live = append(m.live[:i], m.live[i+1:]...)
	m.ids = append(m.ids[:i], m.ids[i+1:]...)
	b.Release(at)
}

func (m *model) slots(b *iobuf.Buf) (first, count int) {
	base := address(&iobuf.Buf{B: m.a.region})
	return int(address(b)-base) / minSmall, len(b.B) / minSmall
}

// check compares the arena's own books with each other.
func (m *model) check(t *rapid.T) {
	s := m.a.Stats()
	var free, used int64
	for order := range s.FreeSpans {
		free += s.FreeSpans[order] << order * PageBytes
		used += s.UsedSpans[order] << order * PageBytes
	}
	for class := range s.SmallPages {
		used += s.SmallPages[class] * PageBytes
	}
	if free != s.FreeBytes || used != s.UsedBytes || free+used != s.TotalBytes {
		t.Fatalf("books: free %d (spans %d), used %d (spans %d), total %d", s.FreeBytes, free, s.UsedBytes, used, s.TotalBytes)
	}
	// Buffers that were released elsewhere count until they are drained.
	m.a.Drain()
	var want, got [Purposes]int64
	var lent, borrowed int64
	for _, b := range m.live {
		want[tagOf(b).purpose()] += int64(len(b.B))
	}
	for p := range got {
		got[p] = m.a.PurposeBytes(Purpose(p))
	}
	for shard := range 4 {
		lent += m.a.LentTo(shard)
	}
	borrowed = m.a.n.lends - m.a.n.loansBack
	if got != want || lent != want[Lent] || (borrowed == 0) != (lent == 0) {
		t.Fatalf("by purpose: got %v, want %v; lent by borrower %d, spans out %d", got, want, lent, borrowed)
	}
}
