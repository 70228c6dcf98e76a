package threadpool

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/disk"
)

// faultFS is the real file system, whose files have descriptors to send from,
// with faults of a device: an armed operation fails on the paths that a
// pattern fits. Until something is armed it only watches.
//
// A failed sync does what Linux does: what was written since the last good sync
// is gone (here overwritten with zeros, in place of pages marked clean and
// evicted), each descriptor that was open hears of it once, and the next sync
// succeeds as if nothing had happened.
type faultFS struct {
	disk.FS
	mu    sync.Mutex
	armed map[string]string // operation: directory*suffix of the path
	hits  map[string]int
	nodes map[string]*faultNode
	loses bool // failed syncs lose what they were to save

	syncing func() // called before every sync of a file, on its thread
}

// faultNode is what is known of a file, over all its descriptors.
type faultNode struct {
	errors int
	dirty  []span
}

type span struct{ from, to int64 }

func newFaultFS(loses bool) *faultFS {
	return &faultFS{FS: disk.OS, armed: map[string]string{}, hits: map[string]int{}, nodes: map[string]*faultNode{}, loses: loses}
}

// arm makes an operation fail: write, sync or create. A sync fails once.
func (f *faultFS) arm(op, pattern string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed[op] = pattern
}

// hit is how often an operation failed.
func (f *faultFS) hit(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits[op]
}

// fails reports whether the operation is to fail; the caller holds the lock.
func (f *faultFS) fails(op, path string) bool {
	pattern, ok := f.armed[op]
	dir, suffix, _ := strings.Cut(pattern, "*")
	if !ok || !strings.Contains(path, dir) || !strings.HasSuffix(path, suffix) {
		return false
	}
	f.hits[op]++
	return true
}

func (f *faultFS) Open(path string, flag int) (disk.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flag&os.O_CREATE != 0 && f.fails("create", path) {
		return nil, &os.PathError{Op: "open", Path: path, Err: unix.EMFILE}
	}
	file, err := f.FS.Open(path, flag)
	if err != nil {
		return nil, err
	}
	n := f.nodes[path]
	if n == nil || flag&os.O_EXCL != 0 {
		n = &faultNode{}
		f.nodes[path] = n
	}
	return &faultFile{File: file, fs: f, node: n, path: path, heard: n.errors}, nil
}

type faultFile struct {
	disk.File
	fs    *faultFS
	node  *faultNode
	path  string
	heard int
}

// WriteAt brings half of the bytes to the file before it fails.
func (f *faultFile) WriteAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.fails("write", f.path) {
		n, err := f.File.WriteAt(b[:len(b)/2], off)
		if err != nil {
			return n, err
		}
		return n, &os.PathError{Op: "write", Path: f.path, Err: unix.ENOSPC}
	}
	f.node.dirty = append(f.node.dirty, span{off, off + int64(len(b))})
	return f.File.WriteAt(b, off)
}

// Sync takes as long as on a device, so that appends gather meanwhile.
func (f *faultFile) Sync() error {
	if f.fs.syncing != nil {
		f.fs.syncing()
	}
	time.Sleep(time.Millisecond)
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.fails("sync", f.path) {
		delete(f.fs.armed, "sync")
		f.node.errors++
		if f.fs.loses {
			for _, s := range f.node.dirty {
				if _, err := f.File.WriteAt(make([]byte, s.to-s.from), s.from); err != nil {
					panic(fmt.Sprintf("losing %d bytes of %s: %v", s.to-s.from, f.path, err))
				}
			}
		}
		f.node.dirty = nil
	}
	if f.heard < f.node.errors {
		f.heard = f.node.errors
		return &os.PathError{Op: "fdatasync", Path: f.path, Err: unix.EIO}
	}
	f.node.dirty = nil
	return f.File.Sync()
}
