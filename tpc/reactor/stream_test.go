//go:build linux

package reactor

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
)

// TestEchoManyStreams sends random frames in random pieces over many
// connections and expects every byte back in order.
func TestEchoManyStreams(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		const conns, total = 50, 300_000
		g := start(t, Options{Backend: backend, SpinNs: 20_000, RecvBufBytes: 4096}, nil)
		closed := make(chan error, conns)
		addr, _ := g.listen(&echoes{g, closed})
		var wg sync.WaitGroup
		for seed := range uint64(conns) {
			wg.Go(func() {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				rng := rand.New(rand.NewPCG(seed, 1))
				sent := make([]byte, total)
				for i := range sent {
					sent[i] = byte(rng.Uint32())
				}
				go func() {
					for rest := sent; len(rest) > 0; {
						n := min(1+rng.IntN(20_000), len(rest))
						if _, err := c.Write(rest[:n]); err != nil {
							t.Errorf("seed %d: %v", seed, err)
							return
						}
						rest = rest[n:]
					}
				}()
				got := make([]byte, total)
				if _, err := io.ReadFull(c, got); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				} else if !bytes.Equal(got, sent) {
					t.Errorf("seed %d: the echo differs", seed)
				}
			})
		}
		wg.Wait()
		for range conns {
			if err := <-closed; err != nil {
				t.Errorf("OnClosed: %v, want nil after the peer closed in order", err)
			}
		}
		g.on(func() {
			c := g.r.Counters()
			if c.Accepts != conns || c.RecvBytes != conns*total || c.SendBytes != conns*total || c.Streams != 0 {
				t.Errorf("counters: %+v", c)
			}
		})
	})
}

// recorder notes the calls it gets.
type recorder struct {
	a      iobuf.Allocator
	mu     sync.Mutex
	data   []byte
	sent   []error
	closed chan error
	onSent func(error)
	onData func()
}

func newRecorder(g *rig) *recorder { return &recorder{a: g.arena, closed: make(chan error, 4)} }

func (h *recorder) OnData(b *iobuf.Buf, n int) {
	h.mu.Lock()
	h.data = append(h.data, b.B[:n]...)
	h.mu.Unlock()
	b.Release(h.a)
	if h.onData != nil {
		h.onData()
	}
}

func (h *recorder) OnSent(err error) {
	h.sent = append(h.sent, err)
	if h.onSent != nil {
		h.onSent(err)
	}
}
func (h *recorder) OnClosed(err error) { h.closed <- err }

func (h *recorder) received() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.data)
}

// TestBigSend sends a chain much larger than the socket's buffer, in more
// pieces than one system call takes.
func TestBigSend(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		h := newRecorder(g)
		s, peer := g.pair(func(*Stream) StreamHandler { return h })
		rng := rand.New(rand.NewPCG(7, 7))
		var c iobuf.Chain
		var want []byte
		for range 2000 {
			b := g.arena.Alloc(8000)
			for i := range b.B {
				b.B[i] = byte(rng.Uint32())
			}
			part := b.B[rng.IntN(50) : 4000+rng.IntN(4000)]
			want = append(want, part...)
			c.AppendBuf(b, part)
		}
		sent := make(chan error, 1)
		h.onSent = func(err error) { sent <- err }
		g.on(func() { s.Send(&c) })
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Fatalf("OnSent: %v", err)
		}
		if !bytes.Equal(got, want) {
			t.Fatal("received bytes differ")
		}
		g.on(func() {
			c.Reset(g.arena)
			if g.r.Counters().SendPartial == 0 {
				t.Error("the chain went out in one piece: the test does not test partial sends")
			}
		})
	})
}

