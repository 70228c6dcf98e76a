package load

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// worker is one thread of the raw driver: it sends what is due on its
// connections, reads what comes back, and serves its share of the consumers.
type worker struct {
	*run
	books
	id     int
	gen    *workloads.Generator
	enc    *encoder
	poll   *poller
	conns  []*conn // by connection id; nil where another thread owns it
	mine   []*conn
	tails  []*tail
	mixes  []*mix
	askers []*asker // of all mixes
	dirty  []*conn
	ledger *ledger

	// A request to several partitions while it is encoded, and its answer while it
	// is read.
	sequences  []uint64
	produced   producedParts
	onProduced func(int32, produceAnswer)

	// The next request of this thread; nextAt is never when there is none.
	next      int64
	nextAt    int64
	partition int
	conn      int

	begun, ended, settled bool
	over                  bool // what was left has been given up
	alive                 int
	err                   error
}

const (
	// napNs is the least time for which a thread that may sleep does so.
	napNs = 100_000
	// longestNapNs bounds how late a stop or another thread's end is seen.
	longestNapNs = 5_000_000
	// maxAdmitted bounds the requests sent between two looks at the sockets.
	maxAdmitted = 256
)

// loop runs until everything is settled. It owns its OS thread, which dies with
// it: the thread's affinity is no other goroutine's.
func (w *worker) loop() {
	runtime.LockOSThread()
	if cpus := w.o.CPUs; len(cpus) > 0 {
		if err := host.SetAffinity([]int{cpus[w.id%len(cpus)]}); err != nil {
			w.err = fmt.Errorf("load: %w", err)
			w.settle()
			w.stop.Store(true)
			return
		}
	}
	tight()
	w.advance()
	for _, m := range w.mixes {
		m.advance(w)
	}
	for _, t := range w.tails {
		t.fetch(w)
	}
	for w.err == nil && !w.stop.Load() {
		now := telemetry.Now()
		w.bounds(now)
		w.admit(now)
		w.flush()
		if now >= w.giveUpNs && !w.over {
			w.giveUp(now)
		}
		if w.isSettled() && (w.drained() || w.producing.Load() == 0 && now >= w.readUntil()) {
			break
		}
		events, err := w.poll.wait(w.sleepUntil())
		if err != nil {
			w.err = err
			break
		}
		for i := range events {
			w.serveDue() // a response may wait, a request may not
			w.ready(&events[i])
		}
		for _, t := range w.tails {
			t.retry(w, now)
		}
	}
	w.bounds(telemetry.Now())
	w.settle()
	for _, t := range w.tails {
		if !t.drained(w) {
			w.tally.drained = false
		}
	}
	if w.err != nil {
		w.stop.Store(true)
	}
}

// bounds notices that the measured window has begun or ended.
func (w *worker) bounds(now int64) {
	if !w.begun && now >= w.startNs {
		w.begun = true
		if w.id == 0 {
			w.bound(EventStart)
		}
	}
	if !w.ended && now >= w.endNs {
		w.ended = true
		if w.id == 0 {
			w.bound(EventEnd)
		}
	}
}

// sleepUntil is when to wake, on CLOCK_MONOTONIC; 0 means to poll.
func (w *worker) sleepUntil() int64 {
	now := telemetry.Now()
	until := now + longestNapNs
	if !w.ended {
		if w.busy {
			return 0
		}
		// The window's bounds are met on time by the first thread.
		due := w.dueAt()
		if due <= now {
			return 0
		}
		for _, at := range [...]int64{due, w.startNs, w.endNs} {
			if at > now {
				until = min(until, at)
			}
		}
	}
	if until-now < napNs {
		return 0
	}
	return until - earlyNs + w.monoOff
}

// advance finds this thread's next request of the schedule.
func (w *worker) advance() {
	if w.o.RatePerSec == 0 {
		w.nextAt = never
		return
	}
	for {
		at := w.t0 + w.gen.At(w.next)
		if at >= w.endNs {
			w.nextAt = never
			return
		}
		if at >= w.startNs && w.tally.sends.first < 0 {
			w.tally.sends.first = w.next
		}
		w.partition, w.conn = w.route(w.gen, w.next)
		if w.conns[w.conn] != nil {
			w.nextAt = at
			return
		}
		w.next++
	}
}

// admit takes up every request that is due.
func (w *worker) admit(now int64) {
	w.admitMixes(now)
	if w.o.RatePerSec == 0 {
		w.admitClosed(now)
		return
	}
	for range maxAdmitted {
		if w.nextAt > now {
			return
		}
		c, q := w.take()
		switch {
		case c.dead:
			w.fail(c, &request{waiting: q}, transportError)
		case c.pending.n > 0 || c.inflight.n >= w.o.W.Inflight:
			w.capped(&q)
			if w.o.W.Late == workloads.DropLate {
				w.withhold(&q)
				w.dropped(&q, int64(w.o.Timeout), c.id)
			} else {
				c.pending.push(q)
			}
		default:
			w.encode(c, q)
		}
	}
}

