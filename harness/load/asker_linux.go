package load

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// asker is one connection of a class. One of class reconnect lives for a single
// request, and the asker opens the next.
type asker struct {
	w        *worker
	m        *mix
	id       int32 // in the poller
	number   int   // among those of its class
	fd       int   // -1 while there is none
	pending  ring[waiting]
	inflight ring[ask]
	out      []byte
	outAt    int
	in       inbox
	corr     int32
	// opening: the connection is being made, and nothing is sent before.
	opening bool
	dead    bool
}

// brief reports whether a connection lives for one request.
func (k *asker) brief() bool { return k.m.class.Name == workloads.Reconnect }

// start puts a request on its way.
func (k *asker) start(q waiting) {
	k.corr++
	at := len(k.out)
	var what asked
	k.out, what = k.m.ops.frame(k.out, q.partition)
	binary.BigEndian.PutUint32(k.out[at+8:], uint32(k.corr))
	now := telemetry.Now()
	k.inflight.push(ask{waiting: q, what: what, sentNs: now, correlation: k.corr})
	k.m.sent(&q, now)
	if k.brief() {
		if err := k.open(k.m.to[q.index%int64(len(k.m.to))]); err != nil {
			k.lost(err)
		}
		return
	}
	k.flush()
}

// open begins to connect; writability tells the end of it.
func (k *asker) open(to unix.Sockaddr) error {
	domain := unix.AF_INET
	if _, six := to.(*unix.SockaddrInet6); six {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	k.fd, k.opening, k.in.r, k.in.w = fd, true, 0, 0
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Connect(fd, to); err != nil && err != unix.EINPROGRESS {
		return os.NewSyscallError("connect", err)
	}
	if err := k.w.poll.add(fd, k.id); err != nil {
		return err
	}
	return k.w.poll.watch(fd, k.id, true)
}

// flush hands to the kernel what it takes; the rest goes when it has room.
func (k *asker) flush() {
	for k.outAt < len(k.out) {
		n, err := unix.Write(k.fd, k.out[k.outAt:])
		switch err {
		case nil:
			k.outAt += n
		case unix.EINTR:
		case unix.EAGAIN:
			if err := k.w.poll.watch(k.fd, k.id, true); err != nil {
				k.lost(err)
			}
			return
		default:
			k.lost(os.NewSyscallError("write", err))
			return
		}
	}
	k.out, k.outAt = k.out[:0], 0
}

// ready serves the socket.
func (k *asker) ready(events uint32) {
	if k.dead || k.fd < 0 {
		return
	}
	if events&unix.EPOLLOUT != 0 {
		if k.opening {
			if code, err := unix.GetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil || code != 0 {
				k.lost(os.NewSyscallError("connect", unix.Errno(code)))
				return
			}
			k.opening = false
		}
		if err := k.w.poll.watch(k.fd, k.id, false); err != nil {
			k.lost(err)
			return
		}
		if k.flush(); k.dead || k.fd < 0 {
			return
		}
	}
	if events&^unix.EPOLLOUT != 0 {
		k.receive()
	}
}

// receive reads answers; all that one read brings carry its time.
func (k *asker) receive() {
	n, err := k.in.fill(k.fd)
	if err != nil {
		k.lost(err)
		return
	}
	if n == 0 {
		return
	}
	at := telemetry.Now()
	for {
		correlation, body, ok := k.in.next()
		if !ok {
			break
		}
		if err := k.settle(correlation, body, at); err != nil {
			k.lost(err)
			return
		}
		if k.brief() {
			k.shut()
			break
		}
	}
	k.refill()
}

func (k *asker) refill() {
	for k.pending.n > 0 && k.inflight.n < k.m.class.Inflight && !k.dead {
		k.start(k.pending.pop())
	}
}

// settle ends the oldest request.
func (k *asker) settle(correlation int32, body []byte, at int64) error {
	if k.inflight.n == 0 {
		return fmt.Errorf("%w: correlation id %d answers no request", errOrder, correlation)
	}
	if want := k.inflight.at(0).correlation; want != correlation {
		return fmt.Errorf("%w: correlation id: got %d, want %d", errOrder, correlation, want)
	}
	q := k.inflight.pop()
	code, bytes, err := k.m.ops.answer(q.what, body)
	if err != nil {
		k.fail(&q, transportError)
		return err
	}
	if code != 0 {
		k.fail(&q, codeName(code))
		return nil
	}
	k.m.answered(&q.waiting, q.sentNs, at, k.number)
	if q.measured {
		k.m.tally.fetchedBytes += bytes
	}
	return nil
}

// shut closes a connection that has served.
func (k *asker) shut() {
	if k.fd >= 0 {
		_ = unix.Close(k.fd) // which takes it out of the poller
	}
	k.fd, k.opening, k.out, k.outAt = -1, false, k.out[:0], 0
}

// leave ends a connection whose answers nobody reads any more.
func (k *asker) leave() {
	k.dead = true
	if k.fd >= 0 {
		k.w.poll.remove(k.fd)
	}
}

// lost ends a connection that failed, and what it had outstanding. A brief one is
// opened again for the next request; another is dead, and what is due fails.
func (k *asker) lost(why error) {
	if why != nil && why != io.EOF {
		k.m.tally.errors[why.Error()]++
	}
	k.shut()
	for k.inflight.n > 0 {
		q := k.inflight.pop()
		k.fail(&q, transportError)
	}
	if k.brief() {
		return // worker.admitMixes goes on with what is pending
	}
	k.dead = true
	for k.pending.n > 0 {
		k.fail(&ask{waiting: k.pending.pop()}, transportError)
	}
}

// fail settles a request that did not succeed.
func (k *asker) fail(q *ask, name string) {
	k.m.failed(&q.waiting, q.sentNs, telemetry.Now(), int64(k.w.o.Timeout), k.number, name)
}
