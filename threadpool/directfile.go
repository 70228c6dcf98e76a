package threadpool

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
)

// directFile is a segment's file past the page cache: disk=direct. It takes the
// same writes, each at the file's end, and the same reads as an ordinary one, on
// the same threads, and turns them into aligned ones.
//
//	segment   │ on the device │ tail │ last block  │ zero-filled ahead │
//	          0                base   end      blockUp(end)     prewritten
//
// An append is copied behind the tail in memory and written from the block that
// it begins in to the block that it ends in, so that the partial last block is
// written again until it is full. The tail serves readers who are near the end;
// everybody else waits for the device, there being no page cache.
type directFile struct {
	disk.File
	direct *disk.Direct // nil where File is not a real file
	each   bool         // every write is durable when it returns
	memory *windowBudget

	end    int64 // where the next write begins; the writer's
	tail   atomic.Pointer[window]
	before atomic.Pointer[window] // what was the tail before
	seen   atomic.Pointer[window] // where somebody looked last
	onDisk atomic.Int64           // end of what the device has

	zeros zeroFill
}

// windowBudget bounds the memory of all tails: beyond it each has what its last
// append needs.
type windowBudget struct {
	limit int64
	used  atomic.Int64

	copied  telemetry.StripedCounter // bytes of appends
	carried telemetry.StripedCounter // bytes of last blocks
}

// tailBytes is what a tail grows to where appends are smaller, and lookBytes how
// much is read for who looks at headers: the interval of index entries and more.
const (
	tailBytes = 64 << 10
	lookBytes = 8 << 10
)

// openDirect opens the file of a segment for direct I/O. Where the file system
// refuses, why says so, and the same I/O goes through the page cache.
func (b *Broker) openDirect(path string, l *log.Log, s *log.Segment) (f *directFile, why string, err error) {
	f = &directFile{each: b.power && b.syncEach, memory: &b.windows, end: s.Size()}
	if b.fs == disk.OS {
		if f.direct, err = disk.OpenDirect(path); err != nil {
			return nil, "", err
		}
		f.File, why = f.direct, f.direct.Refused
	} else if f.File, err = b.fs.Open(path, os.O_RDWR); err != nil {
		return nil, "", err
	}
	f.onDisk.Store(f.end)
	f.zeros.begin(b, f.end, int64(l.Config().SegmentBytes))
	return f, why, nil
}

// WriteAt appends b at the end, which off must be, and returns when the device
// has it. One thread at a time; the caller holds the log's lock or is the writer.
func (f *directFile) WriteAt(b []byte, off int64) (int, error) {
	if off != f.end {
		panic(fmt.Sprintf("threadpool: direct write at %d, the file ends at %d", off, f.end))
	}
	w, err := f.room(len(b))
	if err != nil {
		return 0, err
	}
	end := f.end + int64(len(b))
	from, to := blockDown(f.end), blockUp(end)
	f.memory.copied.Add(uintptr(f.FD()), uint64(copy(w.at(f.end), b)))
	clear(w.mem[end-w.base : to-w.base]) // recovery expects zeros behind the end
	f.zeros.claim(to)
	part := w.mem[from-w.base : to-w.base]
	if f.each && f.direct != nil {
		_, err = f.direct.WriteDSync(part, from)
	} else if _, err = f.File.WriteAt(part, from); err == nil && f.each {
		err = f.File.Sync()
	}
	if err != nil {
		return 0, err
	}
	f.end = end
	f.zeros.ahead.Wrote(int64(len(part)), int64(len(b)))
	f.onDisk.Store(end)
	w.limit.Store(end)
	return len(b), nil
}

