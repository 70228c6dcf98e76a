package threadpool

import (
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

const (
	// connectionQueue is how many accepted connections wait for a processor,
	// and how many it takes up in a round: Kafka's ConnectionQueueSize.
	connectionQueue = 20
	// receivesPerRound bounds the connections looked at before responses get
	// their turn again.
	receivesPerRound = 256
)

// processor is a network thread: it owns its connections and does all their
// reading, decoding and writing. Its loop has Kafka's order.
type processor struct {
	broker   *Broker
	selector *selector
	recorder *telemetry.Recorder
	mem      supply
	region   *region // memory=arena: mem
	maxFrame int     // bytes
	why      string  // network=auto: why it is not a ring
	warned   bool    // of a request that is larger and could not be taken for that alone

	arrivals chan arrival
	vacancy  kernel.Gate // opened when a socket was taken up

	responses responses
	conns     []*connection // by slot, nil where free
	free      []int32
	look      []*connection // unmuted, with something to read
	spare     []*connection
	hungry    []*connection // those that wait for memory
	frees     uint64        // mem.returned when they last tried
	sent      []*request    // completed sends of this round
	memo      *request      // requests to reuse
	scratch   []byte        // disk=direct: where ranges are read to when there is no other memory
	oldest    *connection
	newest    *connection
	nowNs     int64
	owed      bool // requests were put and no handler was woken

	draining  bool // no more requests; see Broker.Stop
	stage     atomic.Int32
	heeded    atomic.Int32 // the stage that the last round began with
	inflight  atomic.Int64 // requests in the broker
	expired   atomic.Uint64
	requests  telemetry.Counter
	refused   telemetry.Counter // connections closed for what they sent
	bytesIn   telemetry.Counter
	bytesOut  telemetry.Counter
	calls     telemetry.Counter // receives, sends and calls of the ring
	copies    telemetry.Copies
	entered   int64         // calls of the ring that are in it
	throttled atomic.Uint64 // responses that told a client to wait
}

// What a processor is asked to do, in this order.
const (
	serving int32 = iota
	draining
	leaving
)

func newProcessor(b *Broker, at *seat) (*processor, error) {
	s, err := newSelector(b.idle, at, b.gogo)
	if err != nil {
		return nil, err
	}
	p := &processor{broker: b, selector: s, recorder: telemetry.NewRecorder(), arrivals: make(chan arrival, connectionQueue)}
	p.vacancy.Go(b.gogo)
	if p.mem, p.maxFrame = &b.memory, b.maxFrame; b.regionBytes == 0 {
		return p, nil
	}
	if p.region, err = newRegion(b.arenaOptions(), s.wakeup); err != nil {
		s.close()
		return nil, err
	}
	p.mem, p.maxFrame = p.region, min(b.maxFrame, p.region.largest()-wire.SizeLen)
	return p, nil
}

// offer hands over an accepted socket; false when the queue is full. The
// channel is only ever tried, never waited on, so that it needs no scheduler.
func (p *processor) offer(x arrival) bool {
	select {
	case p.arrivals <- x:
		p.selector.wakeup()
		return true
	default:
		return false
	}
}

// run is the network thread.
func (p *processor) run() {
	for p.stage.Load() != leaving {
		p.round()
	}
	for _, c := range p.conns {
		if c != nil {
			p.close(c)
		}
	}
	for len(p.arrivals) > 0 {
		x := <-p.arrivals
		_ = unix.Close(x.fd)
		p.broker.acceptor.left(x.from)
	}
	for ; p.memo != nil; p.memo = p.memo.follows {
		p.memo.dropRoom()
	}
	if r := p.selector.ring; r != nil {
		r.close()
	}
	// The eventfd stays open until all threads have ended: one that is about to
	// wake this one would write to whatever had its number by then.
}

// transferIfFull hands over the sends of the round when they are as many as go at
// a time.
func (p *processor) transferIfFull() {
	if r := p.selector.ring; r != nil && r.full() {
		r.transfer(p)
	}
}

// prepare is what only the thread itself can do before it serves: make its ring,
// and be the one to touch its memory first, so that it lies near.
func (p *processor) prepare() error {
	f := &p.broker.cfg.Factors
	if f.Network == "uring" || f.Network == "auto" && !p.broker.gogo {
		if err := p.selector.openRing(); err != nil && f.Network == "uring" {
			return fmt.Errorf("network=uring: %w", err)
		} else if err != nil {
			p.why = err.Error()
		}
	}
	if p.region != nil {
		p.region.arena.Touch()
	}
	return nil
}

func (p *processor) round() {
	p.recorder.Poll()
	if n := p.selector.enters(); n > p.entered {
		p.calls.Add(uint64(n - p.entered))
		p.entered = n
	}
	if p.region != nil {
		p.region.round()
	}
	p.nowNs = telemetry.Now()
	stage := p.stage.Load()
	p.draining = stage >= draining
	p.heeded.Store(stage)
	fresh := p.configureNew()
	p.feedStarved()
	p.takeResponses()
	for _, ev := range p.selector.poll(fresh || len(p.look)+len(p.sent) > 0, p.inflight.Load() > 0, p.pending) {
		if ev.Fd != wakeToken {
			p.ready(p.conns[ev.Fd], ev.Events)
		}
	}
	p.transfer()
	p.nowNs = telemetry.Now()
	p.receiveAll()
	p.completeSends()
	p.expireIdle()
}

// pending reports whether another thread has left work, or wants attention.
func (p *processor) pending() bool {
	return !p.responses.empty() || len(p.arrivals) > 0 || (p.stage.Load() >= draining) != p.draining ||
		p.stage.Load() == leaving || (len(p.hungry) > 0 && p.mem.returned() != p.frees)
}

// configureNew takes up accepted connections.
func (p *processor) configureNew() bool {
	took := false
	for range connectionQueue {
		select {
		case x := <-p.arrivals:
			p.register(x)
			took = true
		default:
			return took
		}
		p.vacancy.Open()
	}
	return took
}

func (p *processor) register(x arrival) {
	c := &connection{fd: x.fd, peer: x.from, copies: &p.copies, lastUseNs: p.nowNs}
	if n := len(p.free); n > 0 {
		c.slot = p.free[n-1]
		p.free = p.free[:n-1]
		p.conns[c.slot] = c
	} else {
		c.slot = int32(len(p.conns))
		p.conns = append(p.conns, c)
	}
	p.touch(c)
	if err := p.selector.add(c.fd, c.slot); err != nil {
		p.close(c)
	}
}

// ready notes what epoll says about a connection, and goes on sending if that
// is what it waited for. c is nil when it was closed earlier in the round.
func (p *processor) ready(c *connection, events uint32) {
	if c == nil {
		return
	}
	if events&unix.EPOLLIN != 0 {
		c.readable = true
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.readable, c.ended = true, true
	}
	if events&unix.EPOLLOUT != 0 && c.sending {
		p.sendNext(c)
	}
	if !c.closed && c.readable {
		p.queue(c)
	}
}

// queue puts the connection on the list to be read from.
func (p *processor) queue(c *connection) {
	if !c.queued {
		c.queued = true
		p.look = append(p.look, c)
	}
}

// takeResponses empties the response queue and starts what can be sent.
func (p *processor) takeResponses() {
	n := p.responses.take()
	if n == nil {
		return
	}
	p.nowNs = telemetry.Now() // behind the take: none of them was encoded later
	for ; n != nil; p.transferIfFull() {
		r, release, unmute := n.req, n.release, n.unmute
		next := n.next
		n.next = nil
		n = next
		if unmute != nil {
			p.endThrottle(unmute)
			continue
		}
		c := r.conn
		if c.busy && c.current(r) {
			c.busy = false
			if !c.closed && p.mayRead(c) {
				p.queue(c)
			}
		}
		if release {
			continue
		}
		r.ready = true
		r.stamps[telemetry.Dequeued] = p.nowNs
		p.broker.at(stepTaken, r)
		switch {
		case c.closed:
			p.bury(c)
		case r == c.first && !c.sending:
			p.sendNext(c)
		}
	}
	p.transfer()
}

// sendNext sends the responses that are there, in the order of their requests.
// A socket may be told of as writable while the ring has a part of one: what is
// left goes when that has completed.
func (p *processor) sendNext(c *connection) {
	for c.first != nil && c.first.ready && !c.closed && !c.handed {
		r := c.first
		if r.verdict == hangUp {
			p.close(c)
			return
		}
		o := r.send(c.fd)
		if p.passed(c, o); o == full {
			return
		}
	}
}

// passed goes by how far the connection's first response came.
func (p *processor) passed(c *connection, o progress) {
	switch o {
	case full:
		c.sending = true
	case handed:
		c.handed = true
	case broken:
		p.close(c)
	case done:
		c.sending = false
		r := c.first
		r.stamps[telemetry.Sent] = telemetry.Now()
		p.broker.at(stepSent, r)
		p.bytesOut.Add(uint64(r.out.Bytes))
		p.sent = append(p.sent, c.dequeue())
		if r.throttleMs > 0 { // at once: what the client sends next may be read in this round
			p.throttle(c, r.throttleMs)
		}
		p.touch(c)
	}
}

// completeSends ends the requests whose responses the kernel has, and unmutes
// their connections.
func (p *processor) completeSends() {
	for i, r := range p.sent {
		c := r.conn
		p.recorder.Record(r.header.Key, &r.stamps)
		p.recycle(r)
		if !c.closed && p.mayRead(c) {
			p.queue(c)
		}
		p.sent[i] = nil
	}
	p.sent = p.sent[:0]
}

// mayRead reports whether there is a point in reading from the connection.
func (p *processor) mayRead(c *connection) bool {
	return !c.muted(p.broker.inflight) && (c.readable || c.ended || c.to > c.from)
}

// take is a request to use. One that has lost its room to others' hunger gets another.
func (p *processor) take() *request {
	r := p.memo
	if r == nil {
		r = newRequest(p)
	} else {
		p.memo, r.follows = r.follows, nil
	}
	if r.room == nil {
		r.takeRoom(roomBytes)
	}
	return r
}

func (p *processor) recycle(r *request) {
	p.inflight.Add(-1)
	r.reset()
	if len(p.hungry) > 0 {
		r.dropRoom()
	}
	r.follows = p.memo
	p.memo = r
}

// respond hands a finished request back to its processor. The request is not
// the caller's any more. h is the handler it happens on, nil on other threads.
func (r *request) respond(h *handler) {
	p := r.proc
	p.broker.at(stepEncoded, r)
	p.responses.put(&r.response)
	p.rouse(h)
}

// rouse wakes the processor for what was put into its response queue, now or,
// when it could not run now anyway, when the handler has done what else there is.
func (p *processor) rouse(h *handler) {
	if h == nil || p.broker.gogo || !p.selector.seat.crowded() {
		p.selector.wakeup()
		return
	}
	if p.selector.asleep() && !slices.Contains(h.owed, p) {
		h.owed = append(h.owed, p)
	}
}
