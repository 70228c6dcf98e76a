package threadpool

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
)

// memory bounds the bytes of requests that are in the broker. Like Kafka's
// pool it grants a request while anything is left, so it may overshoot by one
// request a processor, and never starves a large one for good.
//
// Requests of up to smallBytes, and the beginnings of larger ones, are not
// counted: a connection has one such buffer for each request in flight. So
// nobody holds counted memory while it waits for more, and connections that
// each have the beginning of a large request cannot block one another.
type memory struct {
	heap    iobuf.Heap
	limit   int64
	used    atomic.Int64
	starved atomic.Int32  // connections that wait for memory
	frees   atomic.Uint64 // buffers that came back
	freed   func()        // called when memory comes back while somebody waits
}

// smallBytes is what a read asks for while requests are small: several of a
// pipelining client at once.
const smallBytes = 16 << 10

// small returns an uncounted buffer of n bytes, at most smallBytes.
func (m *memory) small(n int) *iobuf.Buf { return m.heap.Alloc(n) }

// Alloc returns nil when the bound is reached. Any thread.
func (m *memory) Alloc(n int) *iobuf.Buf {
	if m.used.Load() >= m.limit {
		return nil
	}
	b := m.heap.Alloc(n)
	b.Owner = m
	m.used.Add(int64(len(b.B)))
	return b
}

// spare is Alloc for what can do without: it leaves half for requests.
func (m *memory) spare(n int) *iobuf.Buf {
	if m.used.Load() >= m.limit/2 {
		return nil
	}
	return m.Alloc(n)
}

// Recycle takes a buffer back. Any thread.
func (m *memory) Recycle(b *iobuf.Buf, at iobuf.Allocator) {
	m.used.Add(-int64(len(b.B)))
	m.heap.Recycle(b, at)
	m.frees.Add(1)
	if m.starved.Load() > 0 {
		m.freed()
	}
}
