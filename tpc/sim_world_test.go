package tpc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// world is a broker with its clients on a simulated machine. One goroutine does
// everything, a step at a time: what a shard, a client, a blocking call or the
// device does next is drawn from the seed. The same seed gives the same history.
type world struct {
	seed  uint64
	rng   *rand.Rand
	step  int
	hash  uint64
	line  []byte                           // scratch of note
	trace func(format string, args ...any) // nil: only the hash is kept

	plan plan
	k    *reactor.Sim
	mem  *disk.Mem
	b    *Broker
	fs   *simFS
	life int   // how often a broker was started
	up   bool  // Start has returned without an error
	end  error // of Start or Stop

	maps []simMap

	listeners []int
	threads   []*thread
	current   *thread
	stirred   bool    // the broker has done something since it was checked
	control   *thread // holds what only one may change at a time
	sleepers  []*deadline

	clients []*simClient
	model   *model
	faults  bool // storage fails now and then
	scarce  bool // and so do allocations
	calm    bool // nothing is begun any more
	sick    int  // of 1000 operations of a start that fail
	cover   *coverage
}

// thread is one blocking call on a coroutine of its own: it runs until it has to
// wait and goes on when the world says so.
type thread struct {
	name  string
	next  func() (struct{}, bool)
	yield func(struct{}) bool
	until func() bool // nil: may go on at once
	only  bool        // needs control
	done  bool
}

// deadline ends a context at a time.
type deadline struct {
	atNs   int64
	cancel context.CancelFunc
}

// violation is a broken invariant.
type violation struct{ msg string }

func (w *world) fail(format string, args ...any) {
	panic(violation{fmt.Sprintf(format, args...)})
}

// note adds to the trace.
func (w *world) note(format string, args ...any) {
	w.line = fmt.Appendf(binary.BigEndian.AppendUint64(w.line[:0], uint64(w.k.NowNs)), format, args...)
	const prime = 1<<40 + 0x1b3 // FNV-1a
	for _, c := range w.line {
		w.hash = (w.hash ^ uint64(c)) * prime
	}
	if w.trace != nil {
		w.trace("%6d %12d  %s", w.step, w.k.NowNs, w.line[8:])
	}
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func newWorld(seed uint64, trace func(string, ...any), cover *coverage) *world {
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	w := &world{seed: seed, rng: rng, hash: 0xcbf29ce484222325, trace: trace, mem: disk.NewMem(), cover: cover, plan: drawPlan(rng)}
	w.k = reactor.NewSim(rng)
	w.k.NowNs = 1_000_000_000
	w.model = newModel(w)
	_ = errors.Join(w.mem.MkdirAll("/data"), w.mem.SyncDir("/")) // neither can fail here
	w.note("plan %+v", w.plan)
	for i := range w.plan.clients {
		w.clients = append(w.clients, newSimClient(w, i))
	}
	return w
}

// spawn starts a thread.
func (w *world) spawn(name string, only bool, f func()) *thread {
	t := &thread{name: name, only: only}
	t.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		f()
		t.done = true
	})
	w.threads = append(w.threads, t)
	return t
}

// pause has the thread that runs wait until until says so.
func (w *world) pause(until func() bool) {
	t := w.current
	if t == nil {
		w.fail("somebody waits who is no thread")
	}
	t.until = until
	t.yield(struct{}{})
	t.until = nil
}

// rest has the thread that runs wait for so long.
func (w *world) rest(ns int64) {
	over := false
	w.sleepers = append(w.sleepers, &deadline{atNs: w.k.NowNs + ns, cancel: func() { over = true }})
	w.pause(func() bool { return over })
}

func (w *world) runnable(t *thread) bool {
	if t.only && w.control != nil && w.control != t {
		return false
	}
	return t.until == nil || t.until()
}

// resume lets a thread go on until it waits again.
func (w *world) resume(t *thread) {
	if t.only {
		w.control = t
	}
	w.current, w.stirred = t, true
	t.next()
	w.current = nil
	if t.done {
		if w.control == t {
			w.control = nil
		}
		w.threads = slices.DeleteFunc(w.threads, func(other *thread) bool { return other == t })
	}
}

// tick is one step of the world. False: nobody could do anything.
func (w *world) tick() {
	w.step++
	w.k.NowNs += int64(w.rng.IntN(4000))
	busy := false
	switch n := w.rng.IntN(100); {
	case n < w.plan.patience:
		busy = w.stepShard()
	case n < w.plan.patience+20:
		busy = w.stepThread()
	default:
		busy = w.stepClient()
	}
	if !busy && !w.anything() {
		w.leap()
	}
	w.wake()
	if w.up && !w.calm && w.rng.IntN(100) == 0 {
		w.begin()
	}
	if w.stirred { // what a client does changes nothing inside the broker
		w.stirred = false
		w.model.check()
	}
}

