//go:build linux

package reactor

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/wire"
)

// framed cuts a stream into frames, pauses and closes at random, and checks that
// every frame is the one that was sent.
type framed struct {
	t      *testing.T
	r      *Reactor
	a      *countingArena
	s      *Stream
	rng    *rand.Rand
	sent   *rand.Rand // draws what the peer has drawn
	framer Framer
	stash  []Received
	frames int
	closes bool // at random
	resume Timer
	ended  func(frames int)
	dead   bool
}

func (f *framed) Want() (*iobuf.Buf, []byte) {
	if len(f.stash) > 0 {
		return nil, nil
	}
	return f.framer.Want()
}

func (f *framed) OnFill(n int) {
	if f.s.paused || len(f.stash) > 0 {
		f.t.Errorf("OnFill while paused %v with %d buffers waiting", f.s.paused, len(f.stash))
	}
	f.framer.Filled(n)
	f.stash = append(f.stash, Received{Ns: 1})
	f.cut()
}

func (f *framed) OnData(b *iobuf.Buf, n int) {
	f.stash = append(f.stash, Received{Buf: b, Data: b.B[:n], Ns: 1})
	f.cut()
}

func (f *framed) cut() {
	for len(f.stash) > 0 && !f.s.paused && !f.dead {
		in := &f.stash[0]
		frame, buf, _, err := f.framer.Next(in)
		switch {
		case err != nil: // no memory
			f.close()
		case frame != nil:
			f.check(frame)
			buf.Release(f.a)
		}
		if len(in.Data) == 0 {
			if in.Buf != nil {
				in.Buf.Release(f.a)
			}
			f.stash = f.stash[1:]
		}
		f.whim()
	}
	if !f.dead {
		f.s.Redirect()
	}
}

func (f *framed) check(frame []byte) {
	want := frameOf(f.sent)
	if len(frame) != len(want) {
		f.t.Errorf("frame %d has %d bytes, want %d", f.frames, len(frame), len(want))
		f.close()
		return
	}
	for i := range frame {
		if frame[i] != want[i] {
			f.t.Errorf("frame %d of %d bytes differs at %d", f.frames, len(frame), i)
			f.close()
			return
		}
	}
	f.frames++
}

func (f *framed) whim() {
	switch f.rng.IntN(40) {
	case 0, 1, 2:
		f.s.PauseRecv()
		f.r.After(&f.resume, int64(f.rng.IntN(500_000)))
	case 3:
		if !f.s.paused {
			f.s.PauseRecv()
			f.s.ResumeRecv()
		}
	case 4:
		if f.closes {
			f.close()
		}
	}
}

func (f *framed) OnTimer(*Timer) {
	f.s.ResumeRecv()
	f.cut()
}

// close drops the frame that is being assembled at once, as its memory may be
// wanted: the kernel may still write there.
func (f *framed) close() {
	if !f.dead {
		f.dead = true
		f.s.Close()
		f.framer.Drop()
	}
}

func (f *framed) OnSent(error) {}

func (f *framed) OnClosed(error) {
	f.dead = true
	f.r.Cancel(&f.resume)
	for _, in := range f.stash {
		if in.Buf != nil {
			in.Buf.Release(f.a)
		}
	}
	f.framer.Drop()
	f.ended(f.frames)
}

// frameOf draws a frame's body.
func frameOf(rng *rand.Rand) []byte {
	var n int
	switch rng.IntN(4) {
	case 0:
		n = 10 + rng.IntN(3000)
	case 1:
		n = directBytes - 100 + rng.IntN(5000)
	case 2:
		n = 2*directBytes + rng.IntN(directBytes)
	default:
		n = 10 + rng.IntN(directMost+directMost/4)
	}
	body := make([]byte, n)
	x := rng.Uint64()
	for i := range body {
		x = x*6364136223846793005 + 1442695040888963407
		body[i] = byte(x >> 56)
	}
	return body
}

// TestDirectFrames sends frames around the threshold in random pieces to
// handlers that pause at will. Those that neither side cuts arrive whole; all
// memory comes back.
func TestDirectFrames(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		seed := uint64(time.Now().UnixNano())
		if s, err := strconv.ParseUint(os.Getenv("CETERIS_SEED"), 10, 64); err == nil {
			seed = s
		}
		t.Logf("CETERIS_SEED=%d", seed)
		g := start(t, Options{Backend: backend, RecvBufs: 8, RecvBufBytes: 4096, SpinNs: 10_000}, func(g *rig) { g.arena.limit.Store(24) })
		var all sync.WaitGroup
		room := make(chan struct{}, 6) // streams at a time
		const streams, most = 36, 8
		for i := range uint64(streams) {
			room <- struct{}{}
			fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			all.Add(2)
			cuts := i%3 == 0
			g.on(func() {
				f := &framed{t: t, r: g.r, a: g.arena, rng: rand.New(rand.NewPCG(seed, i)), sent: rand.New(rand.NewPCG(seed, i+1000)), closes: i%3 == 1}
				starved := false
				f.framer = Framer{MaxBytes: 1 << 30, Alloc: func(n int) *iobuf.Buf {
					b := g.arena.Alloc(n)
					starved = starved || b == nil
					return b
				}}
				f.resume.H = f
				f.ended = func(frames int) {
					if !cuts && !f.closes && !starved && frames != most {
						t.Errorf("stream %d: %d frames, want %d", i, frames, most)
					}
					all.Done()
					<-room
				}
				if f.s, err = g.r.Attach(fds[0], f); err != nil {
					t.Error(err)
				}
			})
			go func() {
				defer all.Done()
				rng := rand.New(rand.NewPCG(seed, i+2000))
				sendFrames(fds[1], rand.New(rand.NewPCG(seed, i+1000)), rng, most, cuts)
			}()
		}
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		within(t, done, "all streams")
		g.on(func() {
			c := g.r.Counters()
			t.Logf("%d of %d bytes received directly, memory ran out %d times", c.RecvDirect, c.RecvBytes, c.RecvStarved)
			if c.RecvDirect == 0 {
				t.Error("nothing was received directly: the test does not test it")
			}
			if c.Streams != 0 {
				t.Errorf("%d streams left", c.Streams)
			}
		})
		if n := g.arena.out.Load(); n > 8 {
			t.Errorf("%d buffers are out, want at most the ring's 8", n)
		}
	})
}

// sendFrames writes frames in pieces; one that cuts closes in the middle.
func sendFrames(fd int, sent, rng *rand.Rand, most int, cuts bool) {
	file := os.NewFile(uintptr(fd), "peer")
	c, err := net.FileConn(file)
	file.Close()
	if err != nil {
		return
	}
	defer c.Close()
	for range most {
		body := frameOf(sent)
		out := binary.BigEndian.AppendUint32(make([]byte, 0, wire.SizeLen+len(body)), uint32(len(body)))
		for out = append(out, body...); len(out) > 0; {
			n := min(len(out), 1+rng.IntN(1<<(1+rng.IntN(20))))
			if cuts && rng.IntN(100) == 0 {
				return
			}
			if _, err := c.Write(out[:n]); err != nil {
				return
			}
			out = out[n:]
		}
	}
}
