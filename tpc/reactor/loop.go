package reactor

import (
	"math"

	"github.com/ceteris/ceteris/models/pace"
)

const (
	publishEveryNs = 1_000_000
	starvedRetryNs = 1_000_000
)

// loop runs rounds until Stop.
func (r *Reactor) loop() {
	idleSinceNs := int64(-1)
	waits := r.pacer() // of the kind that is going on
	r.nowNs = r.clock()
	for !r.stopping.Load() {
		busy := r.round()
		before := r.nowNs
		r.nowNs = r.clock()
		if busy {
			tookNs := r.nowNs - before
			r.c.BusyNs += tookNs
			if tookNs > 2*r.o.TaskQuotaNs {
				r.longRounds.record(tookNs)
			}
			if idleSinceNs >= 0 {
				waits.Waited(before-idleSinceNs, r.o.SpinNs)
				idleSinceNs = -1
			}
			continue
		}
		r.c.SpinNs += r.nowNs - before
		if idleSinceNs < 0 {
			idleSinceNs, waits = before, r.pacer()
		}
		if r.o.SpinNs == math.MaxInt64 || r.nowNs-idleSinceNs < r.o.SpinNs && waits.Worth() {
			continue
		}
		r.sleep()
		waits.Waited(r.nowNs-idleSinceNs, r.o.SpinNs)
		idleSinceNs = -1
	}
}

// pacer is the pace of the wait that begins. Waits for the device and waits for
// anybody else are kept apart: at few connections they alternate.
func (r *Reactor) pacer() *pace.Pace {
	if r.disks.queues.ops > 0 {
		return &r.paces[1]
	}
	return &r.paces[0]
}

// round is one turn of the loop in the order that the package comment gives.
// It tells whether anything was done or is left to do.
func (r *Reactor) round() bool {
	r.c.Rounds++
	r.beat.Store(r.nowNs)
	r.tasks.nowNs, r.dueNs = r.nowNs, r.nowNs+r.o.TaskQuotaNs
	busy := r.hooks.Poll()
	busy = r.drainAlien() || busy
	busy = r.gather() || busy
	busy = r.runTasks() || busy
	busy = r.be.submit() || busy
	busy = r.gather() || busy
	r.hooks.Flush()
	busy = r.settle() || busy
	busy = r.fireTimers() || busy
	busy = r.be.submit() || busy
	if r.nowNs >= r.nextPublishNs {
		r.nextPublishNs = r.nowNs + publishEveryNs
		r.publish()
	}
	return busy
}

// gather delivers completions and what they left to settle.
func (r *Reactor) gather() bool {
	busy := r.be.reap()
	return r.settle() || busy
}

// sleep blocks until an event, a wake-up or the next timer.
func (r *Reactor) sleep() {
	if !r.doze() {
		return
	}
	timeoutNs := int64(-1)
	if next := r.timers.next(); next >= 0 {
		timeoutNs = max(next-r.nowNs, 0)
	}
	r.publish()
	r.c.Sleeps++
	r.dozedNs.Store(r.nowNs)
	r.be.wait(timeoutNs)
	r.rise()
	before := r.nowNs
	r.nowNs = r.clock()
	r.c.SleepNs += r.nowNs - before
	r.sleptNs.Store(r.c.SleepNs)
	r.dozedNs.Store(0)
}

// doze raises the flag and takes a last look, so a sender that published after
// the look sees the flag. False: there is something to do, and the flag is down.
func (r *Reactor) doze() bool {
	r.state.Store(asleep)
	if r.hooks.Poll() || r.drainAlien() || r.stopping.Load() || !r.tasks.empty() || len(r.settling) > 0 || r.be.ready() {
		r.rise()
		return false
	}
	return true
}

// rise lowers the flag and notes a wake-up that is still to be read.
func (r *Reactor) rise() {
	if r.state.Swap(awake) == poked {
		r.owed++
		r.c.Wakes++
	}
}

// runTasks runs ready tasks until none is left or the quota is used up.
func (r *Reactor) runTasks() bool {
	if r.tasks.empty() {
		return false
	}
	r.dueNs = r.taskClock() + r.o.TaskQuotaNs
	if tookNs := r.tasks.run(r.o.TaskQuotaNs, r.taskClock, &r.c); tookNs > 2*r.o.TaskQuotaNs {
		r.longTasks.record(tookNs)
	}
	return true
}

func (r *Reactor) fireTimers() bool {
	fired := false
	for t := r.timers.due(r.nowNs); t != nil; t = r.timers.due(r.nowNs) {
		r.c.Timers++
		t.H.OnTimer(t)
		fired = true
	}
	return fired
}

// unsettled queues s for settle.
func (r *Reactor) unsettled(s *Stream) {
	if !s.queued {
		s.queued = true
		r.settling = append(r.settling, s)
	}
}

// settle works off the streams that something is due on. Handlers may add
// more; those are taken in the next turn of the loop, so it cannot go on for ever.
func (r *Reactor) settle() bool {
	if len(r.settling) == 0 {
		return false
	}
	r.settling, r.settled = r.settled[:0], r.settling
	for i, s := range r.settled {
		r.settled[i] = nil
		s.queued = false
		s.settle()
	}
	return true
}

// shutdown closes everything, delivers every last call, and gives back what
// Run took.
func (r *Reactor) shutdown() {
	r.closeAll()
	for !r.ended() {
		if r.wind() {
			continue
		}
		r.state.Store(asleep)
		if !r.alien.pending() {
			r.be.wait(publishEveryNs)
		}
		r.rise()
	}
	r.tearDown()
}

// closeAll begins the end of every listener and stream.
func (r *Reactor) closeAll() {
	r.stopped = true
	for len(r.listeners) > 0 {
		r.listeners[0].Close()
	}
	for _, s := range r.streams.all {
		if s.r != nil {
			s.end(ErrStopped, ErrStopped)
		}
	}
}

// ended tells whether nothing is out any more; nothing can be posted then.
func (r *Reactor) ended() bool { return !r.unfinished() && r.alien.closeIfEmpty() }

// wind is a round of a reactor that is ending. False: it has to wait.
func (r *Reactor) wind() bool {
	r.beat.Store(r.clock())
	busy := r.drainAlien()
	busy = r.gather() || busy
	busy = r.runTasks() || busy
	busy = r.be.submit() || busy
	return busy || r.be.ready()
}

// tearDown gives back what Run took.
func (r *Reactor) tearDown() {
	if r.jobs != nil {
		r.jobs.stop()
	}
	// After this no thread begins to write to the eventfd; the one that may be
	// about to is awaited, because the descriptor's number will be reused.
	if r.state.Swap(gone) == poked {
		r.owed++
	}
	for r.owed > 0 {
		r.be.wait(publishEveryNs)
		r.be.reap()
	}
	r.be.close()
	if r.wakeFD >= 0 {
		closeFD(r.wakeFD)
	}
	r.publish()
}

func (r *Reactor) unfinished() bool {
	return r.c.Streams > 0 || r.disks.queues.ops > 0 || r.disks.queues.waiting > 0 || r.jobsOut > 0 || r.be.busy() ||
		!r.tasks.empty() || len(r.settling) > 0
}
