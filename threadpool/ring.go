package threadpool

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/uring"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// ring is what a processor waits with and moves bytes by at network=uring, in
// place of epoll and of a system call for each receive and send. The processor's
// loop stays as it is: a poll that goes on tells what is readable, as an
// edge-triggered epoll does; and the receives, or the sends, of one step of a
// round go to the kernel in one call, which finishes them all before it returns,
// since none of them may wait (MSG_DONTWAIT).
//
// It belongs to the processor's thread.
type ring struct {
	ring    *uring.Ring
	wake    watched   // the eventfd
	watched []watched // by slot
	events  []unix.EpollEvent
	spare   []unix.EpollEvent
	flying  int // transfers handed over or about to be, not completed
	closed  bool
}

// watched is the socket of a slot. Completions that were meant for the one before
// it carry another generation.
type watched struct {
	fd  int32 // -1: none
	gen uint32
}

// Sizes of the two queues. A round hands over ringBatch transfers at most at a
// time; completions that find no room wait in the kernel.
const (
	ringEntries   = 1024
	ringCompleted = 4096
	ringBatch     = 256
)

// What a completion is of: user data is kind, generation and slot.
const (
	ofPoll uint64 = iota << 56
	ofReceive
	ofSend
	ofCancel
)

const (
	kindMask = 0xff << 56
	genMask  = 1<<24 - 1
)

func userData(kind uint64, gen uint32, slot int32) uint64 {
	return kind | uint64(gen&genMask)<<32 | uint64(uint32(slot))
}

// newRing makes the ring of the calling thread, which stays locked, and watches
// the eventfd that wakes it.
func newRing(wake int) (*ring, error) {
	r, err := uring.New(ringEntries, ringCompleted)
	if err != nil {
		return nil, err
	}
	n := &ring{ring: r}
	n.wake = watched{fd: int32(wake)}
	n.poll(&n.wake, wakeToken)
	return n, nil
}

// watch begins to tell of a socket's events under its slot.
func (n *ring) watch(fd int, slot int32) {
	for len(n.watched) <= int(slot) {
		n.watched = append(n.watched, watched{fd: -1})
	}
	w := &n.watched[slot]
	w.fd = int32(fd)
	n.poll(w, slot)
}

func (n *ring) poll(w *watched, slot int32) {
	mask := uint32(socketEvents &^ edge)
	if slot == wakeToken {
		mask = unix.EPOLLIN
	}
	e := n.sqe()
	e.Poll(int(w.fd), mask, true)
	e.UserData = userData(ofPoll, w.gen, slot)
}

// forget ends that, at once: the poll holds the socket open.
func (n *ring) forget(slot int32) {
	w := &n.watched[slot]
	e := n.sqe()
	e.Cancel(userData(ofPoll, w.gen, slot))
	e.UserData = userData(ofCancel, 0, 0)
	w.fd, w.gen = -1, w.gen+1
	// What was noted of it and not told yet would be told of the next in its slot.
	n.events = slices.DeleteFunc(n.events, func(ev unix.EpollEvent) bool { return ev.Fd == slot })
	_ = n.ring.Submit() // what it could not do now the next call does
}

// sqe is the next entry to fill. The kernel takes those there are when the queue
// is full, so there is one then.
func (n *ring) sqe() *uring.SQE {
	for range 1000 {
		if e := n.ring.Get(); e != nil {
			return e
		}
		_ = n.ring.Submit()
	}
	panic(fmt.Sprintf("threadpool: the kernel takes no entry of %d: %d wait", ringEntries, n.ring.Pending()))
}

// full reports whether what is prepared should be handed over first.
func (n *ring) full() bool { return n.flying >= ringBatch }

// receive prepares a receive into b, and send a send of b. b stays where it is
// until the transfer has completed.
func (n *ring) receive(fd int, slot int32, b []byte) {
	e := n.sqe()
	e.Recv(fd, b, unix.MSG_DONTWAIT)
	e.UserData = userData(ofReceive, n.watched[slot].gen, slot)
	n.flying++
}

func (n *ring) send(fd int, slot int32, b []byte, more bool) {
	flags := uint32(unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	e := n.sqe()
	e.Send(fd, b, flags)
	e.UserData = userData(ofSend, n.watched[slot].gen, slot)
	n.flying++
}

// transfer hands over what is prepared and gives every result to p, which may
// prepare more: that goes with the next call. It returns when there is no more.
func (n *ring) transfer(p *processor) {
	for n.flying > 0 {
		_ = n.ring.Submit() // entries that it could not take stay for the next
		for c := n.ring.Peek(); c != nil; c = n.ring.Peek() {
			done := *c
			n.ring.Next()
			n.ring.Seen()
			switch kind := done.UserData & kindMask; kind {
			case ofReceive, ofSend:
				n.flying--
				if slot := int32(done.UserData); done.UserData == userData(kind, n.watched[slot].gen, slot) {
					p.transferred(slot, kind == ofSend, done.Res)
				}
			default:
				n.note(&done)
			}
		}
	}
}

// glance is what has happened to the sockets. Without anything new it costs no
// system call. The slice is good until the next call.
func (n *ring) glance() []unix.EpollEvent {
	if n.ring.Pending() > 0 || n.ring.NeedsEnter() {
		_ = n.ring.Submit()
	}
	for c := n.ring.Peek(); c != nil; c = n.ring.Peek() {
		n.note(c)
		n.ring.Next()
	}
	n.ring.Seen()
	n.events, n.spare = n.spare[:0], n.events
	return n.spare
}

// wait sleeps until something happens, at most ms.
func (n *ring) wait(ms int64) []unix.EpollEvent {
	if err := n.ring.Wait(kernel.NapNs); err == nil && n.ring.Ready() == 0 {
		_ = n.ring.Sleep(ms*1_000_000 - kernel.NapNs)
	}
	return n.glance()
}

// note takes up a completion of a poll. One that has ended begins again unless
// its socket is gone.
func (n *ring) note(c *uring.CQE) {
	slot := int32(c.UserData)
	if c.UserData&kindMask != ofPoll {
		return
	}
	w := &n.wake
	if slot != wakeToken {
		w = &n.watched[slot]
	}
	if w.fd < 0 || c.UserData != userData(ofPoll, w.gen, slot) {
		return
	}
	happened := uint32(unix.EPOLLERR) // a poll that failed: the socket tells why
	if c.Res >= 0 {
		happened = uint32(c.Res)
		if c.Flags&uring.CQEMore == 0 {
			n.poll(w, slot)
		}
	}
	n.events = append(n.events, unix.EpollEvent{Events: happened, Fd: slot})
}

// close ends the ring and all that it watches, once.
func (n *ring) close() {
	if !n.closed {
		n.closed = true
		n.ring.Close()
	}
}
