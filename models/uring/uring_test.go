//go:build linux

package uring

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring makes a ring on a locked thread, or skips where there can be none.
func ring(t testing.TB, sq, cq uint32) *Ring {
	t.Helper()
	if _, err := Probe(); err != nil {
		t.Skipf("no io_uring here: %v", err)
	}
	runtime.LockOSThread()
	r, err := New(sq, cq)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		runtime.UnlockOSThread()
	})
	return r
}

// take waits for the next completion.
func take(t testing.TB, r *Ring) CQE {
	t.Helper()
	c, err := r.await(10e9)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func entry(t testing.TB, r *Ring, userData uint64) *SQE {
	t.Helper()
	if e := r.Get(); e != nil {
		e.UserData = userData
		return e
	}
	t.Fatal("submission queue full")
	return nil
}

func want(t testing.TB, c CQE, userData uint64, res int32) {
	t.Helper()
	if c.UserData != userData || c.Res != res {
		t.Errorf("completion %d with result %d, want %d with %d", c.UserData, c.Res, userData, res)
	}
}

// TestLayout checks sizes and offsets against the kernel's interface.
func TestLayout(t *testing.T) {
	var e SQE
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"SQE", unsafe.Sizeof(e), 64},
		{"SQE.Off", unsafe.Offsetof(e.Off), 8},
		{"SQE.Len", unsafe.Offsetof(e.Len), 24},
		{"SQE.OpFlags", unsafe.Offsetof(e.OpFlags), 28},
		{"SQE.UserData", unsafe.Offsetof(e.UserData), 32},
		{"SQE.BufIndex", unsafe.Offsetof(e.BufIndex), 40},
		{"SQE.FileSlot", unsafe.Offsetof(e.FileSlot), 44},
		{"SQE.Addr3", unsafe.Offsetof(e.Addr3), 48},
		{"CQE", unsafe.Sizeof(CQE{}), 16},
		{"params", unsafe.Sizeof(params{}), 120},
		{"enter argument", unsafe.Sizeof(enterArg{}), 24},
		{"buffer entry", unsafe.Sizeof(pbuf{}), 16},
		{"buffer ring tail", unsafe.Offsetof(pbuf{}.tail), 14},
		{"buffer ring registration", unsafe.Sizeof(pbufReg{}), 40},
		{"resource update", unsafe.Sizeof(rsrcUpdate{}), 16},
		{"probe", unsafe.Sizeof(probeTable{}), 16 + 64*8},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, c.got, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, n := range [][2]uint32{{0, 8}, {8, 4}, {MaxEntries + 1, MaxEntries + 1}} {
		if r, err := New(n[0], n[1]); err == nil {
			r.Close()
			t.Errorf("%v: no error", n)
		}
	}
}

// TestEverySetup runs a batch on each rung of the ladder that the kernel accepts.
func TestEverySetup(t *testing.T) {
	if _, err := Probe(); err != nil {
		t.Skipf("no io_uring here: %v", err)
	}
	saved := ladder
	defer func() { ladder = saved }()
	for i := range saved {
		t.Run(saved[i].name, func(t *testing.T) {
			ladder = saved[i : i+1]
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			r, err := New(8, 16)
			if err != nil {
				t.Skipf("not here: %v", err)
			}
			defer r.Close()
			for round := range uint64(100) { // both rings wrap around
				for i := range uint64(8) {
					entry(t, r, round*8+i).Nop()
				}
				if r.Get() != nil {
					t.Fatal("a ninth entry in a queue of eight")
				}
				if err := r.Submit(); err != nil {
					t.Fatal(err)
				}
				for i := range uint64(8) {
					want(t, take(t, r), round*8+i, 0)
				}
			}
		})
	}
}

// TestOverflow submits more than the completion ring holds and loses nothing.
func TestOverflow(t *testing.T) {
	r := ring(t, 8, 8)
	for i := range uint64(40) {
		entry(t, r, i).Nop()
		if i%8 == 7 {
			if err := r.Submit(); err != nil && err != unix.EBUSY {
				t.Fatal(err)
			}
		}
	}
	for i := range uint64(40) {
		want(t, take(t, r), i, 0)
	}
	if r.Ready() != 0 || r.Pending() != 0 {
		t.Errorf("%d completions and %d entries left", r.Ready(), r.Pending())
	}
}

