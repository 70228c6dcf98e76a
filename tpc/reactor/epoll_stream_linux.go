package reactor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func (e *epollBackend) adopt(fd int) error { return setNonblock(fd) }

func (e *epollBackend) release(fd int) {
	e.r.c.Syscalls++
	closeFD(fd)
}

func (e *epollBackend) attach(s *Stream) error {
	return e.control(unix.EPOLL_CTL_ADD, s.fd, streamEvents, tokenStream, s.slot)
}

func (e *epollBackend) pause(*Stream) {} // readers are asked before each read

func (e *epollBackend) redirect(*Stream) {} // and so are their handlers

func (e *epollBackend) resume(s *Stream) {
	if s.sys.readable && !s.sys.reading && !s.paused && !s.closing {
		s.sys.reading = true
		e.readers = append(e.readers, s)
	}
}

func (e *epollBackend) send(s *Stream) {
	if !s.sys.writing {
		s.sys.writing = true
		e.writers = append(e.writers, s)
	}
}

func (e *epollBackend) flying(s *Stream) bool { return s.sys.reading || s.sys.writing }

// shut forgets the socket. A stream that is in a list is buried when its turn comes.
func (e *epollBackend) shut(s *Stream) {
	_ = e.control(unix.EPOLL_CTL_DEL, s.fd, 0, 0, 0) // it is there since attach
	if !e.flying(s) {
		e.r.unsettled(s)
	}
}

// read gives every readable stream its turn, oldest first; those that are not
// drained afterwards stay in the list.
func (e *epollBackend) read() bool {
	if len(e.readers) == 0 {
		return false
	}
	busy := false
	e.starving = false
	// Handlers may add readers while this runs: they go behind.
	n := len(e.readers)
	for i := range n {
		s := e.readers[i]
		if !e.starving && !s.closing && !s.paused {
			busy = e.drain(s) || busy
		}
		s.sys.reading = false
		if s.closing {
			if !e.flying(s) {
				e.r.unsettled(s)
			}
			continue
		}
		e.resume(s)
	}
	left := copy(e.readers, e.readers[n:])
	clear(e.readers[left:])
	e.readers = e.readers[:left]
	return busy
}

// drain reads until the socket is empty, the stream is paused or closed, its
// turn is over, or memory is.
func (e *epollBackend) drain(s *Stream) bool {
	busy := false
	for i := 0; i < readBatch && s.sys.readable && !s.paused && !s.closing; i++ {
		fill, place := s.want()
		b := e.spare
		if fill == nil {
			e.spare = nil
			if b == nil {
				b = e.r.allocRecv()
			}
			if b == nil {
				e.r.c.RecvStarved++
				e.starving = true
				return busy
			}
			place = b.B[:e.r.o.RecvBufBytes]
		}
		e.r.c.Syscalls++
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(place))), uintptr(len(place)), 0, 0, 0)
		if fill == nil && (errno != 0 || n == 0) {
			e.spare = b
		}
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			s.sys.readable = false
		case errno != 0:
			s.ended(errno)
			return true
		case n == 0:
			s.sys.readable = false
			s.ended(nil)
			return true
		default:
			// A short read means that the socket is empty and that the next arrival
			// brings an edge, unless the end has been announced already.
			s.sys.readable = int(n) == len(place) || s.sys.hangup
			if fill != nil {
				s.filled(int(n))
			} else {
				s.received(b, int(n))
			}
			busy = true
		}
	}
	return busy
}

// submit writes what is queued. Handlers that send again from OnSent get a
// second turn at once, and a third in the next round.
func (e *epollBackend) submit() bool {
	if len(e.writers) == 0 {
		return false
	}
	for range 2 {
		e.writers, e.turn = e.turn[:0], e.writers
		for i, s := range e.turn {
			e.turn[i] = nil
			s.sys.writing = false
			if !s.closing && s.out != nil {
				e.write(s)
			}
			if s.closing && !e.flying(s) {
				e.r.unsettled(s)
			}
		}
	}
	return true
}

// write sends until the chain is out or the socket is full; room brings an edge.
func (e *epollBackend) write(s *Stream) {
	for {
		iov := s.gatherPieces()
		e.r.c.Syscalls++
		n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(s.header(iov))), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			e.r.c.SendPartial++
			return
		case errno != 0:
			s.finish(errno)
			return
		case s.advance(int(n)):
			s.sent()
			return
		}
	}
}

// disk hands the operation to a goroutine that may block.
func (e *epollBackend) disk(op *DiskOp) {
	op.sys.tries, op.sys.calls, op.sys.epoll = 0, 0, e
	e.workers.do(op)
}

// work is the blocking side of a disk operation on this backend.
func (op *DiskOp) work() {
	var err error
	for more := true; more; {
		more, err = op.progress(op.call())
	}
	op.Err = err
	e := op.sys.epoll
	e.mu.Lock()
	e.done.push(op)
	e.landed.Add(1)
	e.mu.Unlock()
	e.r.Wake()
}

// call is one blocking system call for what is left of the operation; it
// returns bytes or -errno, as a ring would.
func (op *DiskOp) call() int64 {
	var n uintptr
	var errno unix.Errno
	switch {
	case op.Kind == DataSync:
		op.sys.calls++
		n, _, errno = unix.Syscall(unix.SYS_FDATASYNC, uintptr(op.FD), 0, 0)
	case op.total == 0:
		return 0
	default:
		trap := uintptr(unix.SYS_PWRITEV2)
		if op.Kind == Read {
			trap = unix.SYS_PREADV2
		}
		iov := op.rest()
		op.sys.calls++
		n, _, errno = unix.Syscall6(trap, uintptr(op.FD), uintptr(unsafe.Pointer(unsafe.SliceData(iov))), uintptr(len(iov)),
			uintptr(op.Off+op.Res), 0, uintptr(op.rwFlags()))
	}
	if errno != 0 {
		return -int64(errno)
	}
	return int64(n)
}

// takeDisk delivers the disk operations that the goroutines have finished.
func (e *epollBackend) takeDisk() bool {
	if e.landed.Load() == 0 {
		return false
	}
	e.mu.Lock()
	done := e.done
	e.done = diskFIFO{}
	e.landed.Store(0)
	e.mu.Unlock()
	for op := done.pop(); op != nil; op = done.pop() {
		e.r.c.Syscalls += op.sys.calls
		e.r.diskFinished(op, op.Err)
	}
	return true
}