// take counts this thread's next request as due and goes on to the one after it.
func (w *worker) take() (*conn, waiting) {
	q := waiting{index: w.next, intendedNs: w.nextAt, partition: int32(w.partition), measured: w.rec.measured(w.nextAt)}
	c := w.conns[w.conn]
	w.due(&q)
	w.next++
	w.advance()
	return c, q
}

// admitClosed fills every connection to its cap; a request is intended the
// moment there is room for it.
func (w *worker) admitClosed(now int64) {
	if now < w.t0 || now >= w.endNs {
		return
	}
	for _, c := range w.mine {
		for n := c.inflight.n; n < w.o.W.Inflight && !c.dead; n++ {
			q := waiting{index: w.next, intendedNs: now, measured: w.rec.measured(now)}
			turn := q.index
			if w.o.W.Keys.Kind == workloads.RoundRobin {
				// The connection's own: which indices it gets is a matter of threads.
				turn = int64(c.id) + c.turns
				c.turns++
			}
			q.partition = int32(w.routeOn(w.gen, turn, c.id))
			if q.measured && w.tally.sends.first < 0 {
				w.tally.sends.first = q.index
			}
			w.due(&q)
			w.encode(c, q)
			w.next += int64(w.threads)
		}
	}
}

// ready serves one socket.
func (w *worker) ready(e *unix.EpollEvent) {
	switch {
	case e.Fd == timerID:
	case int(e.Fd) < len(w.conns):
		c := w.conns[e.Fd]
		if e.Events&unix.EPOLLOUT != 0 {
			c.blocked = false
			w.mark(c)
		}
		if e.Events&^unix.EPOLLOUT != 0 {
			w.receive(c)
		}
	case int(e.Fd) < len(w.conns)+len(w.tails):
		w.tails[int(e.Fd)-len(w.conns)].ready(w)
	default:
		w.askers[int(e.Fd)-len(w.conns)-len(w.tails)].ready(e.Events)
	}
}

// serveDue sends what fell due while a long response is being read.
func (w *worker) serveDue() {
	now := telemetry.Now()
	if w.dueAt() <= now {
		w.admit(now)
		w.flush()
	}
}

// isSettled reports whether this thread's requests have all been answered, and
// says so to the others once.
func (w *worker) isSettled() bool {
	if w.settled {
		return true
	}
	if w.nextAt != never || !w.ended {
		return false
	}
	for _, c := range w.mine {
		if c.pending.n+c.inflight.n > 0 {
			return false
		}
	}
	for _, m := range w.mixes {
		if !m.settled() {
			return false
		}
	}
	w.settle()
	return true
}

func (w *worker) settle() {
	if !w.settled {
		w.settled = true
		w.producing.Add(-1)
	}
}

// drained reports whether this thread's consumers have everything that was
// acknowledged, which is known once every thread has settled.
func (w *worker) drained() bool {
	if w.producing.Load() > 0 {
		return false
	}
	for _, t := range w.tails {
		if !t.drained(w) {
			return false
		}
	}
	return true
}

// giveUp censors what is still waiting, and what was due while the thread was too
// late to take it up. Answers that come after all are not read.
func (w *worker) giveUp(now int64) {
	w.over = true
	if !w.isSettled() {
		w.gaveUp.Store(true)
	}
	for _, c := range w.mine {
		if !c.dead {
			c.dead = true
			w.poll.remove(c.fd)
		}
		for c.inflight.n > 0 {
			q := c.inflight.pop()
			w.disown(c, &q)
			w.givenUp(&q.waiting, q.sentNs, now, c.id)
		}
		for c.pending.n > 0 {
			q := c.pending.pop()
			w.withhold(&q)
			w.givenUp(&q, 0, now, c.id)
		}
	}
	for w.nextAt != never {
		c, q := w.take()
		w.withhold(&q)
		w.givenUp(&q, 0, now, c.id)
	}
	for _, m := range w.mixes {
		m.giveUp(w, now)
	}
	w.settle()
}

// kill ends a connection; what it had outstanding has failed.
func (w *worker) kill(c *conn, why error) {
	if c.dead {
		return
	}
	c.dead = true
	w.poll.remove(c.fd)
	for c.inflight.n > 0 {
		q := c.inflight.pop()
		w.fail(c, &q, transportError)
	}
	for c.pending.n > 0 {
		w.fail(c, &request{waiting: c.pending.pop()}, transportError)
	}
	c.unsent = 0
	w.alive--
	if w.alive == 0 {
		w.err = fmt.Errorf("load: broker %s: every connection has ended, the last with: %w", w.cl.addrs[c.node], why)
	}
}

var errOrder = errors.New("response out of order")