// room is the tail with room for n more bytes: the present one, or a fresh one
// that begins with the block which is not full.
func (f *directFile) room(n int) (*window, error) {
	tail, base := f.tail.Load(), blockDown(f.end)
	if tail != nil && f.end+int64(n) <= tail.base+int64(len(tail.mem)) {
		return tail, nil
	}
	size, have := int(blockUp(f.end+int64(n))-base), 0
	if tail != nil {
		have = len(tail.mem)
	}
	if want := min(max(size, 2*have), tailBytes); want > size && f.memory.used.Load()+int64(want) <= f.memory.limit {
		size = want
	}
	old := f.before.Load()
	next := old.reuse(size)
	if next == nil {
		next = newWindow(size)
		f.memory.used.Add(int64(size) - f.sizeOf(old))
		if old != nil {
			old.Drop()
		}
	}
	if k := int(f.end - base); k > 0 {
		if tail != nil {
			f.memory.carried.Add(uintptr(f.FD()), uint64(copy(next.mem[:k], tail.at(base))))
		} else if err := f.readBlock(next.mem[:disk.Align], base, k); err != nil {
			return nil, err
		}
	}
	next.open(base, f.end)
	f.before.Store(tail)
	f.tail.Store(next)
	return next, nil
}

func (f *directFile) sizeOf(w *window) int64 {
	if w == nil {
		return 0
	}
	return int64(len(w.mem))
}

// readBlock reads the block at pos, of which n bytes have to be there.
func (f *directFile) readBlock(block []byte, pos int64, n int) error {
	got, err := f.File.ReadAt(block, pos)
	if got >= n {
		return nil
	}
	return fmt.Errorf("reading the last block at %d: %d of %d bytes: %w", pos, got, n, err)
}

// window is what of the file's memory has [pos, pos+n), held for the caller; nil
// when it has to come from the device. Any thread.
func (f *directFile) window(pos int64, n int) *window {
	for _, at := range [...]*atomic.Pointer[window]{&f.tail, &f.before, &f.seen} {
		if w := at.Load(); w.hold(pos, n) {
			return w
		}
	}
	return nil
}

// ReadAt reads what the device has, from memory where that is near the end or
// was looked at last. Any thread.
func (f *directFile) ReadAt(b []byte, off int64) (int, error) {
	w := f.window(off, len(b))
	if w == nil {
		var err error
		if w, err = f.look(off, len(b)); err != nil {
			return 0, err
		}
	}
	defer w.Drop()
	n := int(min(int64(len(b)), w.limit.Load()-off))
	if n <= 0 {
		return 0, io.EOF
	}
	if copy(b[:n], w.at(off)); n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// look reads around [off, off+n) and keeps it for the next who looks there.
func (f *directFile) look(off int64, n int) (*window, error) {
	end, base := f.onDisk.Load(), blockDown(off) // end first: what is read afterwards is there
	w := newWindow(max(lookBytes, int(blockUp(off+int64(n))-base)))
	got, err := f.File.ReadAt(w.mem, base)
	if err != nil && err != io.EOF {
		return nil, err
	}
	w.open(base, min(end, base+int64(got)))
	w.refs.Add(1) // the caller's
	if old := f.seen.Swap(w); old != nil {
		old.Drop()
	}
	return w, nil
}

// read fills page-aligned memory from the block of pos on and returns the bytes
// from pos: at least one unless an error says otherwise, n at most. Any thread.
func (f *directFile) read(mem []byte, pos int64, n int) ([]byte, error) {
	base := blockDown(pos)
	mem = mem[:min(int64(len(mem))&^(disk.Align-1), blockUp(pos+int64(n))-base)]
	got, err := f.File.ReadAt(mem, base)
	skip := int(pos - base)
	if got <= skip {
		return nil, fmt.Errorf("reading %d bytes at %d: the file ends at %d: %w", n, pos, base+int64(got), err)
	}
	return mem[skip:min(got, skip+n)], nil
}

// Sync makes what was written survive a loss of power.
func (f *directFile) Sync() error {
	if f.each {
		return nil // it does already
	}
	return f.File.Sync()
}

// Close closes the file.
func (f *directFile) Close() error {
	f.memory.used.Add(-f.sizeOf(f.tail.Load()) - f.sizeOf(f.before.Load()))
	return f.File.Close()
}

// directOf is the direct file of a segment's file, nil when it is buffered.
func (f *segmentFile) directOf() *directFile {
	d, _ := f.file.(*directFile)
	return d
}
