package uring

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxEntries bounds the submission queue that New accepts.
const MaxEntries = 32768

// Ring is one io_uring instance. It belongs to the OS thread that made it.
type Ring struct {
	fd      int
	enterFD int    // what io_uring_enter is given: fd, or its index among the registered rings
	flags   uint32 // setup flags in use
	feat    uint32

	mem    []byte // both rings
	sqeMem []byte
	sqes   []SQE
	cqes   []CQE

	sqHead, sqTail, sqFlags *uint32
	cqHead, cqTail          *uint32
	sqMask, cqMask          uint32
	localTail               uint32 // SQEs handed out; published by submit
	localHead               uint32 // CQEs consumed; published by Seen
	enterBase               uint32
	arg                     enterArg // the kernel reads both during a call; here because stacks move
	ts                      timespec
	calls                   int64
}

// SetupFlags in order of preference. DEFER_TASKRUN lets completions happen only
// when the thread asks for them; the second rung has the kernel interrupt it at
// its next system call; TASKRUN_FLAG says in memory when it is worth asking.
var ladder = []struct {
	flags uint32
	name  string
}{
	{setupSingleIssuer | setupDeferTaskrun | setupTaskrunFlag | setupSubmitAll | setupNoSQArray, "single_issuer,defer_taskrun,submit_all,no_sqarray"},
	{setupSingleIssuer | setupDeferTaskrun | setupTaskrunFlag | setupSubmitAll, "single_issuer,defer_taskrun,submit_all"},
	{setupSingleIssuer | setupCoopTaskrun | setupTaskrunFlag | setupSubmitAll, "single_issuer,coop_taskrun,submit_all"},
	{setupCoopTaskrun | setupTaskrunFlag | setupSubmitAll, "coop_taskrun,submit_all"},
}

// New makes a ring for the calling thread with at least the given numbers of
// entries (rounded up to powers of two by the kernel). It takes the best setup
// flags that the kernel accepts.
func New(sqEntries, cqEntries uint32) (*Ring, error) {
	if sqEntries == 0 || sqEntries > MaxEntries || cqEntries < sqEntries {
		return nil, fmt.Errorf("uring: %d submission and %d completion entries: want 1 to %d, and at least as many completions", sqEntries, cqEntries, MaxEntries)
	}
	var errno unix.Errno
	for i := range ladder {
		p := params{flags: ladder[i].flags | setupCQSize | setupClamp, cqEntries: cqEntries}
		fd, _, e := unix.RawSyscall(unix.SYS_IO_URING_SETUP, uintptr(sqEntries), uintptr(unsafe.Pointer(&p)), 0)
		if e == 0 {
			r := &Ring{fd: int(fd), enterFD: int(fd), flags: p.flags, feat: p.features}
			if err := r.mapRings(&p); err != nil {
				r.Close()
				return nil, err
			}
			r.registerSelf()
			return r, nil
		}
		errno = e
		if e != unix.EINVAL {
			break
		}
	}
	return nil, fmt.Errorf("uring: io_uring_setup: %w", errno)
}

