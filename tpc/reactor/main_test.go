//go:build linux

package reactor

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/uring"
)

func TestMain(m *testing.M) {
	// A sleeping reactor keeps its P; clients need some as well.
	runtime.GOMAXPROCS(max(4, runtime.GOMAXPROCS(0)))
	os.Exit(m.Run())
}

// eachBackend runs f on every backend; only a kernel without io_uring skips one.
func eachBackend(t *testing.T, f func(t *testing.T, backend string)) {
	t.Run(BackendEpoll, func(t *testing.T) { f(t, BackendEpoll) })
	t.Run(BackendURing, func(t *testing.T) {
		if _, err := uring.Probe(); err != nil {
			t.Skipf("no io_uring here: %v", err)
		}
		f(t, BackendURing)
	})
}

// countingArena is an allocator with a limit that knows what is outside.
type countingArena struct {
	iobuf.Heap
	out, limit atomic.Int64
}

func (a *countingArena) Alloc(n int) *iobuf.Buf {
	if l := a.limit.Load(); l > 0 && a.out.Load() >= l {
		return nil
	}
	a.out.Add(1)
	b := a.Heap.Alloc(n)
	b.Owner = a
	return b
}

func (a *countingArena) Recycle(b *iobuf.Buf, at iobuf.Allocator) {
	a.out.Add(-1)
	a.Heap.Recycle(b, at)
}

// rig is a running reactor and its hooks.
type rig struct {
	t     testing.TB
	r     *Reactor
	arena *countingArena
	polls func() bool
	flush func()
	ended chan error
}

func (g *rig) Start(*Reactor) error { return nil }

func (g *rig) Poll() bool {
	if g.polls != nil {
		return g.polls()
	}
	return false
}

func (g *rig) Flush() {
	if g.flush != nil {
		g.flush()
	}
}

func start(t testing.TB, o Options, change func(*rig)) *rig {
	t.Helper()
	g := &rig{t: t, arena: &countingArena{}, ended: make(chan error, 1)}
	if o.CPU == 0 {
		o.CPU = -1
	}
	if o.RecvBufs == 0 {
		o.RecvBufs = 16
	}
	o.Arena = g.arena
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.r = r
	if change != nil {
		change(g)
	}
	go func() { g.ended <- r.Run(g) }()
	t.Cleanup(g.stop)
	return g
}

// stop ends the reactor and checks that it gave back all memory.
func (g *rig) stop() {
	if g.ended == nil {
		return
	}
	g.r.Stop()
	select {
	case err := <-g.ended:
		if err != nil {
			g.t.Errorf("Run: %v", err)
		}
	case <-time.After(20 * time.Second):
		g.t.Fatal("Run did not return after Stop")
	}
	g.ended = nil
	if n := g.arena.out.Load(); n != 0 {
		g.t.Errorf("%d buffers were not given back", n)
	}
}

// on runs f on the reactor's thread and waits for it.
func (g *rig) on(f func()) {
	g.t.Helper()
	done := make(chan struct{})
	if !g.r.Post(Func(func() { f(); close(done) })) {
		g.t.Fatal("Post refused")
	}
	within(g.t, done, "posted task")
}

func within(t testing.TB, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		buf := make([]byte, 1<<16)
		t.Fatalf("%s: nothing within 20 s\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}

// eventually polls a condition that another thread brings about.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// listener makes the reactor accept on a fresh loopback port.
func (g *rig) listen(a Acceptor) (addr string, l *Listener) {
	g.t.Helper()
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	defer n.Close()
	raw, err := n.(*net.TCPListener).SyscallConn()
	if err != nil {
		g.t.Fatal(err)
	}
	fd := -1
	if err := raw.Control(func(p uintptr) { fd, err = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) }); err != nil || fd < 0 {
		g.t.Fatal(err)
	}
	g.on(func() {
		if l, err = g.r.Listen(fd, a); err != nil {
			g.t.Errorf("Listen: %v", err)
		}
	})
	return n.Addr().String(), l
}

// pair attaches one end of a socket pair to h and returns the other.
func (g *rig) pair(h func(*Stream) StreamHandler) (s *Stream, peer net.Conn) {
	g.t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		g.t.Fatal(err)
	}
	g.on(func() {
		box := &boxed{}
		if s, err = g.r.Attach(fds[0], box); err != nil {
			g.t.Errorf("Attach: %v", err)
			return
		}
		box.StreamHandler = h(s)
	})
	f := os.NewFile(uintptr(fds[1]), "peer")
	defer f.Close()
	peer, err = net.FileConn(f)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { peer.Close() })
	return s, peer
}

// boxed lets a handler be made with the stream it handles.
type boxed struct{ StreamHandler }

// echo sends back what it receives, one chain at a time.
type echo struct {
	r       *Reactor
	a       iobuf.Allocator
	s       *Stream
	out     iobuf.Chain
	more    iobuf.Chain
	closed  chan error
	nClosed int
}

func (e *echo) OnData(b *iobuf.Buf, n int) {
	if e.s.Sending() {
		e.more.AppendBuf(b, b.B[:n])
		if e.more.Bytes > 1<<20 {
			e.s.PauseRecv()
		}
		return
	}
	e.out.AppendBuf(b, b.B[:n])
	e.s.Send(&e.out)
}

func (e *echo) OnSent(err error) {
	e.out.Reset(e.a)
	if err != nil {
		return
	}
	e.s.ResumeRecv()
	if e.more.Bytes > 0 {
		e.out, e.more = e.more, e.out
		e.s.Send(&e.out)
	}
}

func (e *echo) OnClosed(err error) {
	e.nClosed++
	e.out.Reset(e.a)
	e.more.Reset(e.a)
	if e.closed != nil {
		e.closed <- err
	}
}

// echoes attaches an echo to every connection.
type echoes struct {
	g      *rig
	closed chan error
}

func (a *echoes) OnAccept(fd int) {
	e := &echo{r: a.g.r, a: a.g.arena, closed: a.closed}
	s, err := a.g.r.Attach(fd, e)
	if err != nil {
		closeFD(fd)
		a.g.t.Errorf("Attach: %v", err)
		return
	}
	e.s = s
}

func errnoIs(err error, any ...syscall.Errno) error {
	for _, e := range any {
		if err == e {
			return nil
		}
	}
	return fmt.Errorf("got %v, want one of %v", err, any)
}

// dialable tells whether something accepts connections at addr.
func dialable(addr string) error {
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return err
	}
	return c.Close()
}
