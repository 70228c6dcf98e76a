package tpc

import (
	"context"
	"math"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/tpc/reactor"
	"github.com/ceteris/ceteris/tpc/staged"
)

// simOutside is what a broker takes from outside when that is a world.
type simOutside struct{ w *world }

func (o simOutside) say(format string, args ...any) { o.w.note("broker: "+format, args...) }
func (o simOutside) threads(int)                    {}
func (o simOutside) watch() error                   { return nil }

// arena asks nobody where the memory lies.
func (o simOutside) arena(_ int, bytes int64) (*arena.Arena, error) {
	a, err := arena.New(arena.Options{Bytes: bytes})
	if err == nil {
		a.Inject(o.w.refuse)
	}
	return a, err
}

func (o simOutside) staging() staged.Files { return simMaps{o.w, o.w.fs.mem} }

func (o simOutside) options(r *reactor.Options) {
	r.Sim, r.RecvBufBytes, r.DiskDepth = o.w.k, 4<<10, 8
}

func (o simOutside) run(s *shard, ended func(error)) {
	s.fileAhead = disk.NewAhead(8<<10, 64<<10)
	if err := s.r.Begin(s); err != nil {
		ended(err)
	}
}

// claim leaves the pages to be touched when they are used: most never are.
func (o simOutside) claim(s *shard) { s.arena.Own() }

func (o simOutside) join() {
	o.w.pause(func() bool {
		for _, s := range o.w.b.shards {
			if o.w.begun(s) && !s.r.Over() {
				return false
			}
		}
		// Whoever else is at the logs ends before they are closed.
		return !slices.ContainsFunc(o.w.threads, func(t *thread) bool { return t.only })
	})
}

// receive lets a few messages of some pairs through, so that pairs overtake each
// other; what is held back is there in the next round.
func (o simOutside) receive(s *shard) int {
	m := o.w.b.mesh
	n := 0
	if budget := o.w.rng.IntN(o.w.plan.recvBudget + 1); budget > 0 {
		n = m.Recv(s.id, budget, s)
	}
	if n == 0 && m.Readable(s.id) {
		o.w.cover.hit("messages held back")
		return 1
	}
	return n
}

func (o simOutside) wait(done <-chan error) error {
	o.w.pause(func() bool { return len(done) > 0 })
	return <-done
}

func (o simOutside) sleep(ctx context.Context, d time.Duration) error {
	over := false
	o.w.sleepers = append(o.w.sleepers, &deadline{atNs: o.w.k.NowNs + int64(d), cancel: func() { over = true }})
	o.w.pause(func() bool { return over || ctx.Err() != nil })
	return ctx.Err()
}

func (o simOutside) timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	o.w.sleepers = append(o.w.sleepers, &deadline{atNs: o.w.k.NowNs + int64(d), cancel: cancel})
	return ctx, cancel
}

// firstSession has ids begin where they soon wrap round, elsewhere in each life.
func (o simOutside) firstSession() int32 {
	return math.MaxInt32 - 4 + int32(o.w.seed%3) + int32(o.w.step%2)
}

func (o simOutside) nowNs() int64  { return o.w.k.NowNs }
func (o simOutside) wallMs() int64 { return 1_700_000_000_000 + o.w.k.NowNs/1e6 }

func (o simOutside) bind(addr *net.TCPAddr, _ int, _ sharing) (int, *net.TCPAddr, error) {
	fd := o.w.k.Listen()
	o.w.listeners = append(o.w.listeners, fd)
	return fd, addr, nil
}

func (o simOutside) peer(fd int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(fd % 2)})
}
func (o simOutside) closeSocket(fd int) { o.w.k.CloseSocket(fd) }
func (o simOutside) tune(*Broker, int)  {}

// simFS is the world's disk. Every operation is a moment at which others may go
// first, and may fail.
type simFS struct {
	w     *world
	k     *reactor.Sim
	mem   *disk.Mem
	quiet bool // operations neither wait nor fail, but those after left
	left  int  // operations until the disk is gone; negative: it stays
}