// mapRings maps what the kernel allocated and finds the counters in it.
func (r *Ring) mapRings(p *params) error {
	if p.features&featSingleMmap == 0 || p.features&featExtArg == 0 || p.features&featNoDrop == 0 {
		return fmt.Errorf("uring: kernel too old: features %#x lack single mmap, extended arguments or no-drop", p.features)
	}
	size := max(uintptr(p.cq.cqes)+uintptr(p.cqEntries)*unsafe.Sizeof(CQE{}), uintptr(p.sq.array)+uintptr(p.sqEntries)*4)
	var err error
	if r.mem, err = unix.Mmap(r.fd, mmapOffSQRing, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return fmt.Errorf("uring: map rings of %d bytes: %w", size, err)
	}
	sqeBytes := uintptr(p.sqEntries) * unsafe.Sizeof(SQE{})
	if r.sqeMem, err = unix.Mmap(r.fd, mmapOffSQEs, int(sqeBytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE); err != nil {
		return fmt.Errorf("uring: map %d submission entries: %w", p.sqEntries, err)
	}
	at := func(off uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.mem[off])) }
	r.sqHead, r.sqTail, r.sqFlags, r.sqMask = at(p.sq.head), at(p.sq.tail), at(p.sq.flags), *at(p.sq.mask)
	r.cqHead, r.cqTail, r.cqMask = at(p.cq.head), at(p.cq.tail), *at(p.cq.mask)
	r.sqes = unsafe.Slice((*SQE)(unsafe.Pointer(&r.sqeMem[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*CQE)(unsafe.Pointer(&r.mem[p.cq.cqes])), p.cqEntries)
	r.localTail, r.localHead = atomic.LoadUint32(r.sqTail), atomic.LoadUint32(r.cqHead)
	if r.flags&setupNoSQArray == 0 {
		// The array of indices is the identity for ever: entries are used in order.
		array := unsafe.Slice(at(p.sq.array), p.sqEntries)
		for i := range array {
			array[i] = uint32(i)
		}
	}
	return nil
}

// registerSelf saves the descriptor look-up at every enter; kernels that cannot
// are used without.
func (r *Ring) registerSelf() {
	u := &rsrcUpdate{offset: registeredRingAnyOff, data: uint64(r.fd)}
	if r.register(registerRingFDs, unsafe.Pointer(u), 1) == nil {
		r.enterFD = int(u.offset)
		r.enterBase = enterRegisteredRing
	}
}

// register is io_uring_register, which takes one argument and a count.
func (r *Ring) register(op uintptr, arg unsafe.Pointer, n uintptr) error {
	_, _, e := unix.RawSyscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), op, uintptr(arg), n, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// FD is the ring's descriptor, the target of OpMsgRing from another ring. In an
// epoll set a DEFER_TASKRUN ring never becomes ready; register an eventfd.
func (r *Ring) FD() int { return r.fd }

// Setup names the setup flags in use.
func (r *Ring) Setup() string {
	want := r.flags &^ (setupCQSize | setupClamp)
	for i := range ladder {
		if ladder[i].flags == want {
			return ladder[i].name
		}
	}
	return fmt.Sprintf("%#x", want)
}

// RegisterEventFD makes the kernel add to the eventfd at every completion.
func (r *Ring) RegisterEventFD(fd int) error {
	n := int32(fd)
	return r.register(registerEventFD, unsafe.Pointer(&n), 1)
}

// RegisterBuffers pins memory for OpReadFixed and OpWriteFixed, which name a
// buffer by its index. The memory must not be unmapped before the ring is closed.
func (r *Ring) RegisterBuffers(bufs [][]byte) error {
	iov := make([]unix.Iovec, len(bufs))
	for i, b := range bufs {
		iov[i].Base = unsafe.SliceData(b)
		iov[i].SetLen(len(b))
	}
	if err := r.register(registerBuffers, unsafe.Pointer(unsafe.SliceData(iov)), uintptr(len(iov))); err != nil {
		return fmt.Errorf("uring: register %d buffers: %w", len(bufs), err)
	}
	return nil
}

// UnregisterBuffers undoes RegisterBuffers.
func (r *Ring) UnregisterBuffers() error { return r.register(unregisterBuffers, nil, 0) }

// Close unmaps the rings; the kernel cancels what is in flight, some of it later.
func (r *Ring) Close() {
	if r.enterBase != 0 {
		u := &rsrcUpdate{offset: uint32(r.enterFD)}
		_ = r.register(unregisterRingFDs, unsafe.Pointer(u), 1) // it would keep the ring alive with the thread
		r.enterBase = 0
	}
	if r.sqeMem != nil {
		_ = unix.Munmap(r.sqeMem) // only fails for ranges that were never mapped
	}
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
	}
	_ = unix.Close(r.fd) // nothing is buffered behind it
	r.mem, r.sqeMem, r.sqes, r.cqes = nil, nil, nil, nil
}
