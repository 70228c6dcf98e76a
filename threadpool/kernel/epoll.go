package kernel

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
)

// Epoll is one epoll instance and the buffer its events come in.
type Epoll struct {
	FD     int
	Calls  telemetry.Counter // epoll_waits of the thread that waits
	events []unix.EpollEvent
}

// NewEpoll makes an instance that reports up to batch events a call.
func NewEpoll(batch int) (*Epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &Epoll{FD: fd, events: make([]unix.EpollEvent, batch)}, nil
}

// Add watches fd for the events in mask; token comes back with each of them.
func (e *Epoll) Add(fd int, mask uint32, token int32) error {
	ev := unix.EpollEvent{Events: mask, Fd: token}
	if err := unix.EpollCtl(e.FD, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("epoll_ctl add fd %d: %w", fd, err)
	}
	return nil
}

// Poll looks without waiting. The slice is good until the next call.
func (e *Epoll) Poll() []unix.EpollEvent { return e.call(0) }

// Wait blocks a locked thread for at most ms milliseconds. It may return early
// with no events.
func (e *Epoll) Wait(ms int) []unix.EpollEvent {
	const napMs = NapNs / 1_000_000
	if evs := e.call(min(ms, napMs)); len(evs) > 0 || ms <= napMs {
		return evs
	}
	e.Calls.Inc()
	n, err := unix.EpollWait(e.FD, e.events, ms-napMs)
	return e.take(n, err)
}

// Close closes the instance.
func (e *Epoll) Close() error { return unix.Close(e.FD) }

// call is epoll_wait past the scheduler.
func (e *Epoll) call(ms int) []unix.EpollEvent {
	e.Calls.Inc()
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.FD), uintptr(unsafe.Pointer(&e.events[0])),
		uintptr(len(e.events)), uintptr(ms), 0, 0)
	if errno != 0 {
		return e.take(-1, errno)
	}
	return e.take(int(n), nil)
}

// take returns the events of a call. A signal ends a call without any; other
// errors mean a closed or foreign descriptor, which is a bug here.
func (e *Epoll) take(n int, err error) []unix.EpollEvent {
	if err != nil {
		if err == unix.EINTR {
			return nil
		}
		panic(fmt.Sprintf("kernel: epoll_wait on fd %d: got %v, want events", e.FD, err))
	}
	return e.events[:n]
}