func (fs *simFS) op(what string) error {
	if fs.left == 0 {
		return errInjected
	}
	if fs.left > 0 {
		fs.left--
	}
	if fs.w.sick > 0 && fs.w.rng.IntN(1000) < fs.w.sick {
		fs.w.note("fault at the start: %s", shortName(what))
		return errInjected
	}
	if fs.quiet || fs.w.current == nil {
		return nil
	}
	switch n := fs.w.rng.IntN(100); {
	case n < 5:
		fs.w.rest(fs.w.diskDelay())
	case n < 30:
		fs.w.pause(nil)
	}
	fs.w.note("fs: %s", what)
	return fs.w.fault(what)
}

func (fs *simFS) Open(path string, flag int) (disk.File, error) {
	if err := fs.op("open " + path); err != nil {
		return nil, err
	}
	f, err := fs.mem.Open(path, flag)
	if err != nil {
		return nil, err
	}
	h := &simFile{File: f, fs: fs, path: path}
	h.fd = fs.k.AddFile(h)
	return h, nil
}

func (fs *simFS) Rename(from, to string) error {
	if err := fs.op("rename " + shortName(to)); err != nil {
		return err
	}
	return fs.mem.Rename(from, to)
}

func (fs *simFS) Remove(path string) error {
	if err := fs.op("remove " + path); err != nil {
		return err
	}
	return fs.mem.Remove(path)
}

func (fs *simFS) RemoveAll(path string) error {
	if err := fs.op("remove all " + shortName(path)); err != nil {
		return err
	}
	return fs.mem.RemoveAll(path)
}

func (fs *simFS) MkdirAll(path string) error {
	if err := fs.op("mkdir " + path); err != nil {
		return err
	}
	return fs.mem.MkdirAll(path)
}

func (fs *simFS) ReadDir(path string) ([]string, error) {
	if err := fs.op("read " + path); err != nil {
		return nil, err
	}
	return fs.mem.ReadDir(path)
}

func (fs *simFS) SyncDir(path string) error {
	if err := fs.op("sync " + path); err != nil {
		return err
	}
	return fs.mem.SyncDir(path)
}

func (fs *simFS) SyncAll(path string) error {
	if err := fs.op("sync all " + path); err != nil {
		return err
	}
	return fs.mem.SyncAll(path)
}

func (fs *simFS) Stat(path string) (int64, error)               { return fs.mem.Stat(path) }
func (fs *simFS) LockDir(path string) (release func(), _ error) { return fs.mem.LockDir(path) }

// shortName leaves out the salt in the names of directories that are going.
func shortName(path string) string {
	if len(path) > 48 && path[len(path)-7:] == "-delete" {
		return "-delete"
	}
	return path
}

// simFile is an open file of a simFS, which the simulated kernel knows by its
// descriptor.
type simFile struct {
	disk.File
	fs   *simFS
	path string
	fd   int
}

func (f *simFile) FD() int { return f.fd }

func (f *simFile) Close() error {
	f.fs.k.CloseFile(f.fd)
	return f.File.Close()
}

// WriteAt is called by the broker's blocking code on a thread, and by the
// simulated kernel for the operations that reactors submit.
func (f *simFile) WriteAt(b []byte, off int64) (int, error) {
	if f.fs.w.current != nil {
		f.fs.k.Touch(f.fd, off, int64(len(b)))
		if err := f.fs.op("write " + f.path); err != nil {
			return 0, err
		}
		f.fs.k.Touch(f.fd, off, int64(len(b)))
	}
	return f.File.WriteAt(b, off)
}

// ReadAt fails while a start does not go well. The simulated kernel's own reads
// have their faults from it.
func (f *simFile) ReadAt(b []byte, off int64) (int, error) {
	if f.fs.w.sick > 0 && f.fs.w.current != nil {
		if err := f.fs.op("read " + f.path); err != nil {
			return 0, err
		}
	}
	return f.File.ReadAt(b, off)
}

func (f *simFile) Truncate(size int64) error {
	if err := f.fs.op("truncate " + f.path); err != nil {
		return err
	}
	f.fs.k.Touch(f.fd, size, -1)
	return f.File.Truncate(size)
}

func (f *simFile) Sync() error {
	if err := f.fs.op("sync " + f.path); err != nil {
		return err
	}
	return f.File.Sync()
}

// WriteThrough is for the simulated kernel.
func (f *simFile) WriteThrough(b []byte, off int64) (int, error) {
	return f.File.(interface {
		WriteThrough([]byte, int64) (int, error)
	}).WriteThrough(b, off)
}