func (w *world) stepShard() bool {
	if w.b == nil || len(w.b.shards) == 0 {
		return false
	}
	s := w.b.shards[w.rng.IntN(len(w.b.shards))]
	if !w.begun(s) {
		return false
	}
	return w.turn(s)
}

// turn is one turn of a shard's loop.
func (w *world) turn(s *shard) bool {
	w.stirred = true
	return s.r.Step()
}

func (w *world) begun(s *shard) bool { return s.idleTimer.H != nil }

func (w *world) stepThread() bool {
	var can []*thread
	for _, t := range w.threads {
		if w.runnable(t) {
			can = append(can, t)
		}
	}
	if len(can) == 0 {
		return false
	}
	w.resume(can[w.rng.IntN(len(can))])
	return true
}

func (w *world) stepClient() bool {
	if !w.up || len(w.clients) == 0 {
		return false
	}
	return w.clients[w.rng.IntN(len(w.clients))].act()
}

// anything does one thing of whatever can be done, and tells whether there was one.
func (w *world) anything() bool {
	if w.b != nil {
		for _, s := range w.b.shards {
			if w.begun(s) && w.turn(s) {
				return true
			}
		}
	}
	if w.stepThread() {
		return true
	}
	if w.up {
		for _, c := range w.clients {
			if c.act() {
				return true
			}
		}
	}
	return false
}

// leap moves the time to when something happens by itself.
func (w *world) leap() {
	w.model.checkQuiet()
	next := int64(-1)
	at := func(ns int64) {
		if ns >= 0 && (next < 0 || ns < next) {
			next = ns
		}
	}
	if w.b != nil {
		for _, s := range w.b.shards {
			if w.begun(s) && !s.r.Over() {
				at(s.r.NextNs())
			}
		}
	}
	for _, d := range w.sleepers {
		at(d.atNs)
	}
	if next > w.k.NowNs {
		w.k.NowNs = next
	} else {
		w.k.NowNs += 1000
	}
}

// wake ends the contexts whose time has come.
func (w *world) wake() {
	w.sleepers = slices.DeleteFunc(w.sleepers, func(d *deadline) bool {
		if d.atNs > w.k.NowNs {
			return false
		}
		d.cancel()
		return true
	})
}

// until ticks until the condition holds.
func (w *world) until(what string, most int, cond func() bool) {
	for n := 0; !cond(); n++ {
		if n == most {
			w.fail("%s has not come about in %d steps: %s", what, most, w.state())
		}
		w.tick()
	}
}

// state says who is at what, for violations.
func (w *world) state() string {
	out := ""
	for _, t := range w.threads {
		out += fmt.Sprintf("[thread %s waits %v runnable %v] ", t.name, t.until != nil, w.runnable(t))
	}
	for _, c := range w.clients {
		out += fmt.Sprintf("[client %d %d pending, connected %v] ", c.id, len(c.pending), c.peer != nil)
	}
	if w.b != nil {
		for _, s := range w.b.shards {
			for c := s.conns; c != nil; c = c.next {
				for r := c.head; r != nil; r = r.next {
					out += fmt.Sprintf("[request %d of connection %d key %d done %v pending %d legs out %d of %d queued %v final %v] ",
						r.hdr.CorrelationID, c.id, r.hdr.Key, r.done, r.pending, r.legsOut, len(r.legs), r.queued, r.final)
				}
			}
			out += fmt.Sprintf("[shard %d idle %v live %d next %d over %v] ", s.id, s.b.services.Idle(s.id), s.live, s.r.NextNs()-w.k.NowNs, s.r.Over())
		}
	}
	return out
}

// taskNs is how long a task takes: a few of some seeds end a round's quota, and
// what is ready waits while others have their turns.
func (w *world) taskNs() int64 {
	if w.plan.slowTasks == 0 || w.rng.IntN(100) >= w.plan.slowTasks {
		return int64(w.rng.IntN(2000))
	}
	return int64(w.rng.IntN(1_000_000))
}

func (w *world) diskDelay() int64 {
	ns := int64(10_000 + w.rng.IntN(200_000))
	if w.plan.slowDisk || w.chance(3) {
		ns *= 20
	}
	return ns
}

// fault decides whether a storage operation fails.
func (w *world) fault(what string) error {
	if w.faults && w.rng.IntN(1000) < w.plan.faultRate {
		w.note("fault: %s", what)
		w.cover.hit("storage fault")
		return errInjected
	}
	return nil
}

// refuse decides whether an allocation fails.
func (w *world) refuse(n int, p arena.Purpose) bool {
	if !w.scarce || w.rng.IntN(1000) >= w.plan.allocRate {
		return false
	}
	w.note("no memory: %d bytes for %s", n, p)
	w.cover.hit("allocation failed: " + p.String())
	return true
}

// job is a call that blocks: a thread.
func (w *world) job(j reactor.Job, run func()) {
	_, only := j.(*controlJob)
	name := "file work"
	if only {
		name = "control"
	}
	w.spawn(name, only, run)
}
