package threadpool

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
)

// memory bounds the bytes of requests that are in the broker. Like Kafka's
// pool it grants a request while anything is left, so it may overshoot by one
// request a processor, and never starves a large one for good.
type memory struct {
	heap    iobuf.Heap
	limit   int64
	used    atomic.Int64
	starved atomic.Int32 // connections that wait for memory
	freed   func()       // called when memory comes back while somebody waits
}

// Alloc returns nil when the bound is reached. Any thread.
func (m *memory) Alloc(n int) *iobuf.Buf {
	if !m.left() {
		return nil
	}
	b := m.heap.Alloc(n)
	b.Owner = m
	m.used.Add(int64(len(b.B)))
	return b
}

// Recycle takes a buffer back. Any thread.
func (m *memory) Recycle(b *iobuf.Buf, at iobuf.Allocator) {
	m.used.Add(-int64(len(b.B)))
	m.heap.Recycle(b, at)
	if m.starved.Load() > 0 {
		m.freed()
	}
}

// left reports whether anything may be granted.
func (m *memory) left() bool { return m.used.Load() < m.limit }
