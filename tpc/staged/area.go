// Package staged is the append chunks of one shard in a shared file mapping:
// memory that outlives the process, in the format of package models/staging.
//
//	Alloc ──▶ Assign ──▶ appends ──▶ on the device: Clean ──▶ Release
//	 free      live, replayed after kill -9         cache       free
//
// An area allocates like the arena beside it: one thread owns it, and a buffer
// released elsewhere, by a connection that was sent from it, comes home through
// a lock-free list.
package staged

import (
	"fmt"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/staging"
)

// Options describe an area.
type Options struct {
	Path   string // of its file; the directory is made
	Layout staging.Layout
	Home   iobuf.Allocator // the owning thread's own allocator, by which its releases are told from others
	Files  Files           // where the file lies
}

// Area is one shard's staging file. It implements [iobuf.Allocator].
type Area struct {
	o       Options
	file    []byte // the mapping
	bufs    []iobuf.Buf
	free    *iobuf.Buf // last released first, so that a quiet shard keeps to few pages
	foreign atomic.Pointer[iobuf.Buf]
	out     int  // buffers that are not free
	frozen  bool // headers stay as they are
}

var _ iobuf.Allocator = (*Area)(nil)

// Open makes the file anew and maps it. It blocks for as long as writing and
// syncing the file takes.
func Open(o Options) (*Area, error) {
	a := &Area{o: o, bufs: make([]iobuf.Buf, o.Layout.Slots)}
	var err error
	if a.file, err = o.Files.Map(o.Path, o.Layout.Bytes()); err != nil {
		return nil, fmt.Errorf("staging file %s: %w", o.Path, err)
	}
	staging.PutFile(a.file, o.Layout, staging.BootID())
	for i := range a.bufs {
		slot := len(a.bufs) - 1 - i
		b := &a.bufs[slot]
		b.Tag, b.Next, a.free = uint64(slot), a.free, b
	}
	return a, nil
}

// Alloc returns a chunk without an identity, nil when none is free. Owner only.
// What it holds is undefined.
func (a *Area) Alloc(n int) *iobuf.Buf {
	if n > a.o.Layout.ChunkBytes {
		panic(fmt.Sprintf("staged: %d bytes of a chunk of %d", n, a.o.Layout.ChunkBytes))
	}
	if a.free == nil {
		a.Drain()
	}
	b := a.free
	if b == nil {
		return nil
	}
	a.free = b.Next
	a.out++
	b.Init(a, a.o.Layout.Chunk(a.file, int(b.Tag)), b.Tag)
	return b
}

// Assign makes the chunk live as s. From here on the chunk is
// replayed, so what it holds at the entry position must not look like a batch.
func (a *Area) Assign(b *iobuf.Buf, s *staging.Slot) {
	staging.Guard(b.B, max(s.EntryPos-s.Index*int64(a.o.Layout.ChunkBytes), 0))
	staging.PutSlot(a.o.Layout.Header(a.file, int(b.Tag)), s)
}

// Clean says that the device has all of the chunk, which goes on as a cache.
func (a *Area) Clean(b *iobuf.Buf) {
	if !a.frozen {
		staging.ClearSlot(a.o.Layout.Header(a.file, int(b.Tag)))
	}
}

// Freeze leaves every live chunk to the next start, whatever is released later:
// the shard ends with bytes that the device may not have.
func (a *Area) Freeze() { a.frozen = true }

// Recycle takes back a chunk whose last reference is gone; iobuf calls it.
func (a *Area) Recycle(b *iobuf.Buf, at iobuf.Allocator) {
	if at == a.o.Home {
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

func (a *Area) put(b *iobuf.Buf) {
	b.Next, a.free = a.free, b
	a.out--
}

// Drain takes back what other threads released and returns how many chunks that
// were. Owner only.
func (a *Area) Drain() (n int) {
	if a.foreign.Load() == nil {
		return 0
	}
	for b := a.foreign.Swap(nil); b != nil; n++ {
		next := b.Next
		a.put(b)
		b = next
	}
	return n
}

// Remove deletes the file: the shard ends with everything on the device.
func (a *Area) Remove() error { return a.o.Files.Remove(a.o.Path) }

// Close unmaps the file. Chunks still out are an error and keep it mapped.
func (a *Area) Close() error {
	a.Drain()
	if a.out > 0 {
		return fmt.Errorf("staging file %s: close: %d chunks are out", a.o.Path, a.out)
	}
	return a.o.Files.Unmap(a.file)
}