// TestPeerClosesMidSend expects one failed OnSent, then OnClosed.
func TestPeerClosesMidSend(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		h := newRecorder(g)
		s, peer := g.pair(func(*Stream) StreamHandler { return h })
		var c iobuf.Chain
		c.AppendBytes(make([]byte, 32<<20))
		g.on(func() { s.Send(&c) })
		if _, err := io.ReadFull(peer, make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		peer.Close()
		err := <-h.closed
		if err != nil {
			if e := errnoIs(err, syscall.EPIPE, syscall.ECONNRESET); e != nil {
				t.Errorf("OnClosed: %v", e)
			}
		}
		g.on(func() {
			if len(h.sent) != 1 || h.sent[0] == nil {
				t.Errorf("OnSent calls: %v, want one error", h.sent)
			}
		})
	})
}

// TestCloseMidSend closes from this side: ErrClosed, then an orderly end.
func TestCloseMidSend(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		h := newRecorder(g)
		s, peer := g.pair(func(*Stream) StreamHandler { return h })
		var c iobuf.Chain
		c.AppendBytes(make([]byte, 32<<20))
		g.on(func() { s.Send(&c) })
		if _, err := io.ReadFull(peer, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		g.on(func() { s.Close(); s.Close() })
		if err := <-h.closed; err != nil {
			t.Errorf("OnClosed: got %v, want nil", err)
		}
		g.on(func() {
			if len(h.sent) != 1 || h.sent[0] != ErrClosed {
				t.Errorf("OnSent calls: %v, want one ErrClosed", h.sent)
			}
		})
		select {
		case err := <-h.closed:
			t.Errorf("a second OnClosed: %v", err)
		default:
		}
	})
}

// TestPeerReset expects the error of a reset connection.
func TestPeerReset(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		closed := make(chan error, 1)
		addr, _ := g.listen(&echoes{g, closed})
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "accept", func() bool { return g.r.Snapshot().Accepts == 1 })
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := errnoIs(<-closed, syscall.ECONNRESET); err != nil {
			t.Errorf("OnClosed: %v", err)
		}
	})
}

// TestEmptyChain is sent, but not from within Send.
func TestEmptyChain(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		h := newRecorder(g)
		s, _ := g.pair(func(*Stream) StreamHandler { return h })
		sent := make(chan error, 1)
		h.onSent = func(err error) { sent <- err }
		var c iobuf.Chain
		g.on(func() {
			s.Send(&c)
			if len(h.sent) != 0 {
				t.Error("OnSent came from within Send")
			}
		})
		if err := <-sent; err != nil {
			t.Errorf("OnSent: %v", err)
		}
	})
}

// TestPauseRecv sees no data while paused, all of it in order afterwards, and
// the end of the stream last.
func TestPauseRecv(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend, RecvBufBytes: 512}, nil)
		h := newRecorder(g)
		s, peer := g.pair(func(s *Stream) StreamHandler { h.onData = s.PauseRecv; return h })
		var want []byte
		for i := range 200 {
			want = append(want, bytes.Repeat([]byte{byte(i)}, 300)...)
		}
		go func() {
			for rest := want; len(rest) > 0; rest = rest[300:] {
				if _, err := peer.Write(rest[:300]); err != nil {
					t.Error(err)
				}
			}
			peer.Close()
		}()
		for seen := 0; seen < len(want); {
			eventually(t, "data", func() bool { return len(h.received()) > seen })
			g.on(func() {}) // a whole round with the stream paused
			n := len(h.received())
			if n > seen+512 {
				t.Fatalf("%d bytes came between two resumes, at most one buffer of 512 expected", n-seen)
			}
			seen = n
			select {
			case err := <-h.closed:
				t.Fatalf("closed (%v) after %d of %d bytes", err, seen, len(want))
			default:
			}
			g.on(s.ResumeRecv)
		}
		if err := <-h.closed; err != nil {
			t.Errorf("OnClosed: %v", err)
		}
		if !bytes.Equal(h.received(), want) {
			t.Error("received bytes differ")
		}
	})
}

