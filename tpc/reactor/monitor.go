package reactor

// sample is what a watchdog sees of one reactor at one moment.
type sample struct {
	nowNs    int64 // clock of telemetry.Now
	beatNs   int64 // when the current round began, same clock; 0: no round runs
	moving   bool  // a round began while the sample was taken
	asleep   bool  // the round is over, the thread is in the call that it sleeps in
	sleptNs  int64 // time asleep, the current sleep included
	cpuNs    int64 // CPU time of the thread
	queuedNs int64 // time the thread was runnable and did not get a processor
	pausedNs int64 // time the collector and others stopped the world
	waiting  bool  // the thread blocks in the kernel, by its own doing
}

// monitor turns samples of one reactor into stalls. It is a state machine
// without a clock.
//
// The time of a round that does not end is taken apart:
//
//	since the round began = ran + blocked + paused + descheduled
//
// Only what the reactor itself is to blame for, ran (CPU time) and blocked (its
// thread waits in the kernel though the loop did not go to sleep), makes a
// stall. A thread that others keep from its processor, and a stopped world, are
// counted apart.
type monitor struct {
	last  sample
	known bool // last is there
	round spent
	all   spent // sums over rounds that were seen in more than one sample

	stalled    bool
	reportAtNs int64 // own time at which the next report is due
}

// spent is how a stretch of time went, ns.
type spent struct{ RanNs, BlockedNs, PausedNs, DescheduledNs int64 }

// ownNs is what the reactor itself is to blame for.
func (s *spent) ownNs() int64 { return s.RanNs + s.BlockedNs }

// change is what one sample tells.
type change struct {
	begun   bool  // a stall reached the threshold
	due     bool  // it is to be reported: at the threshold, twice, four times that
	endedNs int64 // a stall is over; how long it was when last seen, else 0
	spent   spent // of the round, with due
}

// step takes the next sample. thresholdNs may change from step to step.
func (m *monitor) step(s *sample, thresholdNs int64) (c change) {
	switch {
	case m.known && s.beatNs == m.last.beatNs && !s.moving && !m.last.moving:
		if s.beatNs != 0 {
			m.account(s)
		}
	default:
		if m.stalled {
			c.endedNs = m.round.ownNs()
		}
		m.stalled, m.round = false, spent{}
		if m.known && s.beatNs != 0 && m.last.beatNs != 0 && !s.moving {
			m.round.RanNs = head(&m.last, s)
		}
	}
	m.last, m.known = *s, true
	if !m.stalled {
		m.reportAtNs = thresholdNs
	}
	if own := m.round.ownNs(); s.beatNs != 0 && own >= m.reportAtNs {
		c.begun, c.due, c.spent = !m.stalled, true, m.round
		m.stalled = true
		for m.reportAtNs <= own {
			m.reportAtNs *= 2
		}
	}
	return c
}

// head is CPU time that the round must have used before the first sample that
// shows it. The thread was off the processor for a known part of the time since
// the sample before; only if all of that fell into the round could it have used
// less. Sleep did not fall into it, because it ends before a round begins; a
// round that is followed by sleep is over.
func head(last, s *sample) int64 {
	if s.asleep {
		return 0
	}
	off := (s.nowNs - last.nowNs) - (s.cpuNs - last.cpuNs) - max(s.sleptNs-last.sleptNs, 0)
	return max(s.nowNs-max(s.beatNs, last.nowNs)-max(off, 0), 0)
}

// account adds the time since the last sample, which the round lasted through.
// A sleeper's thread uses a little CPU time for the runtime's signals; over a
// long sleep that adds up and means nothing.
func (m *monitor) account(s *sample) {
	if s.asleep && m.last.asleep {
		return
	}
	var d spent
	d.RanNs = max(s.cpuNs-m.last.cpuNs, 0)
	off := max(s.nowNs-m.last.nowNs-d.RanNs-max(s.sleptNs-m.last.sleptNs, 0), 0)
	if !s.asleep {
		queued := min(max(s.queuedNs-m.last.queuedNs, 0), off)
		d.PausedNs = min(max(s.pausedNs-m.last.pausedNs, 0), off-queued)
		// What neither the run queue nor the collector explains: a thread that
		// waits in the kernel has itself to thank for it, one that could run was
		// kept from it by whatever is below this kernel.
		if rest := off - queued - d.PausedNs; s.waiting {
			d.BlockedNs = rest
		} else {
			queued += rest
		}
		d.DescheduledNs = queued
	}
	for _, to := range []*spent{&m.round, &m.all} {
		to.RanNs += d.RanNs
		to.BlockedNs += d.BlockedNs
		to.PausedNs += d.PausedNs
		to.DescheduledNs += d.DescheduledNs
	}
}

// nextNs is how long the watchdog may look away: half a threshold, or until the
// round would reach its next report.
func (m *monitor) nextNs(thresholdNs int64) int64 {
	own := m.round.ownNs()
	if m.last.beatNs == 0 || own < thresholdNs/4 {
		return thresholdNs / 2
	}
	return min(max(m.reportAtNs-own, thresholdNs/16), thresholdNs/2)
}

// The reports of a reactor are limited to reportsPerMinute; a machine that
// stalls all the time must not be kept busy with saying so.
const (
	reportsPerMinute = 5
	minuteNs         = 60_000_000_000
)

// limiter counts reports in windows of a minute that begin with a report.
type limiter struct {
	began      int64
	used       int
	suppressed int // since the last report that was let through
}

// allow tells whether a report may go out, and how many before it did not.
func (l *limiter) allow(nowNs int64) (ok bool, suppressed int) {
	if l.used == 0 || nowNs-l.began >= minuteNs {
		l.began, l.used = nowNs, 0
	}
	if l.used == reportsPerMinute {
		l.suppressed++
		return false, 0
	}
	l.used++
	suppressed, l.suppressed = l.suppressed, 0
	return true, suppressed
}
