package threadpool

import (
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/pace"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// selector is a processor's epoll instance, or its ring, and what wakes it.
//
// Sockets are registered once, edge-triggered, for both directions: muting a
// connection is a flag of its own and costs no system call. The eventfd is
// edge-triggered too, so it need not be read.
type selector struct {
	epoll  *kernel.Epoll
	ring   *ring // network=uring: in its place
	wake   int   // eventfd
	idle   *idle
	seat   *seat
	state  atomic.Uint32 // of the owner: up or asleep
	idling idleClock
	dozing idleClock    // of that, asleep
	paces  [2]pace.Pace // of waits for clients alone, and for handlers too
	waits  *pace.Pace   // of these, the wait that is going on
	since  int64        // when it began, ns; 0 when there is none

	// threads=goroutine: the epoll instance as Go's netpoller sees it.
	file   *os.File
	raw    syscall.RawConn
	events []unix.EpollEvent
	look   func(uintptr) bool
}

// pollMs is how long a selector waits at most, Kafka's 300 ms.
const pollMs = 300

// wakeToken marks the eventfd's events; sockets have their slots, from 0 on.
const wakeToken = -1

const socketEvents = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | edge

// edge is EPOLLET.
const edge = 1 << 31

func newSelector(i *idle, at *seat, gogo bool) (*selector, error) {
	e, err := kernel.NewEpoll(256)
	if err != nil {
		return nil, err
	}
	s := &selector{epoll: e, idle: i, seat: at}
	if s.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		_ = e.Close()
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	if err = e.Add(s.wake, unix.EPOLLIN|1<<31, wakeToken); err == nil && gogo {
		err = s.underNetpoll()
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// underNetpoll lets Go's netpoller wait for the epoll instance.
func (s *selector) underNetpoll() error {
	if err := unix.SetNonblock(s.epoll.FD, true); err != nil {
		return fmt.Errorf("epoll instance non-blocking: %w", err)
	}
	s.file = os.NewFile(uintptr(s.epoll.FD), "epoll")
	raw, err := s.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("epoll instance in the netpoller: %w", err)
	}
	s.raw = raw
	s.look = func(uintptr) bool {
		s.events = s.epoll.Poll()
		return len(s.events) > 0
	}
	return nil
}

// openRing waits by a ring from now on, which belongs to the calling thread.
func (s *selector) openRing() (err error) {
	s.ring, err = newRing(s.wake)
	return err
}

// add tells of a socket's events under its slot; remove does not any more, before
// the socket is closed.
func (s *selector) add(fd int, slot int32) error {
	if s.ring != nil {
		s.ring.watch(fd, slot)
		return nil
	}
	return s.epoll.Add(fd, socketEvents, slot)
}

func (s *selector) remove(slot int32) {
	if s.ring != nil {
		s.ring.forget(slot)
	}
}

// glance is what has happened, without waiting.
func (s *selector) glance() []unix.EpollEvent {
	if s.ring != nil {
		return s.ring.glance()
	}
	return s.epoll.Poll()
}

// enters is how often the ring has gone to the kernel. The owner's.
func (s *selector) enters() int64 {
	if s.ring == nil {
		return 0
	}
	return s.ring.ring.Calls()
}

// poll returns what has happened to the sockets; work says that the caller has
// something to do and will not wait, handed that it waits for handlers too.
// pending is asked again after the owner announced that it sleeps, so that
// nothing put before the announcement is overlooked. The slice is good until the
// next call.
func (s *selector) poll(work, handed bool, pending func() bool) []unix.EpollEvent {
	evs := s.glance()
	if work || len(evs) > 0 || pending() {
		if s.since > 0 {
			s.waited(telemetry.Now())
		}
		return evs
	}
	start := telemetry.Now()
	s.idling.begin(start)
	if s.since == 0 {
		s.since, s.waits = start, &s.paces[0]
		if handed {
			s.waits = &s.paces[1]
		}
	}
	evs = s.wait(start, pending)
	now := telemetry.Now()
	s.idling.end(now)
	if len(evs) > 0 || pending() {
		s.waited(now)
	}
	return evs
}

// waited ends the wait: it may have taken several calls that timed out.
func (s *selector) waited(nowNs int64) {
	s.waits.Waited(nowNs-s.since, s.idle.spin)
	s.since = 0
}

// wait polls if that has lately paid, and sleeps.
func (s *selector) wait(start int64, pending func() bool) (evs []unix.EpollEvent) {
	for s.idle.spin > 0 && s.waits.Worth() && s.seat.room() {
		if evs = s.glance(); len(evs) > 0 || pending() {
			return evs
		}
		spun := telemetry.Now() - start
		if spun > pollMs*1_000_000 {
			return nil // the owner has its rounds to make even if it never sleeps
		}
		if spun > s.idle.spin {
			break
		}
	}
	s.state.Store(asleep)
	s.seat.rest()
	if pending() {
		evs = nil
	} else {
		s.dozing.begin(telemetry.Now())
		evs = s.sleep()
		s.dozing.end(telemetry.Now())
	}
	if s.state.CompareAndSwap(asleep, up) {
		s.seat.rise()
	}
	return evs
}

func (s *selector) sleep() []unix.EpollEvent {
	if s.ring != nil {
		return s.ring.wait(pollMs)
	}
	if s.raw == nil {
		return s.epoll.Wait(pollMs)
	}
	s.events = nil
	_ = s.file.SetReadDeadline(time.Now().Add(pollMs * time.Millisecond))
	_ = s.raw.Read(s.look) // an error is the deadline; there are no events then
	return s.events
}

// asleep reports whether the owner would have to be woken. Any thread.
func (s *selector) asleep() bool { return s.state.Load() == asleep }

// wakeup makes a sleeping owner look; one that is up looks anyway. Any thread.
func (s *selector) wakeup() {
	if s.state.Load() == asleep && s.state.CompareAndSwap(asleep, up) {
		s.seat.rise()
		kernel.Kick(s.wake)
	}
}

func (s *selector) close() {
	if s.ring != nil {
		s.ring.close()
	}
	if s.file != nil {
		_ = s.file.Close()
	} else {
		_ = s.epoll.Close()
	}
	_ = unix.Close(s.wake)
}
