package purgatory

import (
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/threadpool/kernel"
)

// pollMs is how long the expiry thread waits at most, Kafka's figure, and
// idleMs while the lists hold nothing that could have to be purged.
const (
	pollMs = 200
	idleMs = 10_000
)

// Options make a Purgatory.
type Options struct {
	Name string
	// NowMs is the clock, in ms, monotonic.
	NowMs func() int64
	// PurgeInterval is how many completed operations may linger in the lists.
	PurgeInterval int
	// Sched says that the callers are goroutines, not locked threads.
	Sched bool
}

// Locks are the classes of a purgatory's locks.
type Locks struct{ Shards, Timer, Operations kernel.Class }

// Purgatory holds operations of one kind. Any thread may call it.
type Purgatory struct {
	Locks  Locks
	opts   Options
	shards [shards]shard
	copies sync.Pool // *[]*Delayed

	timer  kernel.Mutex // guards wheel
	wheel  *Wheel
	alarm  kernel.Gate // wakes the expiry thread for an earlier deadline
	nextMs atomic.Int64

	waiting  atomic.Int64 // operations watched and not completed
	entries  atomic.Int64 // places in the lists since the last purge
	expired  atomic.Int64
	stopping atomic.Bool
}

// New makes an empty purgatory. Run must be called on a thread of its own.
func New(o Options) *Purgatory {
	p := &Purgatory{opts: o, wheel: NewWheel(o.NowMs())}
	p.copies.New = func() any { s := make([]*Delayed, 0, 64); return &s }
	p.timer.Go(o.Sched)
	p.timer.Of(&p.Locks.Timer)
	p.alarm.Go(o.Sched)
	for i := range p.shards {
		p.shards[i].lock.Go(o.Sched)
		p.shards[i].lock.Of(&p.Locks.Shards)
	}
	p.nextMs.Store(never)
	return p
}

// never is a deadline that does not come.
const never = int64(1) << 62

// TryCompleteElseWatch completes op now if its condition is met. Otherwise op
// waits under every key, until somebody completes it or delayMs have passed.
// It returns whether op was completed before it returned, by this call.
func (p *Purgatory) TryCompleteElseWatch(op Operation, keys []Key, delayMs int64) bool {
	d := op.delayed()
	d.self, d.home = op, p
	d.entry.owner = d
	d.lock.Go(p.opts.Sched)
	d.lock.Of(&p.Locks.Operations)
	p.waiting.Add(1)
	if d.try() {
		return true
	}
	for i := range keys {
		if d.completed.Load() {
			return false
		}
		p.entries.Add(1)
		p.shards[keys[i].hash()%shards].add(keys[i], d)
	}
	if d.try() {
		return true
	}
	if !d.completed.Load() {
		p.schedule(d, delayMs)
	}
	return false
}

// schedule puts d in the wheel, or expires it when its time is up already.
func (p *Purgatory) schedule(d *Delayed, delayMs int64) {
	deadline := p.opts.NowMs() + max(min(delayMs, maxDelayMs), 0)
	p.timer.Lock()
	added := p.wheel.Add(&d.entry, deadline)
	next, _ := p.wheel.NextMs()
	// Whoever completed d before it was in the wheel could not take it out.
	late := added && d.completed.Load()
	if late {
		p.wheel.Remove(&d.entry)
	}
	p.timer.Unlock()
	switch {
	case !added:
		p.expire(d)
	case !late && next < p.nextMs.Load():
		p.alarm.Open()
	}
}

// forget is called once for each operation, by the thread that completes it.
func (p *Purgatory) forget(d *Delayed) {
	p.waiting.Add(-1)
	p.timer.Lock()
	p.wheel.Remove(&d.entry)
	p.timer.Unlock()
}

func (p *Purgatory) expire(d *Delayed) {
	if d.finish(true) {
		p.expired.Add(1)
	}
}

// CheckAndComplete completes the operations under k whose condition is met, on
// the calling thread, and returns how many it completed.
func (p *Purgatory) CheckAndComplete(k Key) int {
	s := &p.shards[k.hash()%shards]
	buf := p.copies.Get().(*[]*Delayed)
	ops := s.copyTo((*buf)[:0], k)
	completed, over := 0, false
	for _, d := range ops {
		if d.try() {
			completed++
		}
		over = over || d.completed.Load()
	}
	if over {
		p.entries.Add(-int64(s.sweep(k)))
	}
	clear(ops)
	*buf = ops[:0]
	p.copies.Put(buf)
	return completed
}

// CompleteAll completes every operation that waits, as if its time were up.
func (p *Purgatory) CompleteAll() {
	for i := range p.shards {
		s := &p.shards[i]
		s.lock.Lock()
		var ops []*Delayed
		for _, w := range s.keys {
			ops = append(ops, w.ops...)
		}
		s.lock.Unlock()
		for _, d := range ops {
			p.expire(d)
		}
		p.entries.Add(-int64(s.purge()))
	}
}

// Run expires operations until Stop; it is the body of the expiry thread.
func (p *Purgatory) Run() {
	var due []*Entry
	for !p.stopping.Load() {
		now := p.opts.NowMs()
		due = p.Expire(now, due[:0])
		clear(due)
		wait := p.nextMs.Load() - p.opts.NowMs()
		if wait > 0 {
			most := int64(pollMs)
			if p.entries.Load() == 0 {
				most = idleMs
			}
			p.alarm.Wait(min(wait, most) * 1_000_000)
		}
	}
}

// Expire completes what is due at nowMs and purges the lists if too much has
// gathered in them. scratch is reused for the entries and returned.
func (p *Purgatory) Expire(nowMs int64, scratch []*Entry) []*Entry {
	p.timer.Lock()
	due := p.wheel.Advance(nowMs, scratch)
	next, ok := p.wheel.NextMs()
	if !ok {
		next = never
	}
	p.nextMs.Store(next)
	p.timer.Unlock()
	for _, e := range due {
		p.expire(e.owner)
	}
	if p.entries.Load()-p.waiting.Load() > int64(p.opts.PurgeInterval) {
		for i := range p.shards {
			p.entries.Add(-int64(p.shards[i].purge()))
		}
	}
	return due
}

// Stop ends Run. Operations that still wait stay as they are; see CompleteAll.
func (p *Purgatory) Stop() {
	p.stopping.Store(true)
	p.alarm.Open()
}

// Waiting is the number of operations that wait.
func (p *Purgatory) Waiting() int64 { return p.waiting.Load() }

// Expired is the number of operations whose time ran out.
func (p *Purgatory) Expired() int64 { return p.expired.Load() }

// Watched is the number of places taken in the lists, completed or not.
func (p *Purgatory) Watched() int64 { return p.entries.Load() }
