package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Mem is a file system in memory for tests. It keeps apart what was written and
// what was synced, file contents as well as names in directories, so that a
// test can pull the plug ([Mem.Crash]); it fails on demand ([Mem.SetFault]) and
// fills up ([Mem.SetCapacity]). Safe for use by several threads.
type Mem struct {
	mu       sync.Mutex
	root     *memDir
	fault    func(Op) error
	capacity int64 // bytes, -1 without bound
	used     int64
	locked   map[string]bool
}

// Op is one operation on a Mem, as its fault function sees it.
type Op struct {
	Kind string // open read write sync truncate rename remove mkdir readdir syncdir syncall stat
	Path string
	Off  int64
	Len  int
}

// node is a *memDir or a *memFile.
type node any

type memDir struct {
	live    map[string]node
	durable map[string]node
}

type memFile struct {
	data    []byte
	synced  []byte
	pending []change
}

// change is an unsynced write, or a truncation to off when data is nil.
type change struct {
	off  int64
	data []byte
}

// NewMem returns an empty file system without bound and without faults.
func NewMem() *Mem {
	return &Mem{root: newMemDir(), capacity: -1, locked: map[string]bool{}}
}

func newMemDir() *memDir { return &memDir{live: map[string]node{}, durable: map[string]node{}} }

// SetFault makes f decide, before each operation, whether it fails. A failed
// write or truncation changes nothing; a failed sync makes nothing durable. Nil
// ends it. f must not call the Mem.
func (m *Mem) SetFault(f func(Op) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// SetCapacity bounds the bytes in all files; a write beyond it stores what fits
// and fails with ENOSPC. -1 lifts the bound.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// enter takes the lock and asks for a fault. The caller unlocks.
func (m *Mem) enter(kind, path string, off int64, n int) error {
	m.mu.Lock()
	if m.fault == nil {
		return nil
	}
	return wrap(kind, path, m.fault(Op{kind, path, off, n}))
}

func wrap(kind, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: kind, Path: path, Err: err}
}

func parts(path string) []string {
	return strings.FieldsFunc(filepath.ToSlash(filepath.Clean(path)), func(r rune) bool { return r == '/' })
}

// dir walks to a directory.
func (m *Mem) dir(names []string) (*memDir, error) {
	d := m.root
	for _, name := range names {
		switch next := d.live[name].(type) {
		case nil:
			return nil, syscall.ENOENT
		case *memDir:
			d = next
		default:
			return nil, syscall.ENOTDIR
		}
	}
	return d, nil
}

// parent finds the directory that holds path, and path's last name.
func (m *Mem) parent(path string) (*memDir, string, error) {
	p := parts(path)
	if len(p) == 0 {
		return nil, "", syscall.EINVAL
	}
	d, err := m.dir(p[:len(p)-1])
	return d, p[len(p)-1], err
}

