package iobuf

import (
	"fmt"
	"sync/atomic"
)

// Allocator hands out buffers and takes them back.
type Allocator interface {
	// Alloc returns a buffer with at least n usable bytes in B and one
	// reference, or nil when the allocator is exhausted. Only the owning thread
	// may call it, unless the implementation says otherwise.
	Alloc(n int) *Buf
	// Recycle takes back a buffer whose last reference is gone. at is the
	// allocator of the calling thread, nil for a foreign one.
	Recycle(b *Buf, at Allocator)
}

// Buf is a span of memory shared by reference counting.
type Buf struct {
	B     []byte // the whole span; holders agree among themselves who writes where
	Owner Allocator
	Tag   uint64 // the owner's own bookkeeping (span index, size class)
	refs  atomic.Int32
	Next  *Buf // the owner's free list, or a holder's queue; never both
}

// Init makes b a live buffer with one reference. For allocators.
func (b *Buf) Init(owner Allocator, mem []byte, tag uint64) {
	b.Owner, b.B, b.Tag, b.Next = owner, mem, tag, nil
	b.refs.Store(1)
}

// Retain adds a reference. The caller must hold one.
func (b *Buf) Retain() {
	if n := b.refs.Add(1); n < 2 {
		panic(fmt.Sprintf("iobuf: retain of a dead buffer: %d references", n))
	}
}

// Release drops a reference; the last one returns the buffer to its owner. at
// is the allocator of the calling thread, nil for a foreign one.
func (b *Buf) Release(at Allocator) {
	n := b.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic(fmt.Sprintf("iobuf: release of a dead buffer: %d references", n))
	}
	b.Owner.Recycle(b, at)
}

// Refs is the number of references, for assertions.
func (b *Buf) Refs() int { return int(b.refs.Load()) }
