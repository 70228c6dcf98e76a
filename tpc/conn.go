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
	ticket     int32 // what the door knows it by

	// Receiving.
	stash     []reactor.Received // buffers whose frames wait for the in-flight limit
	framer    reactor.Framer
	amid      bool // the framer holds a part of a frame
	paused    bool
	starving  bool  // in the shard's list of connections that want memory for a frame
	starvedNs int64 // since when, 0 when it does not
	lastNs    int64 // last activity, for connections.max.idle.ms
	inflight  int
	mutedNs   int64         // over its quota: nothing is received before, 0 when it is not muted
	unmute    reactor.Timer // then
	later     bool          // a task goes on with what is stashed
	held      *request      // the newest, while its session is not here: nothing is taken in meanwhile

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
	c.parse(c.lastNs)
}

// Want is where the rest of a large frame belongs.
func (c *conn) Want() (*iobuf.Buf, []byte) {
	if len(c.stash) > 0 {
		return nil, nil
	}
	return c.framer.Want()
}

// OnFill notes n bytes received there. The frame, if that was all of it, waits
// its turn as others do: behind a buffer without data.
func (c *conn) OnFill(n int) {
	c.lastNs = c.s.r.Now()
	c.framer.Filled(n)
	c.stash = append(c.stash, reactor.Received{Ns: c.lastNs})
	c.parse(c.lastNs)
}

// parse goes on with what is stashed, unless a task will.
func (c *conn) parse(nowNs int64) {
	if !c.later || c.closed {
		c.admit(nowNs, 0)
	}
}

// stashMost is how many received buffers may wait for a task to go on: to stop
// receiving and to begin again costs two calls into the kernel.
const stashMost = 4

// taking is a connection as the task that goes on with what it has stashed.
type taking conn

// RunTask takes one request at least, so that something is done however short the
// time is, and queues behind other connections with the rest.
func (t *taking) RunTask() {
	c := (*conn)(t)
	c.later = false
	if !c.closed {
		c.admit(c.lastNs, 1)
	}
}

// admit decodes frames until the in-flight limit is reached, the bytes are used up,
// or I/O has to be looked at again; least are taken whatever the time. All of them
// are complete at nowNs, however long each waits for those before it.
func (c *conn) admit(nowNs int64, least int) {
	done := 0
	for done < len(c.stash) && c.open() && c.mutedNs == 0 && c.held == nil && c.inflight < c.s.inflightMax {
		in := &c.stash[done]
		if least <= 0 && c.framer.Whole(in) && c.s.r.Overdue() {
			c.later = true
			c.s.putOff.Inc()
			c.s.r.Ready((*taking)(c))
			break
		}
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
		if frame != nil {
			least--
			if !c.s.serve(c, frame, buf, ns, nowNs) {
				c.close()
				break
			}
		}
		if len(in.Data) == 0 {
			if in.Buf != nil { // see OnFill
				in.Buf.Release(c.s.arena)
			}
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
	if c.full() || c.s.stopping || c.mutedNs > 0 {
		c.pause()
	} else if c.paused {
		c.paused = false
		c.st.ResumeRecv()
	}
	if c.amid {
		c.st.Redirect() // the frame may be a large one
	}
}

// full reports whether what comes next is better left with the kernel. Behind a large
// frame that was received in place and waits for a task comes another, of which
// buffers would have to be copied; nothing is received at that moment, so stopping
// costs nothing.
func (c *conn) full() bool {
	switch n := len(c.stash); {
	case n == 0:
		return false
	case !c.later || c.stash[0].Buf == nil: // see OnFill
		return true
	default:
		return n > stashMost
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
	c.s.retrySoon()
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
	c.s.r.Cancel(&c.unmute)
	c.dropReceived()
	c.s.letGo(&c.out)
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
