package threadpool

import (
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/iobuf"
)

// region is the memory of one network thread with memory=arena: what it receives
// into, where its responses are encoded, and what it reads files to, in a part of
// --memory that Go's collector does not know. Only that thread allocates; another
// that lets go of a buffer leaves it on the arena's list and wakes the thread if
// somebody waits for memory.
//
// All of it is bounded, also what the heap's bound leaves out. Nobody holds any
// while waiting for more: a beginning is set aside on Go's heap meanwhile. So
// running out stops reading from connections, as Kafka's queued.max.request.bytes
// does, and never for good.
type region struct {
	arena   *arena.Arena
	wake    func()
	starved atomic.Int32
	frees   atomic.Uint64
	asides  atomic.Uint64
}

// minRegionBytes is what a network thread needs to serve at all.
const minRegionBytes = 4 << 20

// newRegion maps the memory; its thread touches it.
func newRegion(o arena.Options, wake func()) (*region, error) {
	if o.Bytes < minRegionBytes {
		return nil, fmt.Errorf("memory=arena: %d bytes for each network thread are too little, each needs %d", o.Bytes, minRegionBytes)
	}
	a, err := arena.New(o)
	if err != nil {
		return nil, err
	}
	return &region{arena: a, wake: wake}, nil
}

// largest is the size of the largest buffer there can be, bytes.
func (r *region) largest() int {
	pages := len(r.arena.Region()) / arena.PageBytes
	return arena.PageBytes << (bits.Len(uint(pages)) - 1)
}

// round takes back what others have let go of. Owner only, once a round.
func (r *region) round() {
	r.arena.Drain()
	r.arena.Poll()
}

func (r *region) alloc(n int, p arena.Purpose) *iobuf.Buf {
	b := r.arena.AllocFor(n, p)
	if b != nil {
		b.Owner = r
	}
	return b
}

// Alloc returns nil when there is no room. Owner only.
func (r *region) Alloc(n int) *iobuf.Buf { return r.alloc(n, arena.Frames) }

func (r *region) small(n int) *iobuf.Buf { return r.alloc(n, arena.Receive) }
func (r *region) head(n int) *iobuf.Buf  { return r.alloc(n, arena.Frames) }

// spare is memory for what can do without: it leaves half for requests.
func (r *region) spare(n int) *iobuf.Buf {
	if r.arena.FreeBytes() < int64(len(r.arena.Region()))/2 {
		return nil
	}
	return r.alloc(n, arena.Cache)
}

// aside is a copy that is no part of the region.
func (r *region) aside(b []byte) *iobuf.Buf {
	r.asides.Add(1)
	copied := &iobuf.Buf{}
	copied.Init(collected{}, append([]byte(nil), b...), 0)
	return copied
}

// tighten moves a frame that may stay for long, and is much smaller than the
// buffer it came in, to one of its size.
func (r *region) tighten(b *iobuf.Buf, frame []byte) (*iobuf.Buf, []byte) {
	const most = 2048
	if len(frame) > most || len(b.B) <= 2*most {
		return b, frame
	}
	own := r.head(len(frame))
	if own == nil {
		return b, frame
	}
	n := copy(own.B, frame)
	b.Release(r)
	return own, own.B[:n]
}

func (r *region) returned() uint64  { return r.frees.Load() }
func (r *region) wait(change int32) { r.starved.Add(change) }

// Recycle takes a buffer back. Any thread.
func (r *region) Recycle(b *iobuf.Buf, at iobuf.Allocator) {
	if at == iobuf.Allocator(r) {
		r.arena.Recycle(b, r.arena)
		r.frees.Add(1)
		return
	}
	r.arena.Recycle(b, nil)
	r.frees.Add(1)
	if r.starved.Load() > 0 {
		r.wake()
	}
}

// close unmaps the memory when its thread has ended. What a client that never
// read still holds keeps it mapped until the process ends.
func (r *region) close() {
	r.arena.Own()
	_ = r.arena.Close()
}

// collected owns buffers of Go's heap.
type collected struct{}

func (collected) Alloc(int) *iobuf.Buf                { return nil }
func (collected) Recycle(*iobuf.Buf, iobuf.Allocator) {}
