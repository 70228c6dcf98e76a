package uring

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Features is what this kernel's io_uring offers, found by trying it.
type Features struct {
	Setup          string // setup flags that New gets
	Kernel         string // release, as uname tells it
	RegisteredRing bool
	BufferRing     bool
	MultishotRecv  bool
	ops            [64]bool
}

// Has tells whether the kernel knows an operation.
func (f *Features) Has(op Op) bool { return f.ops[op&63] }

// needed are the operations without which Probe refuses.
var needed = []Op{
	OpNop, OpReadv, OpWritev, OpFsync, OpPollAdd, OpSendmsg, OpAccept, OpAsyncCancel,
	OpClose, OpRead, OpWrite, OpSend, OpRecv, OpMsgRing,
}

var probed = sync.OnceValues(probe)

// Probe tells what io_uring offers here, or why it cannot be used (no such
// system call, forbidden, too old). It tries rather than reading the kernel's
// version, because containers and distributions forbid or backport as they
// please. The answer is computed once.
func Probe() (Features, error) { return probed() }

func probe() (Features, error) {
	runtime.LockOSThread() // the ring belongs to the thread
	defer runtime.UnlockOSThread()
	var f Features
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		f.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	r, err := New(8, 16)
	if err != nil {
		switch {
		case errors.Is(err, unix.ENOSYS):
			err = fmt.Errorf("kernel %s has no io_uring: %w", f.Kernel, err)
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
			err = fmt.Errorf("io_uring is forbidden (seccomp, or sysctl kernel.io_uring_disabled): %w", err)
		}
		return f, err
	}
	defer r.Close()
	f.Setup = r.Setup()
	f.RegisteredRing = r.enterBase != 0
	table := new(probeTable)
	if err := r.register(registerProbe, unsafe.Pointer(table), uintptr(len(table.ops))); err != nil {
		return f, fmt.Errorf("uring: ask for the operations: %w", err)
	}
	for i := range min(int(table.opsLen), len(table.ops)) {
		f.ops[table.ops[i].op&63] = table.ops[i].flags&probeOpSupported != 0
	}
	for _, op := range needed {
		if !f.Has(op) {
			return f, fmt.Errorf("uring: kernel %s lacks operation %d", f.Kernel, op)
		}
	}
	return f, r.tryReceive(&f)
}

// tryReceive receives a byte on a socket pair the way the reactor does.
func (r *Ring) tryReceive(f *Features) error {
	ring, err := r.NewBufRing(1, 1)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", f.Kernel, err)
	}
	defer ring.Close()
	f.BufferRing = true
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("uring: socket pair: %w", err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	buf := make([]byte, 64)
	ring.Add(buf, 0)
	ring.Publish()
	if _, err := unix.Write(pair[1], []byte{1}); err != nil {
		return fmt.Errorf("uring: socket pair: %w", err)
	}
	e := r.Get()
	e.RecvMultishot(pair[0], ring.Group())
	c, err := r.await(1e9)
	if err != nil {
		return err
	}
	f.MultishotRecv = c.Res == 1 && c.Flags&(CQEBuffer|CQEMore) == CQEBuffer|CQEMore
	runtime.KeepAlive(buf)
	if !f.MultishotRecv {
		return fmt.Errorf("uring: kernel %s: multishot receive gave result %d, flags %#x; want 1 with a buffer and more to come", f.Kernel, c.Res, c.Flags)
	}
	r.Get().CancelFD(pair[0])
	_, err = r.await(1e9)
	return err
}

// await waits for one completion, at most about timeoutNs.
func (r *Ring) await(timeoutNs int64) (CQE, error) {
	for range 100 {
		if c := r.Peek(); c != nil {
			got := *c
			r.Next()
			r.Seen()
			return got, nil
		}
		if err := r.Wait(timeoutNs / 100); err != nil {
			return CQE{}, fmt.Errorf("uring: wait: %w", err)
		}
	}
	return CQE{}, errors.New("uring: no completion within the time allowed")
}
