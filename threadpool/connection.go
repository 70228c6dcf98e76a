package threadpool

import (
	"net/netip"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"

	"golang.org/x/sys/unix"
)

// connection is one client's socket. It belongs to its processor; no other
// thread looks into it.
//
// It is muted, that is, not read from, while a request of it is in the broker.
// With inflight=k it may have k requests there, but the next is offered only
// when the one before has been appended or has begun to wait, so that a
// handler cannot overtake another with requests of one producer. Responses
// leave in the order of the requests.
type connection struct {
	fd     int
	peer   netip.Addr
	slot   int32
	closed bool

	readable bool // the socket may have bytes
	ended    bool // the client has closed its side, or the socket failed

	buf        *iobuf.Buf
	from, to   int // bytes of buf that no request has taken
	end        int // where the next read ends at the latest
	readableNs int64
	large      bool // the last frame was
	starved    bool
	copies     *telemetry.Copies // of its processor

	busy      bool // a request is at a handler and has not begun to wait
	throttles int  // times it was told to wait and the time is not over
	inflight  int
	first     *request // oldest in the broker
	last      *request
	sending   bool // first is being sent and the socket is full
	handed    bool // the ring has a part of first; nothing is sent until that has completed

	older, newer *connection // in the order of last use
	lastUseNs    int64
	queued       bool // in the processor's list of connections to look at
}

// headBytes is what the first read of a request asks for when the one before
// was large: its size, and little that has to be moved.
const headBytes = 512

// muted reports whether the connection may not offer a request. With one request
// in flight these are Kafka's states: inflight is RESPONSE_PENDING, throttles is
// THROTTLED, and only without either it is not muted.
func (c *connection) muted(limit int) bool { return c.busy || c.inflight >= limit || c.throttles > 0 }

// outcome is what an attempt to receive came to.
type outcome uint8

const (
	nothing   outcome = iota // the frame is not complete
	received                 // a frame is complete
	exhausted                // there is no memory for it now
	gone                     // end of stream, or an error
	malformed                // a size that cannot be
	wanting                  // the socket has to be read from, see room
)

// receive looks at what was read: until a frame is complete it has to be called
// again when the socket was read from. frame aliases the connection's buffer and
// is good until consume.
func (c *connection) receive(mem supply, maxBytes int, now func() int64) (frame []byte, o outcome) {
	need := wire.SizeLen
	if c.to-c.from >= wire.SizeLen {
		n, err := wire.FrameSize(c.buf.B[c.from:], maxBytes)
		if err != nil {
			return nil, malformed
		}
		if need += n; c.to-c.from >= need {
			return c.buf.B[c.from+wire.SizeLen : c.from+need], received
		}
	}
	if !c.readable {
		if c.ended {
			return nil, gone
		}
		return nil, nothing
	}
	if !c.reserve(mem, need) {
		return nil, exhausted
	}
	if c.from == c.to {
		c.readableNs = now()
	}
	c.end = len(c.buf.B)
	if need > smallBytes {
		c.end = c.from + need // a large frame is read by itself, so that nothing of the next has to be moved
	}
	return nil, wanting
}

// room is where to read to.
func (c *connection) room() []byte { return c.buf.B[c.to:c.end] }

// reserve makes the buffer hold a frame of need bytes from where it begins.
func (c *connection) reserve(mem supply, need int) bool {
	if c.buf != nil && len(c.buf.B)-c.from >= need {
		return true
	}
	var fresh *iobuf.Buf
	switch {
	case need > smallBytes:
		fresh = mem.Alloc(need)
	case c.buf == nil && c.large:
		fresh = mem.small(headBytes)
	default:
		fresh = mem.small(smallBytes)
	}
	if fresh == nil {
		c.setAside(mem)
		return false
	}
	if c.buf != nil {
		c.to = copy(fresh.B, c.buf.B[c.from:c.to])
		c.copies.Add(telemetry.CopyReceive, c.to)
		c.buf.Release(mem)
	} else {
		c.to = 0
	}
	c.buf, c.from = fresh, 0
	return true
}

// setAside lets go of memory that others wait for, too.
func (c *connection) setAside(mem supply) {
	if c.buf == nil || c.buf.Owner != iobuf.Allocator(mem) {
		return
	}
	if copied := mem.aside(c.buf.B[c.from:c.to]); copied != nil {
		c.copies.Add(telemetry.CopyReceive, len(copied.B))
		c.buf.Release(mem)
		c.buf, c.from, c.to = copied, 0, len(copied.B)
	}
}

// took notes what a read to room came to; false means that the connection is over.
func (c *connection) took(mem supply, n int, errno unix.Errno) bool {
	switch {
	case errno == unix.EAGAIN:
		c.readable = false
		if c.from == c.to { // a connection that waits for a request holds no memory
			c.buf.Release(mem)
			c.buf, c.from, c.to = nil, 0, 0
		}
		return true
	case errno == unix.EINTR:
		return true
	case errno != 0 || n == 0:
		return false
	}
	if n < c.end-c.to && !c.ended {
		c.readable = false // a short read has emptied the socket; more makes a new edge
	}
	c.to += n
	return true
}

// consume hands the received frame of n bytes to a request, with a reference to
// the buffer it lies in.
func (c *connection) consume(n int) *iobuf.Buf {
	b := c.buf
	c.from += wire.SizeLen + n
	c.large = n > smallBytes/2
	if c.from < c.to {
		b.Retain()
		return b
	}
	c.buf, c.from, c.to = nil, 0, 0
	return b
}

// enqueue adds a request to those in the broker.
func (c *connection) enqueue(r *request) {
	r.conn, c.busy = c, true
	c.inflight++
	if c.last == nil {
		c.first = r
	} else {
		c.last.follows = r
	}
	c.last = r
}

// dequeue takes the oldest request out, whose response has been sent.
func (c *connection) dequeue() *request {
	r := c.first
	if c.first = r.follows; c.first == nil {
		c.last = nil
	}
	r.follows = nil
	c.inflight--
	return r
}

// current reports whether r is the last request offered, whose handler has to
// let go of it before the next is.
func (c *connection) current(r *request) bool { return c.last == r }