func TestWaitTimesOut(t *testing.T) {
	r := ring(t, 8, 16)
	if err := r.Wait(1e6); err != nil {
		t.Errorf("Wait: %v, want nothing and no error", err)
	}
	if r.Peek() != nil {
		t.Error("a completion out of nothing")
	}
}

func TestFiles(t *testing.T) {
	r := ring(t, 8, 16)
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd := int(f.Fd())
	fixed := make([]byte, 8192)
	if err := r.RegisterBuffers([][]byte{fixed}); err != nil {
		t.Fatal(err)
	}
	text := []byte("one two three")
	iov := make([]unix.Iovec, 2)
	set := func(a, b []byte) []unix.Iovec {
		iov[0].Base, iov[1].Base = &a[0], &b[0]
		iov[0].SetLen(len(a))
		iov[1].SetLen(len(b))
		return iov
	}
	got, a, b := make([]byte, 13), make([]byte, 4), make([]byte, 5)
	copy(fixed, "fixed")
	for i, s := range []struct {
		prepare func(e *SQE)
		res     int32
	}{
		{func(e *SQE) { e.Write(fd, text, 0, unix.RWF_DSYNC) }, 13},
		{func(e *SQE) { e.Read(fd, got, 0, 0) }, 13},
		{func(e *SQE) { e.Readv(fd, set(a, b), 4, 0) }, 9},
		{func(e *SQE) { e.WriteFixed(fd, fixed[:5], 100, 0, 0) }, 5},
		{func(e *SQE) { e.ReadFixed(fd, fixed[4096:4101], 100, 0, 0) }, 5},
		{func(e *SQE) { e.Writev(fd, set(a, b), 200, 0) }, 9},
		{func(e *SQE) { e.DataSync(fd) }, 0},
		{func(e *SQE) { e.Fsync(fd) }, 0},
		{func(e *SQE) { e.Read(1<<20, got, 0, 0) }, -int32(unix.EBADF)},
	} {
		s.prepare(entry(t, r, uint64(i)))
		want(t, take(t, r), uint64(i), s.res)
	}
	if !bytes.Equal(got, text) || string(a)+string(b) != "two three" || string(fixed[4096:4101]) != "fixed" {
		t.Errorf("read %q, %q, %q, %q", got, a, b, fixed[4096:4101])
	}
	if err := r.UnregisterBuffers(); err != nil {
		t.Error(err)
	}
}

// TestNetwork accepts, receives into provided buffers, and sends.
func TestNetwork(t *testing.T) {
	r := ring(t, 16, 32)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	lf, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer lf.Close()
	const accept, recv, send, cancel = 1, 2, 3, 4
	entry(t, r, accept).AcceptMultishot(int(lf.Fd()), unix.SOCK_CLOEXEC)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	var fds []int
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
		got := take(t, r)
		if got.UserData != accept || got.Res < 0 || got.Flags&CQEMore == 0 {
			t.Fatalf("accept: %+v", got)
		}
		fds = append(fds, int(got.Res))
	}
	entry(t, r, cancel).Cancel(accept)
	for range 2 { // in either order: the cancellation and what it cancelled
		if c := take(t, r); c.UserData == accept && (c.Res != -int32(unix.ECANCELED) || c.Flags&CQEMore != 0) {
			t.Errorf("cancelled accept: %+v", c)
		}
	}
	bufs := [][]byte{make([]byte, 4), make([]byte, 4)}
	ring, err := r.NewBufRing(2, 9)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	for i, b := range bufs {
		ring.Add(b, uint16(i+10))
	}
	ring.Publish()
	entry(t, r, recv).RecvMultishot(fds[0], ring.Group())
	if _, err := conns[0].Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		c := take(t, r)
		if c.UserData != recv || c.Res != 4 || c.Flags&CQEBuffer == 0 || c.BufferID() != uint16(i+10) {
			t.Fatalf("receive %d: %+v", i, c)
		}
	}
	want(t, take(t, r), recv, -int32(unix.ENOBUFS))
	if string(bufs[0])+string(bufs[1]) != "01234567" {
		t.Errorf("received %q", bufs)
	}
	entry(t, r, send).Send(fds[1], []byte("hello"), unix.MSG_NOSIGNAL)
	want(t, take(t, r), send, 5)
	one := make([]byte, 2)
	entry(t, r, recv).Recv(fds[0], one, 0)
	want(t, take(t, r), recv, 2)
	if string(one) != "89" {
		t.Errorf("single receive %q", one)
	}
	got := make([]byte, 5)
	if _, err := conns[1].Read(got); err != nil || string(got) != "hello" {
		t.Errorf("sent %q, %v", got, err)
	}
	entry(t, r, send).Shutdown(fds[2], unix.SHUT_RDWR)
	want(t, take(t, r), send, 0)
	for _, fd := range fds {
		entry(t, r, send).CloseFD(fd)
		want(t, take(t, r), send, 0)
	}
}

