//go:build linux

package reactor

import (
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
)

// moody does at random what a handler may do, and checks what it is called with.
type moody struct {
	t      *testing.T
	r      *Reactor
	a      *countingArena
	s      *Stream
	rng    *rand.Rand
	out    iobuf.Chain
	resume Timer
	sends  int
	sents  int
	closed int
	gone   func()
}

func (m *moody) OnData(b *iobuf.Buf, n int) {
	if m.closed > 0 || n < 1 || n > len(b.B) {
		m.t.Errorf("OnData of %d bytes after %d OnClosed", n, m.closed)
	}
	if m.s.paused {
		m.t.Error("OnData while paused")
	}
	if m.s.Sending() || m.rng.IntN(4) == 0 {
		b.Release(m.a)
	} else {
		m.out.AppendBuf(b, b.B[:n])
		m.send()
	}
	m.whim()
}

func (m *moody) send() {
	for range m.rng.IntN(4) {
		if big := m.a.Alloc(1 << 16); big != nil {
			m.out.AppendBuf(big, big.B[:m.rng.IntN(1<<16)])
		}
	}
	m.sends++
	m.s.Send(&m.out)
}

// whim pauses, resumes or closes now and then.
func (m *moody) whim() {
	switch m.rng.IntN(24) {
	case 0, 1, 2:
		m.s.PauseRecv()
		m.r.After(&m.resume, int64(m.rng.IntN(2_000_000)))
	case 3, 4:
		m.s.PauseRecv()
		m.s.ResumeRecv()
	case 5:
		m.s.Close()
	}
}

func (m *moody) OnTimer(*Timer) {
	m.s.ResumeRecv()
	m.whim()
}

func (m *moody) OnSent(err error) {
	m.sents++
	if m.sents != m.sends || m.closed > 0 {
		m.t.Errorf("%d OnSent for %d sends after %d OnClosed", m.sents, m.sends, m.closed)
	}
	m.out.Reset(m.a)
	if err == nil {
		if m.rng.IntN(8) == 0 {
			m.send()
		}
		m.whim()
	}
}

func (m *moody) OnClosed(error) {
	m.closed++
	if m.closed != 1 || m.sents != m.sends {
		m.t.Errorf("OnClosed for the %d. time with %d of %d sends reported", m.closed, m.sents, m.sends)
	}
	m.r.Cancel(&m.resume)
	m.gone()
}

// TestChaos lets moody handlers meet careless peers, with too little memory.
// Every send is reported, every stream ends once, and all memory comes back.
func TestChaos(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		seed := uint64(time.Now().UnixNano())
		if s, err := strconv.ParseUint(os.Getenv("CETERIS_SEED"), 10, 64); err == nil {
			seed = s
		}
		t.Logf("CETERIS_SEED=%d", seed)
		g := start(t, Options{Backend: backend, RecvBufs: 8, RecvBufBytes: 2048, SpinNs: 10_000}, func(g *rig) { g.arena.limit.Store(14) })
		var all sync.WaitGroup
		room := make(chan struct{}, 24) // streams at a time
		for i := range uint64(400) {
			room <- struct{}{}
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			all.Add(2)
			g.on(func() {
				m := &moody{t: t, r: g.r, a: g.arena, rng: rand.New(rand.NewPCG(seed, i))}
				m.resume.H = m
				m.gone = func() { all.Done(); <-room }
				if m.s, err = g.r.Attach(fds[0], m); err != nil {
					t.Error(err)
				}
			})
			go func() {
				defer all.Done()
				careless(fds[1], rand.New(rand.NewPCG(seed, i+1_000_000)))
			}()
		}
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		within(t, done, "all streams")
		g.on(func() {
			c := g.r.Counters()
			t.Logf("memory ran out %d times", c.RecvStarved)
			if c.Streams != 0 {
				t.Errorf("%d streams left", c.Streams)
			}
		})
	})
}

// careless writes and reads a random number of times, gives up waiting soon, and
// closes in the middle.
func careless(fd int, rng *rand.Rand) {
	f := os.NewFile(uintptr(fd), "peer")
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return
	}
	defer c.Close()
	buf := make([]byte, 20_000)
	for range rng.IntN(30) {
		_ = c.SetDeadline(time.Now().Add(5 * time.Millisecond)) // a timed-out call is as good as any
		if _, err := c.Write(buf[:1+rng.IntN(3000)]); err != nil {
			continue
		}
		if rng.IntN(3) > 0 {
			_, _ = c.Read(buf[:1+rng.IntN(len(buf)-1)])
		}
	}
}
