package threadpool

import (
	"fmt"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// window is a piece of a segment in memory, page-aligned in both. One thread
// fills it, any may read below limit while it holds a reference.
type window struct {
	refs  atomic.Int32
	limit atomic.Int64 // segment position where what may be read ends
	base  int64        // segment position of mem[0]; changes only while nobody has a reference
	mem   []byte
}

// hold adds a reference if the window has [pos, pos+n). Any thread.
func (w *window) hold(pos int64, n int) bool {
	if w == nil {
		return false
	}
	for {
		refs := w.refs.Load()
		if refs == 0 {
			return false // it is being filled with something else
		}
		if w.refs.CompareAndSwap(refs, refs+1) {
			break
		}
	}
	if pos >= w.base && pos+int64(n) <= w.limit.Load() {
		return true
	}
	w.Drop()
	return false
}

// Drop ends a reference. The memory is Go's: who lets go last does nothing else.
func (w *window) Drop() {
	if n := w.refs.Add(-1); n < 0 {
		panic(fmt.Sprintf("threadpool: drop of a window with %d references, want at least 1", n+1))
	}
}

// at is the window's bytes from pos on.
func (w *window) at(pos int64) []byte { return w.mem[pos-w.base:] }

// reuse takes the memory of a window that only its owner has a reference to; nil
// when somebody reads it or it is too small.
func (w *window) reuse(bytes int) *window {
	if w == nil || len(w.mem) < bytes || !w.refs.CompareAndSwap(1, 0) {
		return nil
	}
	return w
}

// blockDown and blockUp are where the block that pos lies in begins, and where
// the one that ends at pos or behind it does.
func blockDown(pos int64) int64 { return pos &^ (disk.Align - 1) }
func blockUp(pos int64) int64   { return blockDown(pos + disk.Align - 1) }

// newWindow is memory for [base, base+bytes).
func newWindow(bytes int) *window { return &window{mem: kernel.Aligned(bytes)} }

// open makes the window live with one reference, empty from pos on.
func (w *window) open(base, limit int64) {
	w.base = base
	w.limit.Store(limit)
	w.refs.Store(1)
}
