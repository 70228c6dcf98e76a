package arena

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
)

// Sizes of the arena's units, bytes.
const (
	PageBytes     = 4096
	DataPathBytes = 128 << 10 // the largest request of the data path; larger ones are counted
	minBytes      = 64 * PageBytes
	maxPages      = 1 << 31 // page numbers are int32: 8 TiB a shard
)

// Options describe one shard's memory.
type Options struct {
	Bytes         int64 // size of the region; rounded down to whole pages
	Pages         Pages // what the kernel maps the region with
	Lock          bool  // mlock the region; refused, it is an error of New
	Bind          bool  // prefer the NUMA node below
	Node          int   // NUMA node, if Bind
	LowWaterBytes int64 // free memory below which reclaim is wanted; 0 means a sixteenth of Bytes
}

// Pages says what size of pages a region is asked for.
type Pages uint8

// The choices.
const (
	SmallPages       Pages = iota // whatever the kernel does unasked
	TransparentPages              // madvise: the kernel may use huge pages
	HugePages                     // from the reserved pool, or New fails
)

// Arena is the memory of one shard. It implements [iobuf.Allocator].
type Arena struct {
	region []byte
	whole  []byte // what has to be unmapped
	facts  map[string]string
	owner  int // thread token once Own was called, 0 before

	buddy   buddy
	slabs   slabs
	quick   [quickOrders]quickList
	headers *iobuf.Buf // free Buf headers, linked by Next

	foreign atomic.Pointer[iobuf.Buf] // released elsewhere, linked by Next

	free         int64 // bytes in free spans
	lowWater     int64
	receiveFloor int64   // free memory that Alloc leaves
	wanted       int64   // bytes that the last refused request asked for
	lentTo       []int64 // bytes by borrower
	onLow        func(wantBytes int)
	onLarge      func(n int, p Purpose) (reported bool)
	largeSeen    uint32 // span sizes above the data path's that were reported, by order
	inject       Injector
	n            counts
	shown        telemetry.Published[Stats]
}

var _ iobuf.Allocator = (*Arena)(nil)

// New maps the region. What was asked for by name and cannot be had, reserved
// huge pages or a locked region, is an error that says what to change. Advice
// that the kernel does not take, transparent huge pages and NUMA placement, is
// recorded in Facts.
func New(o Options) (*Arena, error) {
	if o.Bytes < minBytes || o.Bytes/PageBytes >= maxPages {
		return nil, fmt.Errorf("arena: %d bytes: a shard needs between %d bytes and 8 TiB", o.Bytes, minBytes)
	}
	pages := int(o.Bytes / PageBytes)
	a := &Arena{facts: map[string]string{}, lowWater: o.LowWaterBytes}
	if a.lowWater <= 0 {
		a.lowWater = int64(pages) * PageBytes / 16
	}
	var err error
	if a.whole, a.region, err = mapRegion(pages*PageBytes, &o, a.facts); err != nil {
		return nil, err
	}
	a.buddy.init(pages)
	a.slabs.init(pages)
	for i := range a.quick {
		// A list keeps at most 64 spans and at most a 64th of the memory.
		a.quick[i].limit = min(64, (pages>>i)/64)
	}
	a.free = int64(len(a.region))
	a.n.lowestFree = a.free
	return a, nil
}

// Facts says what the kernel granted or refused, for the result's record.
func (a *Arena) Facts() map[string]string { return a.facts }

// Region is the whole memory, for registering it with a ring. Spans lie in it.
func (a *Arena) Region() []byte { return a.region }

// Own makes the calling thread the owner. The thread must stay locked to its
// goroutine. Builds with invariants check it from then on.
func (a *Arena) Own() { a.owner = threadToken() }

// Touch makes the calling thread the owner and every page present, so that the
// memory lies near the thread and no request meets a page fault.
func (a *Arena) Touch() {
	a.Own()
	touch(a.region)
}

// Close unmaps the region. Buffers still live are an error and keep it mapped,
// because their memory would vanish under their holders.
func (a *Arena) Close() error {
	a.Drain()
	if live := a.n.allocs - a.n.frees; live != 0 {
		return fmt.Errorf("arena: close: %d buffers are live", live)
	}
	return unmapRegion(a.whole)
}

// Alloc returns a buffer with at least n usable bytes, page-aligned from 4 KiB
// on, or nil when no span is large enough. It counts as received. Owner only.
// Memory is not cleared.
func (a *Arena) Alloc(n int) *iobuf.Buf {
	if a.free < a.receiveFloor {
		a.refused(n)
		return nil
	}
	return a.AllocFor(n, Receive)
}

// KeepFromReceive makes Alloc leave that much memory free: what was received is
// of no use without room for the frames that it makes up. Owner only, or before
// the owner starts.
func (a *Arena) KeepFromReceive(bytes int64) { a.receiveFloor = bytes }

// AllocFor is Alloc that counts for another purpose. Owner only.
func (a *Arena) AllocFor(n int, p Purpose) *iobuf.Buf {
	if a.inject != nil && a.inject(n, p) {
		a.refused(n)
		return nil
	}
	b := a.alloc(n, p)
	if b == nil {
		a.refused(n)
	}
	return b
}

