package tpc

import (
	"context"
	"fmt"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// start boots a broker over the present disk and waits until it serves.
func (w *world) start() {
	for w.chance(20) {
		w.cutStart()
	}
	for n := 0; !w.sickStart(n); n++ {
	}
	w.up = true
	w.cover.add("batches replayed", w.b.control.Staged.Batches)
	w.cover.add("staging files of an earlier start of the machine", int64(w.b.control.Staged.Foreign))
	w.model.started()
}

// sickStart boots a broker while storage fails now and then, and tells whether it
// stands. One that does not leaves everything as it was, for the next to try: what
// could not be read is not taken for lost. After a few tries the disk is well.
func (w *world) sickStart(tries int) bool {
	w.sick = 0
	if tries < 3 && w.chance(50) {
		w.sick = w.plan.sickRate
	}
	sick := w.sick > 0
	w.boot(-1)
	w.sick = 0
	switch {
	case w.end == nil:
		return true
	case !sick:
		w.fail("start: %v", w.end)
	}
	w.note("start: %v", w.end)
	w.cover.hit("start failed for a fault")
	w.keepMaps(w.mem)
	w.gone()
	return false
}

// cutStart boots a broker that a crash keeps from its end: all that recovery
// does must be such that it can be done again.
func (w *world) cutStart() {
	w.boot(1 + w.rng.IntN(100))
	w.fs.left = -1
	if w.end == nil {
		w.up = true
		w.crash(w.chance(50))
		return
	}
	w.cover.hit("start cut short")
	power := w.chance(50)
	w.mem = w.left(power)
	w.gone()
	w.model.crashed(power)
}

// boot runs the Start of a broker. Of its operations on the disk so many are
// carried out, all when left is negative.
func (w *world) boot(left int) {
	w.note("start with %d shards, cut after %d", w.plan.shards, left)
	k := reactor.NewSim(w.rng)
	k.NowNs = w.k.NowNs
	k.TaskNs = w.taskNs
	w.k = k
	k.Direct = true
	k.Job = w.job
	k.DelayNs = w.diskDelay
	k.Fail = func(op *reactor.DiskOp) error { return w.fault(fmt.Sprintf("disk %d", op.Kind)) }
	w.fs = &simFS{w: w, k: k, mem: w.mem}
	w.listeners = nil
	b := newBroker(w.config())
	b.fs, b.out, b.leastBytes, b.most = w.fs, simOutside{w}, w.plan.shardBytes, w.plan.limits
	w.b, w.up, w.end = b, false, nil
	w.life++
	for _, c := range w.clients {
		c.session = nil // ids begin anew, and clients begin anew with those who have lost a connection
	}
	w.model.restarted()
	t := w.spawn("start", false, func() { w.end = b.Start() })
	w.fs.quiet, w.fs.left = true, left // what opens logs runs on goroutines of its own, and alone
	w.until("start", 100_000, func() bool { return t.done })
	w.fs.quiet = false
}

// stop ends the broker in good order.
func (w *world) stop() {
	w.note("stop")
	w.up = false
	t := w.spawn("stop", false, func() { w.end = w.b.Stop(context.Background()) })
	w.until("stop", 100_000, func() bool { return t.done })
	w.keepMaps(w.mem)
	w.gone()
	w.model.stopped(w.end)
}

// crash kills the broker, or the machine under it. What is left of the old one
// runs on a copy of the disk until its memory is home.
func (w *world) crash(power bool) {
	w.note("crash, power %v", power)
	w.up = false
	w.k.Pull()
	w.mem = w.left(power)
	for _, c := range w.clients {
		c.cut(true)
	}
	w.model.blind = true
	b := w.b
	t := w.spawn("crashed", false, func() { w.end = b.Stop(context.Background()) })
	w.until("the end of a crashed broker", 100_000, func() bool { return t.done })
	w.model.blind = false
	w.gone()
	w.model.crashed(power)
}

// left is what the end of a process, or of the machine, leaves of the disk.
func (w *world) left(power bool) *disk.Mem {
	if !power {
		left := w.mem.Kill()
		w.keepMaps(left)
		return left
	}
	keep := w.rng.IntN(140) - 40
	left := w.mem.CrashTorn(func() bool { return w.chance(keep) })
	w.ageMaps(left)
	return left
}

// gone checks what a broker leaves behind in any case.
func (w *world) gone() {
	for _, err := range w.b.leaked {
		w.fail("memory: %v", err)
	}
	if len(w.threads) > 0 {
		w.fail("threads outlived the broker: %s", w.state())
	}
	for _, s := range w.b.shards {
		w.cover.add("evictions", int64(s.evictions.Load()))
		w.cover.add("refusals for want of memory", int64(s.refusals.Load()))
		w.cover.add("cold reads", int64(s.coldReads.Load()))
		w.cover.add("remote parts", int64(s.remote.Load()))
		w.cover.add("local parts", int64(s.local.Load()))
		w.cover.add("parts misrouted", int64(s.strays.Load()))
		w.cover.add("responses throttled", int64(s.throttled.Load()))
		w.cover.add("requests put off", int64(s.putOff.Load()))
		w.cover.add("connections refused", int64(s.turnedAway.Load()))
		w.cover.add("connections paced", int64(s.paced.Load()))
		if w.plan.limits.parts < usualLimits.parts {
			w.cover.add("requests in steps", s.stepMost.Load())
		}
	}
	w.cover.kernel(w.k.Counters())
	w.forgetMaps()
	w.b = nil
}
