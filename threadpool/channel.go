package threadpool

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// job is what a handler takes up: a request, or a log that wants a sync. A log
// waits until the queue is empty, or for as many requests as there may be in
// syncPatience, so that its one sync covers what those append.
type job struct {
	req  *request
	sync *replica
}

// channel is the one bounded queue between processors and handlers. With
// threads=goroutine the requests are in a Go channel instead of the ring.
type channel struct {
	gogo     bool
	incoming chan *request // threads=goroutine
	bell     chan struct{} // threads=goroutine: there may be syncs
	vacancy  chan struct{} // threads=goroutine: there may be room
	starved  atomic.Int32  // threads=goroutine: processors that wait for room

	idle     *idle
	lock     kernel.Mutex // everything below
	ring     []*request
	head     int
	syncs    []*replica // unbounded, but each replica is in it at most once
	sleepers *handler   // last in, first out
	waking   int        // woken handlers that have not looked yet
	spinners int        // handlers that poll
	blocked  int        // processors that wait for room
	passed   int        // requests that went before a waiting log

	surplus atomic.Int32  // handlers that are to leave; see dismiss
	size    atomic.Int64  // requests and syncs, readable without the lock
	room    atomic.Uint32 // futex of blocked processors
	closed  atomic.Bool
	blocks  atomic.Uint64 // how often a processor found the queue full
	blockNs atomic.Uint64
}

// syncPatience is how many requests go before a log that wants a sync.
const syncPatience = 32

// waitNs is how long a thread of the pool waits before it looks around, Kafka's
// 300 ms.
const waitNs = 300_000_000

// bedNs is the same for a handler in bed, which has nothing to look at: Kafka's
// wakes every 300 ms, but here each waking keeps Go's monitor thread busy for a
// while, which at eight handlers took 2 % of an idle processor.
const bedNs = 10_000_000_000

