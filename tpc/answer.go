package tpc

import (
	"github.com/ceteris/ceteris/models/telemetry"
)

// flush encodes every answer whose turn it is and hands them to the kernel in
// one send. Called once a round for connections with something to say. It begins
// at nowNs and tells when it has ended, which is when the next one begins.
func (c *conn) flush(nowNs int64) int64 {
	if c.sending || c.closed {
		c.reap()
		return nowNs
	}
answers:
	for c.head != nil && c.head.done && c.out.Bytes < maxSendBytes && !c.last {
		if c.head.steps.encoding && c.out.Bytes > 0 {
			break // it goes out alone
		}
		r := c.pop()
		c.last = r.drop // answers before it still go out, nothing after it
		c.throttle(r.booking.throttleMs)
		switch {
		case r.silent:
			c.s.recordSilent(r, nowNs)
		case r.steps.encoding:
			c.takeLong(r)
			c.s.recycle(r)
			break answers
		default:
			nowNs = c.s.encode(c, r, nowNs)
		}
		c.s.recycle(r)
	}
	c.turn()
	if c.out.Bytes > 0 {
		c.sending = true
		for i := range c.sent {
			c.sent[i][telemetry.Dequeued] = nowNs
		}
		c.st.Send(&c.out)
	} else if c.last {
		c.close()
		return nowNs
	}
	if len(c.stash) > 0 {
		nowNs = telemetry.Now()
		c.parse(nowNs)
		nowNs = telemetry.Now()
	}
	return nowNs
}

// recordSilent ends the stage clock of a request that is not answered.
func (s *shard) recordSilent(r *request, nowNs int64) {
	for t := telemetry.Encoded; t <= telemetry.Sent; t++ {
		r.stamps[t] = nowNs
	}
	s.rec.Record(r.hdr.Key, &r.stamps)
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
	c.s.letGo(&c.out)
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

// roomForCold is room for an answer of the control plane.
func (c *conn) roomForCold(n int) []byte {
	if c.outBuf != nil && len(c.outBuf.B)-c.outUsed < n {
		c.releaseOut()
	}
	if c.outBuf == nil {
		c.outBuf = c.s.allocControl(max(n, 4096))
	}
	return c.room(n)
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
