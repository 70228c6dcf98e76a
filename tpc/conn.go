package tpc

import (
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// conn is one client connection on its shard. Requests are decoded as they
// arrive, up to the in-flight limit, and answered in the order they came.
type conn struct {
	s  *shard
	st *reactor.Stream

	prev, next *conn // the shard's connections
	id         uint64

	// Receiving. A frame that lies whole in a receive buffer is decoded where it
	// lies; one that spans buffers is assembled in a buffer of its own size.
	stash    []received // buffers whose frames wait for the in-flight limit
	partial  *iobuf.Buf
	have     int   // bytes of the frame in partial, length prefix included
	want     int   // its whole length, 0 while the prefix is incomplete
	firstNs  int64 // when the first byte of partial was readable
	paused   bool
	lastNs   int64 // last activity, for connections.max.idle.ms
	inflight int

	// Answering.
	head, tail *request // in arrival order; only the head may be answered
	out        iobuf.Chain
	outBuf     *iobuf.Buf // where response heads are encoded
	outUsed    int
	sending    bool
	sent       []telemetry.Stamps // stage clocks of the responses under way
	sentKeys   []int16

	dirty  bool // in the shard's list of connections to flush
	closed bool
}

// received is a receive buffer that has not been parsed to its end.
type received struct {
	buf  *iobuf.Buf
	data []byte
	ns   int64 // when it was readable
}

// OnData takes over one reference to b, which holds n received bytes.
func (c *conn) OnData(b *iobuf.Buf, n int) {
	c.lastNs = c.s.r.Now()
	c.stash = append(c.stash, received{buf: b, data: b.B[:n], ns: c.lastNs})
	c.parse()
}

// parse decodes frames until the in-flight limit is reached or the bytes are
// used up.
func (c *conn) parse() {
	done := 0
	for done < len(c.stash) && !c.closed && c.inflight < c.s.inflightMax {
		in := &c.stash[done]
		if !c.step(in) {
			c.close()
			break
		}
		if len(in.data) == 0 {
			in.buf.Release(c.s.arena)
			*in = received{}
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
	full := len(c.stash) > 0
	if full && !c.paused {
		c.paused = true
		c.st.PauseRecv()
	} else if !full && c.paused {
		c.paused = false
		c.st.ResumeRecv()
	}
}

// step takes one frame, or the piece of one, off in. False closes the
// connection: the frame's length is impossible.
func (c *conn) step(in *received) bool {
	if c.partial != nil {
		return c.assemble(in)
	}
	if len(in.data) >= 4 {
		size, err := wire.FrameSize(in.data, c.s.maxFrame)
		if err != nil {
			c.s.b.logf("connection %d: %v", c.id, err)
			return false
		}
		if len(in.data) >= 4+size {
			frame := in.data[4 : 4+size]
			in.data = in.data[4+size:]
			in.buf.Retain()
			return c.s.serve(c, frame, in.buf, in.ns)
		}
		return c.begin(in, 4+size)
	}
	return c.begin(in, 0)
}

// begin starts to assemble a frame whose rest has not arrived.
func (c *conn) begin(in *received, want int) bool {
	c.partial = c.s.allocFrame(max(want, 512))
	if c.partial == nil {
		c.s.b.logf("connection %d: no memory for a frame of %d bytes", c.id, want)
		return false
	}
	c.want, c.firstNs = want, in.ns
	c.have = copy(c.partial.B, in.data)
	in.data = in.data[:0]
	return true
}

// assemble adds to the frame that is being put together.
func (c *conn) assemble(in *received) bool {
	if c.want == 0 {
		n := copy(c.partial.B[c.have:4], in.data)
		c.have += n
		in.data = in.data[n:]
		if c.have < 4 {
			return true
		}
		size, err := wire.FrameSize(c.partial.B, c.s.maxFrame)
		if err != nil {
			c.s.b.logf("connection %d: %v", c.id, err)
			return false
		}
		c.want = 4 + size
		if c.want > len(c.partial.B) {
			bigger := c.s.allocFrame(c.want)
			if bigger == nil {
				c.s.b.logf("connection %d: no memory for a frame of %d bytes", c.id, c.want)
				return false
			}
			copy(bigger.B, c.partial.B[:c.have])
			c.partial.Release(c.s.arena)
			c.partial = bigger
		}
	}
	n := copy(c.partial.B[c.have:c.want], in.data)
	c.have += n
	in.data = in.data[n:]
	if c.have < c.want {
		return true
	}
	buf, frame := c.partial, c.partial.B[4:c.want]
	c.partial, c.have, c.want = nil, 0, 0
	return c.s.serve(c, frame, buf, c.firstNs)
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
	for c.head != nil && c.head.done && c.out.Bytes < maxSendBytes {
		r := c.pop()
		if r.drop {
			c.s.recycle(r)
			c.close()
			return
		}
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
	if err != nil {
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
		if c.stash[i].buf != nil {
			c.stash[i].buf.Release(c.s.arena)
		}
		c.stash[i] = received{}
	}
	c.stash = c.stash[:0]
	if c.partial != nil {
		c.partial.Release(c.s.arena)
		c.partial = nil
	}
}
