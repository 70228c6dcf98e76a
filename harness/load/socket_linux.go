package load

import (
	"context"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/threadpool/kernel"
)

// dialRaw connects and takes the socket away from Go's poller: non-blocking,
// TCP_NODELAY, to be closed by the caller.
func dialRaw(ctx context.Context, addr string) (int, error) {
	d := net.Dialer{Timeout: controlTimeout, KeepAlive: -1}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return -1, fmt.Errorf("load: broker %s: %w", addr, err)
	}
	defer func() { _ = c.Close() }()
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return -1, fmt.Errorf("load: broker %s: not TCP", addr)
	}
	if err := tcp.SetNoDelay(true); err != nil {
		return -1, fmt.Errorf("load: broker %s: %w", addr, err)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("load: broker %s: %w", addr, err)
	}
	fd := -1
	var dup error
	if err := raw.Control(func(h uintptr) {
		fd, dup = unix.FcntlInt(h, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil || dup != nil {
		return -1, fmt.Errorf("load: broker %s: %w", addr, os.NewSyscallError("fcntl", dup))
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("load: broker %s: %w", addr, os.NewSyscallError("fcntl", err))
	}
	return fd, nil
}

// poller is one thread's epoll with a timer in it. A thread that polls makes its
// calls past Go's scheduler, which would send a watcher after every one of them:
// some thousand interruptions a second, each of 13 µs, on the thread's own CPU.
type poller struct {
	set       *kernel.Epoll
	fd, timer int
	events    []unix.EpollEvent // of waits
}

// The timer's event carries an id that no socket has.
const timerID = -1

func newPoller() (*poller, error) {
	set, err := kernel.NewEpoll(128)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	p := &poller{set: set, fd: set.FD, timer: -1, events: make([]unix.EpollEvent, 128)}
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		p.close()
		return nil, fmt.Errorf("load: %w", os.NewSyscallError("timerfd_create", err))
	}
	if err := p.add(p.timer, timerID); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() {
	_ = unix.Close(p.fd)
	if p.timer >= 0 {
		_ = unix.Close(p.timer)
	}
}

func (p *poller) add(fd int, id int32) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: id}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &e))
}

// watch says whether writability is of interest too.
func (p *poller) watch(fd int, id int32, writes bool) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: id}
	if writes {
		e.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_MOD, fd, &e))
}

func (p *poller) remove(fd int) { _ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// wait returns what is ready. untilMonotonicNs is when to wake at the latest; 0
// means not to sleep.
func (p *poller) wait(untilMonotonicNs int64) ([]unix.EpollEvent, error) {
	if untilMonotonicNs <= 0 {
		return p.set.Poll(), nil
	}
	// A timer of the set sleeps to the ns where epoll_wait counts in ms; it is
	// absolute, so a signal in between costs nothing.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(untilMonotonicNs)}
	if err := unix.TimerfdSettime(p.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return nil, fmt.Errorf("load: %w", os.NewSyscallError("timerfd_settime", err))
	}
	n, err := unix.EpollWait(p.fd, p.events, -1)
	if err == unix.EINTR {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load: %w", os.NewSyscallError("epoll_wait", err))
	}
	return p.events[:n], nil
}
