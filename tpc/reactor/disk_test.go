//go:build linux

package reactor

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waiter turns DiskDone into a channel.
type waiter chan *DiskOp

func (w waiter) DiskDone(op *DiskOp) { w <- op }

// do runs one operation to its end.
func (g *rig) do(op *DiskOp) *DiskOp {
	g.t.Helper()
	w := make(waiter, 1)
	op.Done = w
	g.on(func() {
		g.r.Submit(op)
		if len(w) > 0 {
			g.t.Error("DiskDone came from within Submit")
		}
	})
	return <-w
}

func TestDisk(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fd := int(f.Fd())
		steps := []struct {
			name string
			op   DiskOp
			res  int64
			err  error
		}{
			{"write", DiskOp{Kind: Write, FD: fd, B: []byte("hello world")}, 11, nil},
			{"overwrite durably", DiskOp{Kind: WriteDSync, FD: fd, Off: 6, B: []byte("there")}, 5, nil},
			{"vectored write", DiskOp{Kind: Write, FD: fd, Off: 11, Iov: [][]byte{[]byte(", "), nil, []byte("you")}}, 5, nil},
			{"fdatasync", DiskOp{Kind: DataSync, FD: fd}, 0, nil},
			{"nothing", DiskOp{Kind: Write, FD: fd, B: []byte{}}, 0, nil},
			{"read", DiskOp{Kind: Read, FD: fd, B: make([]byte, 16)}, 16, nil},
			{"read to the end", DiskOp{Kind: Read, FD: fd, Off: 10, B: make([]byte, 100)}, 6, nil},
			{"read past the end", DiskOp{Kind: Read, FD: fd, Off: 1000, B: make([]byte, 10)}, 0, nil},
			{"vectored read", DiskOp{Kind: Read, FD: fd, Iov: [][]byte{make([]byte, 6), make([]byte, 10)}}, 16, nil},
			{"bad descriptor", DiskOp{Kind: Write, FD: 1 << 20, B: []byte("x")}, 0, syscall.EBADF},
			{"fdatasync of a bad descriptor", DiskOp{Kind: DataSync, FD: 1 << 20}, 0, syscall.EBADF},
		}
		for i := range steps {
			s := &steps[i]
			if got := g.do(&s.op); got.Res != s.res || got.Err != s.err {
				t.Errorf("%s: got %d, %v; want %d, %v", s.name, got.Res, got.Err, s.res, s.err)
			}
		}
		if got := string(steps[5].op.B); got != "hello there, you" {
			t.Errorf("read %q", got)
		}
		if got := string(steps[8].op.Iov[0]) + "|" + string(steps[8].op.Iov[1]); got != "hello |there, you" {
			t.Errorf("vectored read %q", got)
		}
	})
}

// alignedBytes is memory that O_DIRECT accepts: its own pages.
func alignedBytes(t testing.TB, n int) []byte {
	m, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
	if uintptr(unsafe.Pointer(&m[0]))%4096 != 0 {
		t.Fatal("mapping not aligned to a page")
	}
	return m
}

// TestDirectDisk has many O_DIRECT writes in flight, more than the kernel is
// given at a time, and reads them back.
func TestDirectDisk(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		const blocks, size = 64, 16 << 10
		path := filepath.Join(t.TempDir(), "direct")
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_DIRECT|unix.O_CLOEXEC, 0o600)
		if errors.Is(err, unix.EINVAL) {
			t.Skipf("the file system of %s refuses O_DIRECT", path)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		g := start(t, Options{Backend: backend, DiskDepth: 8}, nil)
		mem, back := alignedBytes(t, blocks*size), alignedBytes(t, blocks*size)
		rng := rand.New(rand.NewPCG(3, 3))
		for i := range mem {
			mem[i] = byte(rng.Uint32())
		}
		for _, run := range []struct {
			kind DiskKind
			mem  []byte
		}{{Write, mem}, {WriteDSync, mem}, {Read, back}} {
			w := make(waiter, blocks)
			ops := make([]DiskOp, blocks)
			g.on(func() {
				for i := range ops {
					ops[i] = DiskOp{Kind: run.kind, FD: fd, Off: int64(i * size), B: run.mem[i*size : (i+1)*size], Done: w}
					g.r.Submit(&ops[i])
				}
			})
			for range blocks {
				if op := <-w; op.Err != nil || op.Res != size {
					t.Fatalf("kind %d at %d: %d bytes, %v", op.Kind, op.Off, op.Res, op.Err)
				}
			}
		}
		if !bytes.Equal(mem, back) {
			t.Error("read back something else than was written")
		}
		g.on(func() {
			if c := g.r.Counters(); c.DiskOps != 3*blocks || c.DiskBytes != 3*blocks*size || c.DiskQueued == 0 {
				t.Errorf("counters: %+v", c)
			}
		})
	})
}

// TestDiskMisuse: one operation cannot be in flight twice.
func TestDiskMisuse(t *testing.T) {
	for name, op := range map[string]*DiskOp{
		"in flight":       {flying: true},
		"too many pieces": {Iov: make([][]byte, MaxIov+1)},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			(&Reactor{}).Submit(op)
		})
	}
}

// TestProgress is the table of what a kernel's answer means for an operation of
// 100 bytes of which 40 are done.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		kind  DiskKind
		res   int64
		tries int
		more  bool
		err   error
	}{
		{Write, 60, 0, false, nil},
		{Write, 10, 0, true, nil},
		{Write, 0, 0, false, syscall.EIO},
		{Read, 0, 0, false, nil},
		{Read, 59, 0, true, nil},
		{Read, -int64(syscall.EINTR), 0, true, nil},
		{Write, -int64(syscall.EAGAIN), 0, true, nil},
		{Write, -int64(syscall.EAGAIN), maxDiskTries, false, syscall.EAGAIN},
		{WriteDSync, -int64(syscall.ENOSPC), 0, false, syscall.ENOSPC},
		{DataSync, 0, 0, false, nil},
		{Read, -int64(syscall.EINVAL), 0, false, nil}, // the end of a file within a block
		{Write, -int64(syscall.EINVAL), 0, false, syscall.EINVAL},
	} {
		op := DiskOp{Kind: c.kind, Res: 40, total: 100}
		op.sys.tries = c.tries
		if more, err := op.progress(c.res); more != c.more || err != c.err {
			t.Errorf("kind %d, result %d: got %v, %v; want %v, %v", c.kind, c.res, more, err, c.more, c.err)
		}
	}
}

// TestReadOfNothing: a kernel that refuses a read from the first byte on has
// found no end of file.
func TestReadOfNothing(t *testing.T) {
	for _, done := range []int64{0, 4096} {
		op := DiskOp{Kind: Read, Res: done, total: 8192}
		if more, err := op.progress(-int64(syscall.EINVAL)); more || err != syscall.EINVAL {
			t.Errorf("after %d bytes: %v, %v", done, more, err)
		}
	}
}

// TestRest continues a vectored operation in the middle of a piece.
func TestRest(t *testing.T) {
	a, b, c := []byte("abc"), []byte{}, []byte("defgh")
	for done, want := range map[int64]string{0: "abcdefgh", 2: "cdefgh", 3: "defgh", 7: "h", 8: ""} {
		op := DiskOp{Iov: [][]byte{a, b, c}, Res: done}
		var got []byte
		for _, v := range op.rest() {
			got = append(got, unsafe.Slice(v.Base, v.Len)...)
		}
		if string(got) != want {
			t.Errorf("after %d bytes: %q left, want %q", done, got, want)
		}
	}
}
