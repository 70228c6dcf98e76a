package tpc

import (
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// conn is one client connection on its shard. Requests are decoded as they
// arrive, up to the in-flight limit, and answered in the order they came.
type conn struct {
	s  *shard
	st *reactor.Stream

	prev, next *conn // the shard's connections
	id         uint64

	// Receiving.
	stash     []reactor.Received // buffers whose frames wait for the in-flight limit
	framer    reactor.Framer
	amid      bool // the framer holds a part of a frame
	paused    bool
	starving  bool  // in the shard's list of connections that want memory for a frame
	starvedNs int64 // since when, 0 when it does not
	lastNs    int64 // last activity, for connections.max.idle.ms
	inflight  int

	// Answering.
	head, tail *request // in arrival order; only the head may be answered
	out        iobuf.Chain
	outBuf     *iobuf.Buf // where response heads are encoded
	outUsed    int
	sending    bool
	sent       []telemetry.Stamps // stage clocks of the responses under way
	sentKeys   []int16

	dirty  bool // in the shard's list of connections to flush
	last   bool // what is being sent is the last: then the connection is closed
	closed bool
}

// OnData takes over one reference to b, which holds n received bytes.
func (c *conn) OnData(b *iobuf.Buf, n int) {
	c.lastNs = c.s.r.Now()
	c.stash = append(c.stash, reactor.Received{Buf: b, Data: b.B[:n], Ns: c.lastNs})
	c.parse()
}

// parse decodes frames until the in-flight limit is reached or the bytes are
// used up.
func (c *conn) parse() {
	done := 0
	for done < len(c.stash) && c.open() && c.inflight < c.s.inflightMax {
		in := &c.stash[done]
		c.s.allocFailed = false
		frame, buf, ns, err := c.framer.Next(in)
		if err != nil && c.s.allocFailed && !c.amid && c.starve() {
			break // nothing was taken off in: it is tried again when memory may be free
		}
		c.starvedNs, c.amid = 0, err == nil && frame == nil
		if err != nil {
			c.s.b.logf("connection %d: %v", c.id, err)
			c.close()
			break
		}
		if frame != nil && !c.s.serve(c, frame, buf, ns) {
			c.close()
			break
		}
		if len(in.Data) == 0 {
			in.Buf.Release(c.s.arena)
			*in = reactor.Received{}
			done++
		}
	}
	if done > 0 {
		n := copy(c.stash, c.stash[done:])
		clear(c.stash[n:])
		c.stash = c.stash[:n]
	}
	if c.closed {
		c.dropReceived()
		return
	}
	if full := len(c.stash) > 0; full || c.s.stopping {
		c.pause()
	} else if c.paused {
		c.paused = false
		c.st.ResumeRecv()
	}
}

// starveNs is how long a frame may wait for memory; then its connection is
// closed, because whoever sent it has given up.
const starveNs = 30e9

// starve keeps the connection from receiving until there may be memory for its
// next frame. False when it has waited too long.
func (c *conn) starve() bool {
	now := c.s.r.Now()
	if c.starvedNs == 0 {
		c.starvedNs = max(now, 1)
	}
	if now-c.starvedNs > starveNs {
		return false
	}
	if !c.starving {
		c.starving = true
		c.s.starved = append(c.s.starved, c)
	}
	if !c.s.starveTimer.Pending() {
		c.s.r.After(&c.s.starveTimer, starveRetryNs)
	}
	return true
}

// open reports whether further requests are taken.
func (c *conn) open() bool { return !c.closed && !c.last && !c.s.stopping }

// pause stops receiving.
func (c *conn) pause() {
	if !c.paused {
		c.paused = true
		c.st.PauseRecv()
	}
}

// push queues a request in arrival order.
func (c *conn) push(r *request) {
	if c.tail == nil {
		c.head = r
	} else {
		c.tail.next = r
	}
	c.tail = r
	c.inflight++
}

// pop takes the oldest request off.
func (c *conn) pop() *request {
	r := c.head
	c.head = r.next
	if c.head == nil {
		c.tail = nil
	}
	r.next = nil
	c.inflight--
	return r
}

// flush encodes every answer whose turn it is and hands them to the kernel in
// one send. Called once a round for connections with something to say.
func (c *conn) flush() {
	if c.sending || c.closed {
		c.reap()
		return
	}
	for c.head != nil && c.head.done && c.out.Bytes < maxSendBytes && !c.last {
		r := c.pop()
		c.last = r.drop // answers before it still go out, nothing after it
		if !r.silent {
			c.s.encode(c, r)
		}
		c.s.recycle(r)
	}
	if c.out.Bytes > 0 {
		c.sending = true
		now := telemetry.Now()
		for i := range c.sent {
			c.sent[i][telemetry.Dequeued] = now
		}
		c.st.Send(&c.out)
	} else if c.last {
		c.close()
		return
	}
	if len(c.stash) > 0 {
		c.parse()
	}
}

// maxSendBytes bounds what one send gathers, so that a connection with large
// fetches does not pin much memory in the socket's queue.
const maxSendBytes = 4 << 20

// reap recycles finished requests of a closed connection.
func (c *conn) reap() {
	if !c.closed {
		return
	}
	for c.head != nil && c.head.done {
		c.s.recycle(c.pop())
	}
}

// OnSent is told when a send has gone out entirely, or failed.
func (c *conn) OnSent(err error) {
	now := telemetry.Now()
	for i := range c.sent {
		c.sent[i][telemetry.Sent] = now
		c.s.rec.Record(c.sentKeys[i], &c.sent[i])
	}
	c.sent, c.sentKeys = c.sent[:0], c.sentKeys[:0]
	c.out.Reset(c.s.arena)
	c.releaseOut()
	c.sending = false
	c.lastNs = c.s.r.Now()
	if err != nil || c.last {
		c.close()
		return
	}
	if c.head != nil && c.head.done || len(c.stash) > 0 {
		c.s.markConn(c)
	}
}

// room is where the next response head is encoded: the rest of the current
// buffer, or a new one. It has at least n bytes of capacity.
func (c *conn) room(n int) []byte {
	if c.outBuf != nil && len(c.outBuf.B)-c.outUsed < n {
		c.releaseOut()
	}
	if c.outBuf == nil {
		c.outBuf = c.s.allocFrame(max(n, 4096))
		c.outUsed = 0
		if c.outBuf == nil {
			return make([]byte, 0, n) // memory is out: an answer must still go out
		}
	}
	return c.outBuf.B[c.outUsed:c.outUsed:len(c.outBuf.B)]
}

// take adds an answer that was appended to what room returned.
func (c *conn) take(b []byte) {
	if c.inOut(b) {
		last := len(c.out.Pieces) - 1
		if last >= 0 && c.out.Pieces[last].Buf == c.outBuf { // answers in a row are one piece
			p := &c.out.Pieces[last]
			if n := len(p.B); cap(p.B) >= n+len(b) && &p.B[:n+1][n] == &b[0] {
				p.B, p.Len = p.B[:n+len(b)], n+len(b)
				c.out.Bytes += len(b)
				c.outUsed += len(b)
				return
			}
		}
		c.outBuf.Retain()
		c.out.AppendBuf(c.outBuf, b)
		c.outUsed += len(b)
		return
	}
	c.out.AppendBytes(b) // it outgrew its room and lies on the heap
}

// takeHead notes how much of the room a fetch's head has used; its pieces are in
// the chain already, and must outlive a change of buffer.
func (c *conn) takeHead(b []byte) {
	if !c.inOut(b) {
		return
	}
	c.outUsed += len(b)
	for i := range c.out.Pieces {
		p := &c.out.Pieces[i]
		if p.Buf == nil && p.Hold == nil && len(p.B) > 0 && within(p.B, b) {
			p.Buf = c.outBuf
			c.outBuf.Retain()
		}
	}
}

// inOut reports whether b lies where room said.
func (c *conn) inOut(b []byte) bool {
	return c.outBuf != nil && len(b) > 0 && c.outUsed+len(b) <= len(c.outBuf.B) && &b[0] == &c.outBuf.B[c.outUsed]
}

// within reports whether part is a part of whole: the distance of their ends of
// capacity is a distance of starts, because both slice the same buffer.
func within(part, whole []byte) bool {
	off := cap(whole) - cap(part)
	return off >= 0 && off < len(whole) && &whole[:off+1][off] == &part[0]
}

// releaseOut drops the connection's own reference; pieces in the chain keep theirs.
func (c *conn) releaseOut() {
	if c.outBuf != nil {
		c.outBuf.Release(c.s.arena)
		c.outBuf, c.outUsed = nil, 0
	}
}

// close starts the teardown; OnClosed ends it.
func (c *conn) close() {
	if c.closed {
		return
	}
	c.closed = true
	c.st.Close()
}

// OnClosed is called once, when no callback of the stream will come any more.
func (c *conn) OnClosed(error) {
	c.closed = true
	c.dropReceived()
	c.out.Reset(c.s.arena)
	c.releaseOut()
	c.sent, c.sentKeys = c.sent[:0], c.sentKeys[:0]
	c.sending = false
	c.s.forget(c)
	for r := c.head; r != nil; r = r.next {
		c.s.abandon(r)
	}
	c.reap()
}

func (c *conn) dropReceived() {
	for i := range c.stash {
		if c.stash[i].Buf != nil {
			c.stash[i].Buf.Release(c.s.arena)
		}
		c.stash[i] = reactor.Received{}
	}
	c.stash = c.stash[:0]
	c.framer.Drop()
}