// alloc looks in the lists, and once more when other threads gave something back.
func (a *Arena) alloc(n int, p Purpose) *iobuf.Buf {
	a.checkOwner("alloc")
	b := a.fromLists(n)
	if b == nil && a.Drain() > 0 {
		b = a.fromLists(n)
	}
	if b == nil {
		return nil
	}
	a.n.allocs++
	t := tagOf(b).with(p)
	b.Tag = uint64(t)
	a.n.purpose[p] += t.bytes()
	if n > DataPathBytes {
		a.large(n, p)
	}
	a.n.lowestFree = min(a.n.lowestFree, a.free)
	return b
}

func (a *Arena) fromLists(n int) *iobuf.Buf {
	if n <= maxSmall {
		return a.allocSmall(n)
	}
	return a.allocSpan(orderOf(n))
}

// orderOf is the smallest order whose span holds n bytes.
func orderOf(n int) int { return bits.Len(uint(n-1) / PageBytes) }

// allocSpan takes a span from the short list of its size, else from the buddies.
func (a *Arena) allocSpan(order int) *iobuf.Buf {
	if order < quickOrders {
		if b := a.quick[order].pop(); b != nil {
			page := tagOf(b).page()
			a.buddy.mark(page, order, inUse)
			a.initSpan(b, page, order)
			return b
		}
	}
	page := a.takePages(order)
	if page < 0 {
		return nil
	}
	b := a.header()
	a.initSpan(b, page, order)
	return b
}

// initSpan makes b the span's live buffer.
func (a *Arena) initSpan(b *iobuf.Buf, page, order int) {
	a.n.used[order]++
	a.free -= PageBytes << order
	off := page * PageBytes
	end := off + PageBytes<<order
	b.Init(a, a.region[off:end:end], uint64(spanTag(page, order)))
}

// takePages takes a span's pages, merging the short lists if that is what it
// takes. -1 when there is none.
func (a *Arena) takePages(order int) int {
	if order >= maxOrders {
		return -1
	}
	page := a.buddy.take(order)
	if page < 0 && a.flushQuick() {
		page = a.buddy.take(order)
	}
	return page
}

// Recycle takes back a buffer whose last reference is gone; iobuf calls it. at
// is the calling thread's allocator: the arena itself on the owner's thread.
func (a *Arena) Recycle(b *iobuf.Buf, at iobuf.Allocator) {
	if at == iobuf.Allocator(a) {
		a.checkOwner("free")
		a.put(b)
		return
	}
	for {
		head := a.foreign.Load()
		b.Next = head
		if a.foreign.CompareAndSwap(head, b) {
			return
		}
	}
}

// Drain takes back what other threads released and returns how many buffers
// that were. Owner only, once per loop round; one atomic load if there is none.
func (a *Arena) Drain() int {
	if a.foreign.Load() == nil {
		return 0
	}
	a.checkOwner("drain")
	n := 0
	for b := a.foreign.Swap(nil); b != nil; n++ {
		next := b.Next
		b.Next = nil
		a.put(b)
		b = next
	}
	a.n.foreign += int64(n)
	return n
}

// put returns a buffer's memory and its header.
func (a *Arena) put(b *iobuf.Buf) {
	a.n.frees++
	t := tagOf(b)
	a.n.purpose[t.purpose()] -= t.bytes()
	if t.purpose() == Lent {
		a.backFromLoan(t)
	}
	if invariants {
		poison(a.memory(t))
	}
	if t.small() {
		a.freeSmall(b, t)
		return
	}
	order := t.order()
	a.buddy.check(t.page(), order)
	a.n.used[order]--
	a.free += PageBytes << order
	if order < quickOrders && a.quick[order].push(b) {
		a.buddy.mark(t.page(), order, quickFree)
		return
	}
	a.buddy.give(t.page(), order)
	a.putHeader(b)
}

// flushQuick merges every span of the short lists into the buddies.
func (a *Arena) flushQuick() bool {
	any := false
	for order := range a.quick {
		for b := a.quick[order].pop(); b != nil; b = a.quick[order].pop() {
			a.buddy.give(tagOf(b).page(), order)
			a.putHeader(b)
			any = true
		}
	}
	return any
}

// memory is the whole of what a tag stands for, whatever became of the slice.
func (a *Arena) memory(t tag) []byte {
	off := t.page() * PageBytes
	if t.small() {
		off += t.slot() * classBytes(t.class())
		return a.region[off : off+classBytes(t.class())]
	}
	return a.region[off : off+PageBytes<<t.order()]
}

func (a *Arena) checkOwner(what string) {
	if !invariants || a.owner == 0 {
		return
	}
	if t := threadToken(); t != a.owner {
		panic(fmt.Sprintf("arena: %s on a foreign thread: got thread %d, want %d", what, t, a.owner))
	}
}

// poison makes use after free visible.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xCC
	}
}
