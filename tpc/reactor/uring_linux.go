package reactor

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/uring"
)

const (
	sqEntries = 1024
	cqEntries = 8192
	recvGroup = 1

	// A completion says what finished by kind and slot.
	kindShift  = 56
	kindIgnore = uint64(0) << kindShift // a cancellation; its target completes by itself
	kindWake   = uint64(1) << kindShift
	kindAccept = uint64(2) << kindShift
	kindRecv   = uint64(3) << kindShift
	kindSend   = uint64(4) << kindShift
	kindDisk   = uint64(5) << kindShift
	kindMask   = uint64(0xff) << kindShift
)

// uringBackend drives everything through one ring.
type uringBackend struct {
	r       *Reactor
	ring    *uring.Ring
	backlog []uring.SQE // entries that found the submission queue full, in order

	bufRing *uring.BufRing
	bufs    []*iobuf.Buf // by id; nil: the place is vacant
	vacant  []uint16     // ids without a buffer
	starved []*Stream    // receiving ended because no buffer was left

	listeners []*Listener // by slot
	accepting int         // multishot accepts in the kernel's hands
	wakeBuf   [8]byte
}

func newURing(r *Reactor) (backend, error) {
	ring, err := uring.New(sqEntries, cqEntries)
	if err != nil {
		return nil, err
	}
	u := &uringBackend{r: r, ring: ring}
	if u.bufRing, err = ring.NewBufRing(uint16(r.o.RecvBufs), recvGroup); err != nil {
		ring.Close()
		return nil, err
	}
	u.bufs = make([]*iobuf.Buf, r.o.RecvBufs)
	for id := range u.bufs {
		u.vacant = append(u.vacant, uint16(id))
	}
	u.refill()
	u.armWake()
	return u, nil
}

// sqe is a cleared entry. When the queue is full even after submitting, it is
// set aside; the order is kept because all later ones are set aside as well.
func (u *uringBackend) sqe() *uring.SQE {
	if len(u.backlog) == 0 {
		if e := u.ring.Get(); e != nil {
			return e
		}
		u.enter()
		if e := u.ring.Get(); e != nil {
			return e
		}
	}
	u.backlog = append(u.backlog, uring.SQE{})
	return &u.backlog[len(u.backlog)-1]
}

func (u *uringBackend) submit() bool {
	if u.ring.Pending() == 0 && len(u.backlog) == 0 {
		return false
	}
	u.enter()
	for len(u.backlog) > 0 {
		n := 0
		for n < len(u.backlog) {
			e := u.ring.Get()
			if e == nil {
				break
			}
			*e = u.backlog[n]
			n++
		}
		u.backlog = u.backlog[:copy(u.backlog, u.backlog[n:])]
		u.enter()
		if n == 0 {
			break // completions have to be taken first
		}
	}
	return true
}

// enter submits and gathers. A kernel that is out of memory or full of
// completions keeps the rest in the queue; anything else is our mistake.
func (u *uringBackend) enter() {
	u.r.c.Syscalls++
	if err := u.ring.Submit(); err != nil && err != unix.EAGAIN && err != unix.EBUSY {
		panic(fmt.Sprintf("reactor: io_uring_enter with %d entries: %v", u.ring.Pending(), err))
	}
}

// ready leaves deferred work out: the kernel does it when it is entered to wait,
// before it blocks. Its flag cannot be trusted to be down when there is none. A
// processor that queues work raises it after that, and if this thread has done
// the work in between, the flag stays up until the next one comes: a reactor
// that took it for work would not sleep until then.
func (u *uringBackend) ready() bool {
	return u.ring.Ready() > 0 || u.ring.Pending() > 0 || len(u.backlog) > 0
}

func (u *uringBackend) wait(timeoutNs int64) {
	if len(u.starved) > 0 && (timeoutNs < 0 || timeoutNs > starvedRetryNs) {
		timeoutNs = starvedRetryNs
	}
	u.r.c.Syscalls++
	if err := u.ring.Wait(timeoutNs); err != nil && err != unix.EAGAIN && err != unix.EBUSY {
		panic(fmt.Sprintf("reactor: io_uring_enter: %v", err))
	}
}