// TestMsgRing wakes a ring that sleeps in another thread.
func TestMsgRing(t *testing.T) {
	r := ring(t, 8, 16)
	target := make(chan int)
	got := make(chan CQE)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		sleeper, err := New(8, 16)
		if err != nil {
			t.Error(err)
			close(target)
			return
		}
		defer sleeper.Close()
		target <- sleeper.FD()
		c, err := sleeper.await(10e9)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	fd, ok := <-target
	if !ok {
		return
	}
	time.Sleep(2 * time.Millisecond) // so that it most likely sleeps; right either way
	entry(t, r, 1).MsgRing(fd, 42, 77)
	want(t, take(t, r), 1, 0)
	want(t, <-got, 77, 42)
}

// TestPollAndEventFD: multishot poll, and completions that count on an eventfd.
func TestPollAndEventFD(t *testing.T) {
	r := ring(t, 8, 16)
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	other, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	if err := r.RegisterEventFD(other); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 8)
	buf[0] = 1
	entry(t, r, 5).Poll(fd, unix.POLLIN, true)
	if err := r.Submit(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if _, err := unix.Write(fd, buf); err != nil {
			t.Fatal(err)
		}
		c := take(t, r)
		if c.UserData != 5 || c.Res&unix.POLLIN == 0 || c.Flags&CQEMore == 0 {
			t.Fatalf("poll %d: %+v", i, c)
		}
		if _, err := unix.Read(fd, buf); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := unix.Read(other, buf); n != 8 || buf[0] == 0 {
		t.Errorf("the registered eventfd counted nothing: %d, %v", n, err)
	}
	entry(t, r, 6).CancelFD(fd)
	for range 2 {
		if c := take(t, r); c.UserData == 5 && c.Res != -int32(unix.ECANCELED) {
			t.Errorf("cancelled poll: %+v", c)
		}
	}
}

// TestProbe says what it found; a result without any feature cannot be right.
func TestProbe(t *testing.T) {
	f, err := Probe()
	if err != nil {
		t.Skipf("no io_uring here: %v", err)
	}
	if f.Setup == "" || !f.BufferRing || !f.MultishotRecv || !f.Has(OpNop) || f.Has(Op(63)) {
		t.Errorf("features: %+v", f)
	}
	t.Logf("kernel %s: %s", f.Kernel, f.Setup)
}

// BenchmarkNop is the cost of an empty operation, alone and in a batch.
func BenchmarkNop(b *testing.B) {
	for _, batch := range []int{1, 32} {
		b.Run(map[int]string{1: "1", 32: "32"}[batch], func(b *testing.B) {
			r := ring(b, 64, 128)
			b.ReportAllocs()
			for b.Loop() {
				for range batch {
					r.Get().Nop()
				}
				if err := r.Submit(); err != nil {
					b.Fatal(err)
				}
				for r.Peek() != nil {
					r.Next()
				}
				r.Seen()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/nop")
		})
	}
}
