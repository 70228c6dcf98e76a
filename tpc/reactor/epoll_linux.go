package reactor

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
)

const (
	acceptBatch   = 64  // connections accepted from one listener in a row
	readBatch     = 4   // buffers filled from one socket in a row
	epollEvents   = 256 // events taken from the kernel at a time
	diskWorkers   = 4   // goroutines that stand in for the ring's asynchronous disk
	maxDiskTries  = 100 // how often the kernel may say "again" to one disk operation
	streamEvents  = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&(1<<32-1)
	tokenListener = 1 // EpollEvent.Pad tells what Fd, a slot, refers to
	tokenStream   = 2
	tokenWake     = 3
)

// epollBackend reads and writes sockets itself when epoll says it can. Sockets
// are registered once, edge-triggered, for both directions: pausing, resuming
// and waiting for room to send then cost no system call.
type epollBackend struct {
	r         *Reactor
	fd        int
	events    [epollEvents]unix.EpollEvent
	n         int   // events that wait has brought and reap has not seen
	polled    int64 // round in which the kernel was asked last
	msOnly    bool  // no epoll_pwait2 here: timeouts in ms
	ts        unix.Timespec
	readers   []*Stream
	writers   []*Stream
	turn      []*Stream  // the writers whose turn it is
	spare     *iobuf.Buf // a buffer that was allocated and not filled
	starving  bool       // readers wait for memory
	listeners []*Listener
	workers   *workers
	wakeBuf   [8]byte

	landed atomic.Int32 // disk operations in done
	mu     sync.Mutex
	done   diskFIFO
}

func newEpoll(r *Reactor) (backend, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	e := &epollBackend{r: r, fd: fd, workers: newWorkers(diskWorkers), polled: -1}
	if err := e.control(unix.EPOLL_CTL_ADD, r.wakeFD, unix.EPOLLIN, tokenWake, 0); err != nil {
		closeFD(fd)
		return nil, err
	}
	return e, nil
}

func (e *epollBackend) control(op, fd int, events uint32, token int32, slot uint32) error {
	e.r.c.Syscalls++
	ev := unix.EpollEvent{Events: events, Fd: int32(slot), Pad: token}
	if err := unix.EpollCtl(e.fd, op, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl of descriptor %d: %w", fd, err)
	}
	return nil
}

func (e *epollBackend) reap() bool {
	if e.n == 0 && e.polled != e.r.c.Rounds {
		e.n = e.poll(0)
	}
	e.polled = e.r.c.Rounds
	busy := e.n > 0
	for i := range e.n {
		e.event(&e.events[i])
	}
	e.n = 0
	busy = e.read() || busy
	return e.takeDisk() || busy
}

// poll asks the kernel for events; timeoutNs -1 blocks.
func (e *epollBackend) poll(timeoutNs int64) int {
	e.r.c.Syscalls++
	var n uintptr
	var errno unix.Errno
	if timeoutNs > 0 && !e.msOnly {
		e.ts = unix.NsecToTimespec(timeoutNs)
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events)), epollEvents,
			uintptr(unsafe.Pointer(&e.ts)), 0, 0)
		e.msOnly = errno == unix.ENOSYS
	}
	if timeoutNs <= 0 || e.msOnly {
		ms := timeoutNs
		if ms > 0 {
			ms = (ms + 999_999) / 1_000_000
		}
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events)), epollEvents, uintptr(ms), 0, 0)
	}
	if errno == unix.EINTR {
		return 0
	}
	if errno != 0 {
		panic(fmt.Sprintf("reactor: epoll_wait on descriptor %d: %v", e.fd, errno))
	}
	return int(n)
}

func (e *epollBackend) wait(timeoutNs int64) {
	if e.starving && (timeoutNs < 0 || timeoutNs > starvedRetryNs) {
		timeoutNs = starvedRetryNs
	}
	if e.n == 0 {
		e.n = e.poll(timeoutNs)
	}
}

func (e *epollBackend) ready() bool {
	return e.n > 0 || len(e.writers) > 0 || e.landed.Load() > 0 || (len(e.readers) > 0 && !e.starving)
}

func (e *epollBackend) busy() bool { return false }

func (e *epollBackend) event(ev *unix.EpollEvent) {
	switch ev.Pad {
	case tokenWake:
		e.r.c.Syscalls++
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(e.r.wakeFD), uintptr(unsafe.Pointer(&e.wakeBuf)), 8)
		if errno == 0 && n == 8 {
			e.r.owed -= int64(*(*uint64)(unsafe.Pointer(&e.wakeBuf)))
		}
	case tokenListener:
		if l := e.listeners[ev.Fd]; l != nil {
			e.accept(l)
		}
	case tokenStream:
		s := e.r.streams.all[ev.Fd]
		const end = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
		if ev.Events&(unix.EPOLLIN|end) != 0 {
			s.sys.readable = true
			s.sys.hangup = s.sys.hangup || ev.Events&end != 0
			e.resume(s)
		}
		if ev.Events&(unix.EPOLLOUT|unix.EPOLLHUP|unix.EPOLLERR) != 0 && s.out != nil && !s.closing {
			e.send(s)
		}
	}
}

func (e *epollBackend) listen(l *Listener) error {
	slot := 0
	for slot < len(e.listeners) && e.listeners[slot] != nil && e.listeners[slot] != l {
		slot++
	}
	if err := e.control(unix.EPOLL_CTL_ADD, l.fd, unix.EPOLLIN, tokenListener, uint32(slot)); err != nil {
		return err
	}
	if slot == len(e.listeners) {
		e.listeners = append(e.listeners, nil)
	}
	e.listeners[slot] = l
	l.slot, l.armed = uint32(slot), true
	return nil
}

func (e *epollBackend) hold(l *Listener) {
	l.armed = false
	_ = e.control(unix.EPOLL_CTL_DEL, l.fd, 0, 0, 0) // absent while it rests after a failure
}

func (e *epollBackend) unlisten(l *Listener) {
	e.listeners[l.slot] = nil
	_ = e.control(unix.EPOLL_CTL_DEL, l.fd, 0, 0, 0) // absent while it rests after a failure
	closeFD(l.fd)
}

func (e *epollBackend) accept(l *Listener) {
	for i := 0; i < acceptBatch && !l.closing && !l.paused; i++ {
		e.r.c.Syscalls++
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.fd), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			l.accepted(int(fd))
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED:
		default:
			e.hold(l) // level-triggered: it would spin until the retry
			l.failed()
			return
		}
	}
}

func (e *epollBackend) close() {
	e.workers.stop()
	if e.spare != nil {
		e.spare.Release(e.r.o.Arena)
		e.spare = nil
	}
	closeFD(e.fd)
}
