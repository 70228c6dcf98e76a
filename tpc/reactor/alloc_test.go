//go:build linux

package reactor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
)

// listArena is a single-threaded free list: it never allocates twice.
type listArena struct{ free *iobuf.Buf }

func (a *listArena) Alloc(n int) *iobuf.Buf {
	b := a.free
	if b == nil {
		b = &iobuf.Buf{B: make([]byte, n)}
	} else {
		a.free = b.Next
	}
	b.Init(a, b.B, 0)
	return b
}

func (a *listArena) Recycle(b *iobuf.Buf, _ iobuf.Allocator) {
	b.Next = a.free
	a.free = b
}

// bench is a reactor with one echo stream and a blocking client that allocates nothing.
type bench struct {
	rig
	a    listArena
	peer int
	disk diskEcho
}

// diskEcho writes a block before it says it is done, over and over.
type diskEcho struct {
	r    *Reactor
	op   DiskOp
	left int
	done chan struct{}
}

func (d *diskEcho) DiskDone(op *DiskOp) {
	if op.Err != nil {
		panic(op.Err)
	}
	if d.left--; d.left > 0 {
		d.r.Submit(op)
		return
	}
	d.done <- struct{}{}
}

// RunTask starts the writes.
func (d *diskEcho) RunTask() { d.r.Submit(&d.op) }

func newBench(t testing.TB, backend string, spinNs int64) *bench {
	g := &bench{}
	g.t, g.ended = t, make(chan error, 1)
	g.rig.arena = &countingArena{} // only so that stop finds nothing missing
	r, err := New(Options{CPU: -1, Backend: backend, SpinNs: spinNs, Arena: &g.a, RecvBufs: 16})
	if err != nil {
		t.Fatal(err)
	}
	g.r = r
	go func() { g.ended <- r.Run(&g.rig) }()
	t.Cleanup(g.stop)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[1]) })
	g.peer = fds[1]
	g.on(func() {
		e := &echo{r: r, a: &g.a}
		if e.s, err = r.Attach(fds[0], e); err != nil {
			t.Error(err)
		}
	})
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	g.disk = diskEcho{r: r, done: make(chan struct{}, 1), op: DiskOp{Kind: Write, FD: int(f.Fd()), B: make([]byte, 4096)}}
	g.disk.op.Done = &g.disk
	return g
}

// roundTrips sends and reads back frames of the given size, depth at a time.
func (g *bench) roundTrips(n, depth int, buf []byte) error {
	for range n {
		for rest := buf[:depth*64]; len(rest) > 0; {
			k, err := unix.Write(g.peer, rest)
			if err != nil && err != unix.EINTR {
				return fmt.Errorf("write: %w", err)
			}
			rest = rest[max(k, 0):]
		}
		for rest := buf[:depth*64]; len(rest) > 0; {
			k, err := unix.Read(g.peer, rest)
			if err != nil && err != unix.EINTR {
				return fmt.Errorf("read: %w", err)
			}
			rest = rest[max(k, 0):]
		}
	}
	return nil
}

// TestSteadyStateAllocatesNothing echoes, sleeps, wakes and writes.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := newBench(t, backend, 20_000)
		buf := make([]byte, 64*64)
		timer := &bell{r: g.r, rang: make(chan int64, 10_000), again: 5_000, every: 100_000}
		g.on(func() { g.r.After(&Timer{H: timer}, 0) })
		run := func(n int) {
			if err := g.roundTrips(n, 1, buf); err != nil {
				t.Fatal(err)
			}
			if err := g.roundTrips(n/10, 64, buf); err != nil {
				t.Fatal(err)
			}
			g.disk.left = n
			g.r.Post(&g.disk)
			within(t, g.disk.done, "writes")
		}
		run(500)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const n = 2000
		run(n)
		runtime.ReadMemStats(&after)
		// The runtime itself and the time-out of the test allocate a little.
		if got := after.Mallocs - before.Mallocs; got > 100 {
			t.Errorf("%d heap allocations in %d round trips and %d writes", got, n+n/10, n)
		}
	})
}

// BenchmarkEcho is a round trip of frames of 64 bytes through a socket pair,
// one and sixteen at a time, the reactor spinning.
func BenchmarkEcho(b *testing.B) {
	for _, backend := range []string{BackendEpoll, BackendURing} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", backend, depth), func(b *testing.B) {
				if _, err := New(Options{Backend: backend}); err != nil {
					b.Skip(err)
				}
				g := newBench(b, backend, 50_000)
				buf := make([]byte, depth*64)
				b.ReportAllocs()
				for b.Loop() {
					if err := g.roundTrips(1, depth, buf); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*depth), "ns/frame")
			})
		}
	}
}

// BenchmarkIdleRound is what one round costs that finds nothing.
func BenchmarkIdleRound(b *testing.B) {
	for _, backend := range []string{BackendEpoll, BackendURing} {
		b.Run(backend, func(b *testing.B) {
			if _, err := New(Options{Backend: backend}); err != nil {
				b.Skip(err)
			}
			g := newBench(b, backend, 0)
			g.on(func() {
				for b.Loop() {
					g.r.round()
				}
			})
		})
	}
}

// BenchmarkDirectWrite overwrites a block of a pre-written O_DIRECT file, one
// write in flight, the next one started when the last is done.
func BenchmarkDirectWrite(b *testing.B) {
	for _, backend := range []string{BackendEpoll, BackendURing} {
		for _, kind := range []DiskKind{Write, WriteDSync} {
			b.Run(fmt.Sprintf("%s/%d", backend, kind), func(b *testing.B) {
				if _, err := New(Options{Backend: backend}); err != nil {
					b.Skip(err)
				}
				fd, err := unix.Open(filepath.Join(b.TempDir(), "f"), unix.O_RDWR|unix.O_CREAT|unix.O_DIRECT, 0o600)
				if err != nil {
					b.Skip(err)
				}
				defer unix.Close(fd)
				mem := alignedBytes(b, 1<<20)
				if _, err := unix.Pwrite(fd, mem, 0); err != nil {
					b.Fatal(err)
				}
				if err := unix.Fsync(fd); err != nil {
					b.Fatal(err)
				}
				g := newBench(b, backend, 50_000)
				g.disk.op.Kind, g.disk.op.FD, g.disk.op.B = kind, fd, mem[:4096]
				b.ReportAllocs()
				const row = 64
				for b.Loop() {
					g.disk.left = row
					g.r.Post(&g.disk)
					<-g.disk.done
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*row), "ns/write")
			})
		}
	}
}
