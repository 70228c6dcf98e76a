package threadpool

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
)

// supply is where a network thread's buffers come from: the heap, bounded for
// the whole broker, or a region of its own. The thread itself asks, except for
// Recycle. A buffer that it releases itself it releases at its supply.
type supply interface {
	iobuf.Allocator
	small(n int) *iobuf.Buf // for the beginning of a request; nil when there is no room
	head(n int) *iobuf.Buf  // for a response's own bytes; nil where Go's heap has them
	spare(n int) *iobuf.Buf // for what can do without; nil when others need it
	// aside is a copy of what a connection has of a request while it waits for
	// memory; nil where it may keep the buffer that it is in.
	aside(b []byte) *iobuf.Buf
	// tighten moves a frame out of a buffer that is much larger.
	tighten(b *iobuf.Buf, frame []byte) (*iobuf.Buf, []byte)
	returned() uint64  // changes when something has come back
	wait(change int32) // so many more connections wait for that
}

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

func (m *memory) head(int) *iobuf.Buf     { return nil }
func (m *memory) aside([]byte) *iobuf.Buf { return nil }
func (m *memory) returned() uint64        { return m.frees.Load() }
func (m *memory) wait(change int32)       { m.starved.Add(change) }

func (m *memory) tighten(b *iobuf.Buf, frame []byte) (*iobuf.Buf, []byte) { return b, frame }

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