func newChannel(capacity int, i *idle, gogo bool, class *kernel.Class) *channel {
	c := &channel{idle: i, gogo: gogo, ring: make([]*request, capacity)}
	c.lock.Go(gogo)
	c.lock.Of(class)
	if gogo {
		c.incoming = make(chan *request, capacity)
		c.bell, c.vacancy = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	return c
}

// requests is the number of requests in the ring; the caller holds the lock.
func (c *channel) requests() int { return int(c.size.Load()) - len(c.syncs) }

// put offers a request and blocks while the queue is full. Processors call it
// with their seat, and call signal when put says that nobody was woken.
func (c *channel) put(r *request, at *seat) (owed bool) {
	if c.gogo {
		c.putGo(r)
		return false
	}
	c.lock.Lock()
	if c.requests() == len(c.ring) {
		c.waitRoom(at)
		r.stamps[telemetry.Offered] = telemetry.Now()
	}
	c.ring[(c.head+c.requests())%len(c.ring)] = r
	c.size.Add(1)
	if h := c.sleepers; h != nil && h.seat.crowded() {
		c.lock.Unlock()
		return true
	}
	c.wakeOne()
	return false
}

// signal wakes a handler for the requests that were put without.
func (c *channel) signal() {
	c.lock.Lock()
	if c.size.Load() == 0 {
		c.lock.Unlock()
		return
	}
	c.wakeOne()
}

// waitRoom releases the lock while the queue is full and returns with it held.
func (c *channel) waitRoom(at *seat) {
	t := telemetry.Now()
	c.blocks.Add(1)
	c.blocked++
	at.rest()
	for c.requests() == len(c.ring) {
		seen := c.room.Load()
		c.wakeOne() // releases the lock
		kernel.Wait(&c.room, seen, waitNs)
		c.lock.Lock()
	}
	at.rise()
	c.blocked--
	c.blockNs.Add(uint64(telemetry.Now() - t))
}

// callback offers a log that wants a sync. Handlers call it and look at the
// queue next, so nobody has to be woken; it never blocks.
func (c *channel) callback(r *replica) {
	c.lock.Lock()
	c.syncs = append(c.syncs, r)
	c.size.Add(1)
	c.lock.Unlock()
}

// syncFirst reports whether a log goes before the requests there are. The
// caller holds the lock.
func (c *channel) syncFirst(requests int) bool {
	if len(c.syncs) == 0 {
		return false
	}
	c.passed++
	return requests == 0 || c.passed > syncPatience
}

// wakeOne wakes a sleeping handler unless one is on its way or polls already.
// It releases the lock.
func (c *channel) wakeOne() {
	h := c.sleepers
	if h == nil || c.waking > 0 || c.spinners > 0 {
		c.lock.Unlock()
		return
	}
	c.sleepers = h.below
	c.waking++
	h.seat.rise()
	c.lock.Unlock()
	h.bed.Store(called)
	kernel.Wake(&h.bed, 1)
}

// States of a handler's bed.
const (
	up uint32 = iota
	asleep
	called // woken by wakeOne: counted in waking
)

// take returns the next job, or false when the channel is closed and empty, or
// the handler is dismissed.
func (c *channel) take(h *handler) (job, bool) {
	if c.gogo {
		return c.takeGo(h)
	}
	j, ok := c.tryTake(h)
	if ok {
		return j, true
	}
	h.flush()
	start := telemetry.Now()
	h.idling.begin(start)
	for !ok && !c.closed.Load() && !h.dismissed {
		if !(h.pace.Worth() && c.spin(h)) && c.lie(h) {
			h.sleeping.begin(telemetry.Now())
			for h.bed.Load() == asleep {
				kernel.Wait(&h.bed, asleep, bedNs)
			}
			h.sleeping.end(telemetry.Now())
		}
		j, ok = c.tryTake(h)
	}
	now := telemetry.Now()
	h.idling.end(now)
	h.pace.Waited(now-start, c.idle.spin)
	return j, ok
}

// tryTake takes a job if there is one. A handler that finds more than one calls
// the next, so that a backlog wakes as many as it needs.
func (c *channel) tryTake(h *handler) (j job, ok bool) {
	c.lock.Lock()
	if h.bed.Load() == called {
		h.bed.Store(up)
		c.waking--
	}
	if c.surplus.Load() > 0 {
		c.surplus.Add(-1)
		h.dismissed = true
		c.pass()
		return job{}, false
	}
	if c.size.Load() == 0 {
		c.lock.Unlock()
		return job{}, false
	}
	if c.syncFirst(c.requests()) {
		j.sync = c.popSync()
	} else {
		j.req = c.ring[c.head]
		c.ring[c.head] = nil
		c.head = (c.head + 1) % len(c.ring)
		c.size.Add(-1)
	}
	if c.blocked > 0 {
		c.room.Add(1)
		defer kernel.Wake(&c.room, 1)
	}
	c.pass()
	return j, true
}

// pass calls the next handler if there is something for it. It releases the lock.
func (c *channel) pass() {
	if c.size.Load() > 0 || c.surplus.Load() > 0 {
		c.wakeOne()
	} else {
		c.lock.Unlock()
	}
}

// dismiss lets n handlers go, those that look next; requests are left to the
// others. Never all of them, and not after close. Any goroutine.
func (c *channel) dismiss(n int) {
	if c.gogo {
		for range n {
			c.incoming <- nil
		}
		return
	}
	c.lock.LockAside()
	c.surplus.Add(int32(n))
	c.pass()
}

// popSync takes the oldest log that wants a sync; the caller holds the lock and
// knows that there is one.
func (c *channel) popSync() *replica {
	r := c.syncs[0]
	n := copy(c.syncs, c.syncs[1:])
	c.syncs[n] = nil
	c.syncs = c.syncs[:n]
	c.size.Add(-1)
	c.passed = 0
	return r
}

// spin polls the queue for the spin budget; true means look again.
func (c *channel) spin(h *handler) bool {
	if c.idle.spin == 0 || !h.seat.room() {
		return false
	}
	c.lock.Lock()
	if c.spinners > 0 || c.size.Load() > 0 {
		again := c.size.Load() > 0
		c.lock.Unlock()
		return again
	}
	c.spinners++
	c.lock.Unlock()
	start := telemetry.Now()
	for n := 1; h.seat.room() && c.size.Load() == 0 && c.surplus.Load() == 0 && !c.closed.Load(); n++ {
		if n%64 == 0 && telemetry.Now()-start > c.idle.spin {
			break
		}
	}
	c.lock.Lock()
	c.spinners--
	found := c.size.Load() > 0 || c.surplus.Load() > 0
	c.lock.Unlock()
	return found
}

// lie puts the handler to bed unless work came meanwhile.
func (c *channel) lie(h *handler) bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.size.Load() > 0 || c.surplus.Load() > 0 || c.closed.Load() {
		return false
	}
	h.bed.Store(asleep)
	h.below, c.sleepers = c.sleepers, h
	h.seat.rest()
	return true
}

// waiting is the number of requests and syncs in the queue. Any thread.
func (c *channel) waiting() int64 { return c.size.Load() + int64(len(c.incoming)) }

// close lets the handlers go once the queue is empty. No put may follow.
func (c *channel) close() {
	if c.gogo {
		close(c.incoming)
		return
	}
	c.lock.LockAside()
	c.closed.Store(true)
	h := c.sleepers
	c.sleepers = nil
	for p := h; p != nil; p = p.below {
		c.waking++
		p.seat.rise()
	}
	c.lock.Unlock()
	for h != nil {
		next := h.below
		h.bed.Store(called)
		kernel.Wake(&h.bed, 1)
		h = next
	}
}