// TestIdleConnectionsHoldNoBuffers: only the ring's own buffers are out.
func TestIdleConnectionsHoldNoBuffers(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		const conns = 1000
		raiseFiles(t, 3*conns)
		g := start(t, Options{Backend: backend, RecvBufs: 16}, nil)
		addr, _ := g.listen(&echoes{g: g})
		var open []net.Conn
		defer func() {
			for _, c := range open {
				c.Close()
			}
		}()
		one := []byte{1}
		for range conns {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
			if _, err := c.Write(one); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, one); err != nil {
				t.Fatal(err)
			}
		}
		g.on(func() {
			if got := g.r.Counters().Streams; got != conns {
				t.Errorf("%d streams, want %d", got, conns)
			}
		})
		if n := g.arena.out.Load(); n > 16 {
			t.Errorf("%d idle connections hold %d buffers, want at most the ring's 16", conns, n)
		}
	})
}

func raiseFiles(t *testing.T, n uint64) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Cur >= n {
		return
	}
	l.Cur = min(n, l.Max)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil || l.Cur < n {
		t.Skipf("only %d descriptors allowed, %d needed (%v)", l.Cur, n, err)
	}
}

// TestOutOfDescriptors: a failed accept is counted, and accepting goes on when
// there are descriptors again.
func TestOutOfDescriptors(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		l, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(l, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if err := unix.Listen(l, 8); err != nil {
			t.Fatal(err)
		}
		where, err := unix.Getsockname(l)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: where.(*unix.SockaddrInet4).Port})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		g.on(func() {}) // the reactor has opened all it needs
		var was unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		lowest, err := unix.Dup(l)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(lowest)
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(lowest), Max: was.Max}); err != nil {
			t.Fatal(err)
		}
		g.on(func() {
			if _, err := g.r.Listen(l, &echoes{g: g}); err != nil {
				t.Errorf("Listen: %v", err)
			}
		})
		eventually(t, "accept error", func() bool { return g.r.Snapshot().AcceptErrors > 0 })
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			t.Fatal(err)
		}
		eventually(t, "accept", func() bool { return g.r.Snapshot().Accepts == 1 })
	})
}

// TestArenaExhausted: receiving stops while there is no memory and goes on when
// there is some again; no byte is lost.
func TestArenaExhausted(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		const conns = 8
		g := start(t, Options{Backend: backend, RecvBufs: 4, RecvBufBytes: 1024}, func(g *rig) { g.arena.limit.Store(4) })
		var keep []*iobuf.Buf // on the reactor's thread
		hs := make([]*hoarder, conns)
		peers := make([]net.Conn, conns)
		for i := range hs {
			hs[i] = &hoarder{keep: &keep, got: make(chan int, 100)}
			_, peers[i] = g.pair(func(*Stream) StreamHandler { return hs[i] })
		}
		for _, p := range peers {
			if _, err := p.Write(make([]byte, 1024)); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "exhaustion", func() bool { return g.r.Snapshot().RecvStarved > 0 && g.arena.out.Load() == 4 })
		g.on(func() {
			for _, b := range keep {
				b.Release(g.arena)
			}
			keep = nil
			for _, h := range hs {
				h.free = g.arena
			}
		})
		for i, h := range hs {
			for n := 0; n < 1024; {
				n += <-h.got
				if n > 1024 {
					t.Errorf("stream %d got %d bytes, want 1024", i, n)
				}
			}
		}
	})
}

// hoarder keeps its buffers until it is told where to free them.
type hoarder struct {
	keep *[]*iobuf.Buf
	free iobuf.Allocator
	got  chan int
}

func (h *hoarder) OnData(b *iobuf.Buf, n int) {
	if h.free != nil {
		b.Release(h.free)
	} else {
		*h.keep = append(*h.keep, b)
	}
	h.got <- n
}
func (h *hoarder) OnSent(error)   {}
func (h *hoarder) OnClosed(error) {}

// TestSendMisuse: a second send, and a file range, are bugs.
func TestSendMisuse(t *testing.T) {
	s := &Stream{out: &iobuf.Chain{Bytes: 3}}
	for name, c := range map[string]*iobuf.Chain{
		"second send": {Bytes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			s.Send(c)
		})
	}
	t.Run("file range", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		var c iobuf.Chain
		c.AppendFile(3, 0, 10, nil)
		(&Stream{}).Send(&c)
	})
}
