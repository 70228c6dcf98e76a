package uring

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Get returns the next submission entry, cleared, or nil when the queue is full
// and Submit has to make room. The entry is valid until the next Submit or Wait.
func (r *Ring) Get() *SQE {
	if r.localTail-atomic.LoadUint32(r.sqHead) >= uint32(len(r.sqes)) {
		return nil
	}
	e := &r.sqes[r.localTail&r.sqMask]
	*e = SQE{}
	r.localTail++
	return e
}

// Pending is the number of entries that the kernel has not taken yet.
func (r *Ring) Pending() uint32 { return r.localTail - atomic.LoadUint32(r.sqHead) }

// NeedsEnter tells, without a system call, that entering the kernel would bring
// completions: deferred work is waiting or completions overflowed.
func (r *Ring) NeedsEnter() bool {
	return atomic.LoadUint32(r.sqFlags)&(sqTaskrun|sqCQOverflow) != 0
}

// Ready is the number of completions that can be taken.
func (r *Ring) Ready() uint32 { return atomic.LoadUint32(r.cqTail) - r.localHead }

// Calls is the number of io_uring_enter calls so far.
func (r *Ring) Calls() int64 { return r.calls }

// Submit hands over what is pending and runs deferred completion work, without
// waiting. EAGAIN and EBUSY mean that completions must be taken first.
func (r *Ring) Submit() error {
	_, e := r.enter(0, enterGetEvents, nil, 0, false)
	if e != 0 && e != unix.EINTR {
		return e
	}
	return nil
}

// Wait is Submit, and then blocks until at least one completion is there, the
// timeout has passed (negative: none), or a signal came: the Go runtime
// interrupts threads by signal, so callers must expect to find nothing.
func (r *Ring) Wait(timeoutNs int64) error { return r.wait(timeoutNs, false) }

// Sleep is Wait for long: the scheduler is told, so that it may give the slot of
// the thread to others meanwhile.
func (r *Ring) Sleep(timeoutNs int64) error { return r.wait(timeoutNs, true) }

func (r *Ring) wait(timeoutNs int64, told bool) error {
	flags := uint32(enterGetEvents)
	var arg unsafe.Pointer
	size := uintptr(0)
	if timeoutNs >= 0 {
		r.ts = timespec{sec: timeoutNs / 1e9, nsec: timeoutNs % 1e9}
		r.arg = enterArg{sigmaskSize: 8, ts: uint64(uintptr(unsafe.Pointer(&r.ts)))}
		flags |= enterExtArg
		arg, size = unsafe.Pointer(&r.arg), unsafe.Sizeof(r.arg)
	}
	_, e := r.enter(1, flags, arg, size, told)
	if e != 0 && e != unix.EINTR && e != unix.ETIME {
		return e
	}
	return nil
}

// enter is io_uring_enter by raw system call: the scheduler is not told, which
// saves a hand-over of the processor at the price of holding it while blocked.
// That does not hold up the collector, whose signal ends the call with EINTR.
// told makes it an ordinary call.
func (r *Ring) enter(wait, flags uint32, arg unsafe.Pointer, size uintptr, told bool) (int, unix.Errno) {
	atomic.StoreUint32(r.sqTail, r.localTail)
	r.calls++
	if told {
		n, _, e := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.enterFD), uintptr(r.Pending()), uintptr(wait),
			uintptr(flags|r.enterBase), uintptr(arg), size)
		return int(n), e
	}
	n, _, e := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.enterFD), uintptr(r.Pending()), uintptr(wait),
		uintptr(flags|r.enterBase), uintptr(arg), size)
	return int(n), e
}

// Peek returns the oldest completion not yet taken, or nil. It is valid until Seen.
func (r *Ring) Peek() *CQE {
	if r.localHead == atomic.LoadUint32(r.cqTail) {
		return nil
	}
	return &r.cqes[r.localHead&r.cqMask]
}

// Next takes the completion that Peek showed; its place is the kernel's again
// after Seen.
func (r *Ring) Next() { r.localHead++ }

// Seen gives the places of all completions taken back to the kernel. Once for a
// batch is enough.
func (r *Ring) Seen() { atomic.StoreUint32(r.cqHead, r.localHead) }
