package threadpool

import (
	"encoding/binary"
	"log/slog"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// receiveAll reads from every connection on the list, decodes what has become
// complete on this thread, and offers it to the handlers, which blocks this
// thread and all its connections while the request queue is full.
func (p *processor) receiveAll() {
	list := p.look
	p.look, p.spare = p.spare[:0], list
	for i, c := range list {
		list[i] = nil
		c.queued = false
		if i >= receivesPerRound {
			p.queue(c)
			continue
		}
		if c.closed || c.muted(p.broker.inflight) || p.draining {
			continue // it comes back on the list when it is unmuted
		}
		p.receive(c)
	}
	p.transfer()
	if p.owed {
		p.owed = false
		p.broker.channel.signal()
	}
}

func (p *processor) receive(c *connection) {
	frame, o := c.receive(p.mem, p.maxFrame, telemetry.Now)
	for ; o == wanting; frame, o = c.receive(p.mem, p.maxFrame, telemetry.Now) {
		if ring := p.selector.ring; ring != nil {
			ring.receive(c.fd, c.slot, c.room())
			return // transferred goes on
		}
		p.calls.Inc()
		if n, errno := kernel.Recv(c.fd, c.room()); !c.took(p.mem, n, errno) {
			o = gone
			break
		}
	}
	p.starve(c, o == exhausted)
	switch o {
	case nothing, exhausted:
	case gone:
		p.close(c)
	case malformed:
		p.refused.Inc()
		p.warnTooLarge(c)
		p.close(c)
	case received:
		p.accept(c, frame)
	}
}

// transfer brings to an end what the ring was given, with what follows from it.
func (p *processor) transfer() {
	if p.selector.ring != nil {
		p.selector.ring.transfer(p)
	}
}

// transferred takes up what a receive or send of the ring came to.
func (p *processor) transferred(slot int32, sent bool, res int32) {
	c := p.conns[slot]
	n, errno := int(res), unix.Errno(0)
	if res < 0 {
		n, errno = 0, unix.Errno(-res)
	}
	switch {
	case sent:
		c.handed = false
		o := c.first.wrote(n, errno)
		if p.passed(c, o); o != full {
			p.sendNext(c)
		}
	case c.took(p.mem, n, errno):
		p.receive(c)
	default:
		p.close(c)
	}
}

// accept makes a request of a frame. A frame that cannot be decoded closes the
// connection, as in Kafka.
func (p *processor) accept(c *connection, frame []byte) {
	r := p.take()
	p.inflight.Add(1)
	r.stamps[telemetry.Readable] = c.readableNs
	r.stamps[telemetry.Framed] = telemetry.Now()
	r.buf, r.frame = c.consume(len(frame)), frame
	if binary.BigEndian.Uint16(frame) == fetchKey { // it may wait, with the buffer that it came in
		if r.buf, r.frame = p.mem.tighten(r.buf, frame); &r.frame[0] != &frame[0] {
			p.copies.Add(telemetry.CopyReceive, len(frame))
		}
	}
	if c.to > c.from {
		c.readableNs = r.stamps[telemetry.Framed] // the next frame has begun already
	}
	p.requests.Inc()
	p.bytesIn.Add(uint64(len(frame)))
	p.touch(c)
	if err := r.decode(); err != nil {
		p.refused.Inc()
		p.recycle(r)
		p.close(c)
		return
	}
	p.broker.at(stepDecoded, r)
	c.enqueue(r)
	now := telemetry.Now()
	r.stamps[telemetry.Decoded] = now
	// The request may be answered before put returns, so the stamp is taken
	// before; put takes it again if it had to wait for room.
	r.stamps[telemetry.Offered] = now
	p.broker.at(stepOffered, r)
	if p.broker.channel.put(r, p.selector.seat) {
		p.owed = true
	}
}

// warnTooLarge says once that a request was refused because it does not fit into
// the thread's memory, and not because it could not be one.
func (p *processor) warnTooLarge(c *connection) {
	if p.warned || p.maxFrame == p.broker.maxFrame {
		return
	}
	if n, err := wire.FrameSize(c.buf.B[c.from:], p.broker.maxFrame); err == nil {
		p.warned = true
		slog.Warn("connections are closed whose requests do not fit into the memory of a network thread (memory=arena)",
			"request bytes", n, "most bytes", p.maxFrame)
	}
}

// starve notes whether the connection waits for memory. What requests keep for
// their next response may lie in the middle of what it needs in one piece.
func (p *processor) starve(c *connection, yes bool) {
	switch {
	case c.starved == yes:
	case yes:
		c.starved = true
		p.hungry = append(p.hungry, c)
		p.mem.wait(1)
		if p.region != nil && len(p.hungry) == 1 { // what comes back from now on keeps none
			for r := p.memo; r != nil; r = r.follows {
				r.dropRoom()
			}
		}
	default:
		c.starved = false
		p.mem.wait(-1)
	}
}

// feedStarved lets the connections that wait for memory try again, if any has
// come back.
func (p *processor) feedStarved() {
	// Noted before anyone tries in this round, so that what is freed after a
	// failed try is a reason for another.
	frees := p.mem.returned()
	if frees == p.frees {
		return
	}
	p.frees = frees
	for i, c := range p.hungry {
		p.hungry[i] = nil
		p.starve(c, false)
		if !c.closed {
			p.queue(c)
		}
	}
	p.hungry = p.hungry[:0]
}

// touch makes the connection the last one used.
func (p *processor) touch(c *connection) {
	c.lastUseNs = p.nowNs
	if p.newest == c {
		return
	}
	p.unlink(c)
	c.older = p.newest
	if p.newest != nil {
		p.newest.newer = c
	} else {
		p.oldest = c
	}
	p.newest = c
}

func (p *processor) unlink(c *connection) {
	if c.older != nil {
		c.older.newer = c.newer
	} else if p.oldest == c {
		p.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else if p.newest == c {
		p.newest = c.older
	}
	c.older, c.newer = nil, nil
}

// expireIdle closes the connection that was not used for longest, if that is
// too long: one a round, as in Kafka.
func (p *processor) expireIdle() {
	if c := p.oldest; c != nil && p.broker.maxIdleNs > 0 && p.nowNs-c.lastUseNs > p.broker.maxIdleNs {
		p.expired.Add(1)
		p.close(c)
	}
}

// close ends a connection. Requests of it that are in the broker come back as
// responses, which are dropped then.
func (p *processor) close(c *connection) {
	if c.closed {
		return
	}
	c.closed = true
	p.starve(c, false)
	p.unlink(c)
	p.selector.remove(c.slot)
	p.conns[c.slot] = nil
	p.free = append(p.free, c.slot)
	_ = unix.Close(c.fd)
	p.broker.acceptor.left(c.peer)
	if c.buf != nil {
		c.buf.Release(p.mem)
		c.buf = nil
	}
	p.bury(c)
}

// bury recycles what a closed connection has left in the broker, as far as it
// has come back.
func (p *processor) bury(c *connection) {
	for c.first != nil && c.first.ready {
		p.recycle(c.dequeue())
	}
}
