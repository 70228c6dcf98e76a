package iobuf

import (
	"math/bits"
	"sync"
)

// minClass and maxClass bound the pooled sizes: 512 B to 1 MiB. Smaller ones
// are rounded up, larger ones go straight to the garbage collector, because a
// pool of them would pin more memory than it saves time.
const (
	minClass = 9
	maxClass = 20
)

// Heap is an Allocator over Go memory with one pool per power of two. Any
// thread may allocate and release. It is what a thread pool has instead of an
// arena; pooling keeps the collector out of the comparison.
type Heap struct {
	classes [maxClass + 1]sync.Pool
}

// Alloc never returns nil.
func (h *Heap) Alloc(n int) *Buf {
	class := max(bits.Len(uint(max(n, 1)-1)), minClass)
	if class > maxClass {
		b := &Buf{}
		b.Init(h, make([]byte, n), uint64(class))
		return b
	}
	if b, ok := h.classes[class].Get().(*Buf); ok {
		b.Init(h, b.B, uint64(class))
		return b
	}
	b := &Buf{}
	b.Init(h, make([]byte, 1<<class), uint64(class))
	return b
}

// Recycle pools the buffer if its size is pooled.
func (h *Heap) Recycle(b *Buf, _ Allocator) {
	if b.Tag <= maxClass {
		h.classes[b.Tag].Put(b)
	}
}