func (u *uringBackend) reap() bool {
	if u.ring.Ready() == 0 && u.ring.NeedsEnter() {
		u.enter()
	}
	busy := false
	for c := u.ring.Peek(); c != nil; c = u.ring.Peek() {
		got := *c
		u.ring.Next()
		u.complete(&got)
		busy = true
	}
	if busy {
		u.ring.Seen()
	}
	if len(u.vacant) > 0 {
		u.refill()
	}
	if len(u.starved) > 0 {
		u.feed()
	}
	return busy
}

func (u *uringBackend) complete(c *uring.CQE) {
	slot := uint32(c.UserData)
	switch c.UserData & kindMask {
	case kindWake:
		u.woken(c)
	case kindAccept:
		u.accepted(u.listeners[slot], c)
	case kindRecv:
		u.received(u.r.streams.all[slot], c)
	case kindSend:
		u.sent(u.r.streams.all[slot], c)
	case kindDisk:
		u.transferred(u.r.disks.slots[slot], c)
	}
}

func (u *uringBackend) armWake() {
	e := u.sqe()
	e.Read(u.r.wakeFD, u.wakeBuf[:], 0, 0)
	e.UserData = kindWake
}

func (u *uringBackend) woken(c *uring.CQE) {
	switch {
	case c.Res == 8:
		u.r.owed -= int64(binary.NativeEndian.Uint64(u.wakeBuf[:]))
	case c.Res != -int32(unix.EINTR) && c.Res != -int32(unix.EAGAIN):
		panic(fmt.Sprintf("reactor: read of eventfd %d: result %d, want 8", u.r.wakeFD, c.Res))
	}
	u.armWake()
}

func (u *uringBackend) listen(l *Listener) error {
	slot := 0
	for slot < len(u.listeners) && u.listeners[slot] != nil && u.listeners[slot] != l {
		slot++
	}
	if slot == len(u.listeners) {
		u.listeners = append(u.listeners, nil)
	}
	u.listeners[slot] = l
	l.slot, l.armed = uint32(slot), true
	u.accepting++
	e := u.sqe()
	e.AcceptMultishot(l.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	e.UserData = kindAccept | uint64(slot)
	return nil
}

// hold cancels the accept. What it brings until the cancellation takes effect is
// delivered.
func (u *uringBackend) hold(l *Listener) {
	if l.armed {
		u.sqe().Cancel(kindAccept | uint64(l.slot))
	}
}

func (u *uringBackend) unlisten(l *Listener) {
	if !l.armed {
		u.listeners[l.slot] = nil
		closeFD(l.fd)
		return
	}
	e := u.sqe()
	e.Cancel(kindAccept | uint64(l.slot))
	_ = unix.Shutdown(l.fd, unix.SHUT_RDWR) // stops new connections now; the cancellation alone would do
}

func (u *uringBackend) accepted(l *Listener, c *uring.CQE) {
	if c.Res >= 0 {
		if l.closing {
			closeFD(int(c.Res))
		} else {
			l.accepted(int(c.Res))
		}
	}
	if c.Flags&uring.CQEMore != 0 {
		return
	}
	l.armed = false
	u.accepting--
	switch {
	case l.closing:
		u.listeners[l.slot] = nil
		closeFD(l.fd)
	case l.paused:
	case c.Res >= 0 || c.Res == -int32(unix.ECONNABORTED) || c.Res == -int32(unix.EINTR) || c.Res == -int32(unix.ECANCELED):
		_ = u.listen(l) // never fails on this backend
	default:
		l.failed()
	}
}

func (u *uringBackend) busy() bool { return u.accepting > 0 }

func (u *uringBackend) close() {
	u.bufRing.Close()
	for i, b := range u.bufs {
		if b != nil {
			b.Release(u.r.o.Arena)
			u.bufs[i] = nil
		}
	}
	u.ring.Close()
}
