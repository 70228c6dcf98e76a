package arena

import (
	"fmt"
	"math/bits"

	"github.com/ceteris/ceteris/models/iobuf"
)

// Small objects: 512 B, 1 KiB and 2 KiB, all of one class in a page.
const (
	minSmall   = 512
	maxSmall   = 2048
	slabCount  = 3
	slotsLimit = PageBytes / minSmall
)

// slabs keeps the pages that are cut into small objects. A page with room is on
// its class's list; a full one is on none; an empty one goes back to the spans.
type slabs struct {
	heads [slabCount]int32 // first page with room, -1 if none
	pages [slabCount]int64
	live  [slabCount]int64
	next  []int32 // by page
	prev  []int32
	used  []uint8 // by page: a bit for each slot in use
}

func (s *slabs) init(pages int) {
	s.next, s.prev, s.used = make([]int32, pages), make([]int32, pages), make([]uint8, pages)
	for i := range s.heads {
		s.heads[i] = -1
	}
}

// classBytes is the size of a class's objects.
func classBytes(class int) int { return minSmall << class }

// classOf is the smallest class whose objects hold n bytes.
func classOf(n int) int { return bits.Len(uint(max(n, 1)-1) / minSmall) }

// full is the bitmap of a page without room.
func full(class int) uint8 { return uint8(1<<(slotsLimit>>class) - 1) }

func (a *Arena) allocSmall(n int) *iobuf.Buf {
	s, class := &a.slabs, classOf(n)
	page := int(s.heads[class])
	if page < 0 {
		if page = a.slabPage(); page < 0 {
			return nil
		}
		s.used[page] = 0
		s.pages[class]++
		a.free -= PageBytes
		s.link(page, class)
	}
	slot := bits.TrailingZeros8(^s.used[page])
	s.used[page] |= 1 << slot
	if s.used[page] == full(class) {
		s.unlink(page, class)
	}
	s.live[class]++
	b := a.header()
	off := page*PageBytes + slot*classBytes(class)
	end := off + classBytes(class)
	b.Init(a, a.region[off:end:end], uint64(smallTag(page, class, slot)))
	return b
}

// slabPage takes one page for small objects, from the short list if it can.
func (a *Arena) slabPage() int {
	if b := a.quick[0].pop(); b != nil {
		page := tagOf(b).page()
		a.buddy.mark(page, 0, inUse)
		a.putHeader(b)
		return page
	}
	return a.takePages(0)
}

func (a *Arena) freeSmall(b *iobuf.Buf, t tag) {
	s, page, class, slot := &a.slabs, t.page(), t.class(), t.slot()
	bit := uint8(1) << slot
	if s.used[page]&bit == 0 {
		panic(fmt.Sprintf("arena: free of a small object twice: page %d slot %d: got bitmap %08b, want bit %08b set",
			page, slot, s.used[page], bit))
	}
	if s.used[page] == full(class) {
		s.link(page, class)
	}
	s.used[page] &^= bit
	s.live[class]--
	if s.used[page] != 0 {
		a.putHeader(b)
		return
	}
	s.unlink(page, class)
	s.pages[class]--
	a.free += PageBytes
	a.putPage(b, page)
}

// putPage frees a page that held small objects, with the header of the last of
// them: onto the short list, so that a lone small object does not split and
// merge spans each time.
func (a *Arena) putPage(b *iobuf.Buf, page int) {
	b.Tag = uint64(spanTag(page, 0))
	if a.quick[0].push(b) {
		a.buddy.mark(page, 0, quickFree)
		return
	}
	a.buddy.give(page, 0)
	a.putHeader(b)
}

func (s *slabs) link(page, class int) {
	head := s.heads[class]
	s.next[page], s.prev[page] = head, -1
	if head >= 0 {
		s.prev[head] = int32(page)
	}
	s.heads[class] = int32(page)
}

func (s *slabs) unlink(page, class int) {
	next, prev := s.next[page], s.prev[page]
	if prev >= 0 {
		s.next[prev] = next
	} else {
		s.heads[class] = next
	}
	if next >= 0 {
		s.prev[next] = prev
	}
}