// Open knows O_CREATE, O_EXCL and O_TRUNC and ignores access modes.
func (m *Mem) Open(path string, flag int) (File, error) {
	err := m.enter("open", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	d, name, err := m.parent(path)
	if err != nil {
		return nil, wrap("open", path, err)
	}
	n, exists := d.live[name]
	f, isFile := n.(*memFile)
	switch {
	case exists && !isFile:
		return nil, wrap("open", path, syscall.EISDIR)
	case exists && flag&os.O_EXCL != 0:
		return nil, wrap("open", path, syscall.EEXIST)
	case !exists && flag&os.O_CREATE == 0:
		return nil, wrap("open", path, syscall.ENOENT)
	case !exists:
		f = &memFile{}
		d.live[name] = f
	case flag&os.O_TRUNC != 0:
		m.truncate(f, 0)
	}
	return &memHandle{fs: m, path: path, f: f}, nil
}

// Rename replaces what is at the new path.
func (m *Mem) Rename(from, to string) error {
	err := m.enter("rename", from, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	a, old, err := m.parent(from)
	if err != nil {
		return wrap("rename", from, err)
	}
	b, name, err := m.parent(to)
	if err != nil {
		return wrap("rename", to, err)
	}
	n, exists := a.live[old]
	if !exists {
		return wrap("rename", from, syscall.ENOENT)
	}
	if a != b || old != name {
		m.forget(b.live[name])
		delete(a.live, old)
		b.live[name] = n
	}
	return nil
}

// Remove removes a file or an empty directory.
func (m *Mem) Remove(path string) error {
	err := m.enter("remove", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	d, name, err := m.parent(path)
	if err != nil {
		return wrap("remove", path, err)
	}
	n, exists := d.live[name]
	if !exists {
		return wrap("remove", path, syscall.ENOENT)
	}
	if sub, ok := n.(*memDir); ok && len(sub.live) > 0 {
		return wrap("remove", path, syscall.ENOTEMPTY)
	}
	m.forget(n)
	delete(d.live, name)
	return nil
}

// RemoveAll removes a tree; what does not exist is no error.
func (m *Mem) RemoveAll(path string) error {
	err := m.enter("remove", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	d, name, err := m.parent(path)
	if err != nil {
		if errors.Is(err, syscall.ENOENT) {
			return nil
		}
		return wrap("remove", path, err)
	}
	m.forget(d.live[name])
	delete(d.live, name)
	return nil
}

// forget takes the bytes of a removed tree off the account.
func (m *Mem) forget(n node) {
	switch n := n.(type) {
	case *memFile:
		m.used -= int64(len(n.data))
	case *memDir:
		for _, sub := range n.live {
			m.forget(sub)
		}
	}
}

// MkdirAll creates a directory and what leads to it.
func (m *Mem) MkdirAll(path string) error {
	err := m.enter("mkdir", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	d := m.root
	for _, name := range parts(path) {
		switch next := d.live[name].(type) {
		case nil:
			sub := newMemDir()
			d.live[name] = sub
			d = sub
		case *memDir:
			d = next
		default:
			return wrap("mkdir", path, syscall.ENOTDIR)
		}
	}
	return nil
}

// ReadDir returns the names in a directory, sorted.
func (m *Mem) ReadDir(path string) ([]string, error) {
	err := m.enter("readdir", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	d, err := m.dir(parts(path))
	if err != nil {
		return nil, wrap("readdir", path, err)
	}
	names := make([]string, 0, len(d.live))
	for name := range d.live {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir makes the names in a directory durable.
func (m *Mem) SyncDir(path string) error {
	err := m.enter("syncdir", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return err
	}
	d, err := m.dir(parts(path))
	if err != nil {
		return wrap("syncdir", path, err)
	}
	clear(d.durable)
	for name, n := range d.live {
		d.durable[name] = n
	}
	return nil
}

// SyncAll makes everything durable.
func (m *Mem) SyncAll(path string) error {
	err := m.enter("syncall", path, 0, 0)
	defer m.mu.Unlock()
	if err == nil {
		m.root.harden()
	}
	return err
}

func (d *memDir) harden() {
	clear(d.durable)
	for name, n := range d.live {
		d.durable[name] = n
		switch n := n.(type) {
		case *memDir:
			n.harden()
		case *memFile:
			n.sync()
		}
	}
}

// Stat returns a file's size, 0 for a directory.
func (m *Mem) Stat(path string) (int64, error) {
	err := m.enter("stat", path, 0, 0)
	defer m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	d, name, err := m.parent(path)
	if err != nil {
		return 0, wrap("stat", path, err)
	}
	switch n := d.live[name].(type) {
	case nil:
		return 0, wrap("stat", path, syscall.ENOENT)
	case *memFile:
		return int64(len(n.data)), nil
	}
	return 0, nil
}

// LockDir locks a directory against a second LockDir on this Mem.
func (m *Mem) LockDir(path string) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked[path] {
		return nil, errors.New("directory " + path + " is in use by this process")
	}
	m.locked[path] = true
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.locked, path)
	}, nil
}

// memHandle is an open file. It outlives the file's name, as on Unix.
type memHandle struct {
	fs   *Mem
	path string
	f    *memFile
}

func (h *memHandle) ReadAt(b []byte, off int64) (int, error) {
	err := h.fs.enter("read", h.path, off, len(b))
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off >= int64(len(h.f.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.f.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) WriteAt(b []byte, off int64) (int, error) {
	err := h.fs.enter("write", h.path, off, len(b))
	defer h.fs.mu.Unlock()
	if err != nil {
		return 0, err
	}
	m, f := h.fs, h.f
	end := off + int64(len(b))
	if grow := end - int64(len(f.data)); grow > 0 {
		if m.capacity >= 0 && m.used+grow > m.capacity {
			end = max(off, int64(len(f.data))+m.capacity-m.used)
			err = wrap("write", h.path, syscall.ENOSPC)
		}
		if grow := end - int64(len(f.data)); grow > 0 {
			m.used += grow
			f.data = append(f.data, make([]byte, grow)...)
		}
	}
	n := copy(f.data[min(off, int64(len(f.data))):], b[:end-off])
	f.pending = append(f.pending, change{off, slices.Clone(b[:n])})
	return n, err
}

// WriteThrough is WriteAt with RWF_DSYNC: when it returns nil, these bytes and
// the size it takes to read them back are durable, and nothing else is.
func (h *memHandle) WriteThrough(b []byte, off int64) (int, error) {
	n, err := h.WriteAt(b, off)
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	if n > 0 {
		h.f.harden(off, off+int64(n))
	}
	return n, err
}

// harden makes [off, end) durable as it is now, and all sizes before that: a
// journal keeps them in order.
func (f *memFile) harden(off, end int64) {
	cut := 0
	for i, c := range f.pending {
		if c.data == nil {
			cut = i + 1
		}
	}
	for _, c := range f.pending[:cut] {
		f.synced = c.apply(f.synced)
	}
	var kept []change
	for _, c := range f.pending[cut:] {
		stop := c.off + int64(len(c.data))
		if c.off < off {
			kept = append(kept, change{c.off, c.data[:min(stop, off)-c.off]})
		}
		if stop > end {
			kept = append(kept, change{max(c.off, end), c.data[max(c.off, end)-c.off:]})
		}
	}
	f.pending = kept
	f.synced = change{off, f.data[off:end]}.apply(f.synced)
}

// Content is what a file holds, as it is read or as a loss of power would leave
// it in the worst case. The bytes are the file's own: for looking at only. Nil
// when there is no such file.
func (m *Mem) Content(path string, durable bool) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.root
	p := parts(path)
	for i, name := range p {
		n := d.live[name]
		if durable {
			n = d.durable[name]
		}
		switch n := n.(type) {
		case *memDir:
			d = n
		case *memFile:
			if i == len(p)-1 && durable {
				return n.synced
			}
			if i == len(p)-1 {
				return n.data
			}
			return nil
		default:
			return nil
		}
	}
	return nil
}

func (h *memHandle) Sync() error {
	err := h.fs.enter("sync", h.path, 0, 0)
	defer h.fs.mu.Unlock()
	if err != nil {
		return err
	}
	h.f.sync()
	return nil
}

func (f *memFile) sync() {
	for _, c := range f.pending {
		f.synced = c.apply(f.synced)
	}
	f.pending = nil
}

func (h *memHandle) Truncate(size int64) error {
	err := h.fs.enter("truncate", h.path, size, 0)
	defer h.fs.mu.Unlock()
	if err != nil {
		return err
	}
	h.fs.truncate(h.f, size)
	return nil
}

func (m *Mem) truncate(f *memFile, size int64) {
	m.used += size - int64(len(f.data))
	c := change{off: size}
	f.data = c.apply(f.data)
	f.pending = append(f.pending, c)
}

func (h *memHandle) Size() (int64, error) {
	h.fs.mu.Lock()
	defer h.fs.mu.Unlock()
	return int64(len(h.f.data)), nil
}

func (h *memHandle) FD() int      { return -1 }
func (h *memHandle) Close() error { return nil }
