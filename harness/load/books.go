package load

// books are one thread's account of its requests of one kind. Every request that was
// due is entered once by due and ends in exactly one of answered, failed, givenUp and
// dropped, whichever driver and class it belongs to. Only those of the measured window
// are in the histograms and the sums.
type books struct {
	rec   *recorder
	tally *tally
	log   *requestLog
}

// due enters a request, at its intended time or later.
func (b *books) due(q *waiting) {
	if q.measured {
		b.tally.intended++
	} else {
		b.rec.line.before++
	}
}

// capped notes that a request found its connection at its cap.
func (b *books) capped(q *waiting) {
	if q.measured {
		b.tally.capHits++
	}
}

// sent notes that a request was handed on.
func (b *books) sent(q *waiting, now int64) {
	if q.measured {
		b.tally.sent++
		b.tally.sends.note(q.index, now)
		b.rec.record(slip, q.intendedNs, now-q.intendedNs)
	}
}

// answered ends a request that succeeded.
func (b *books) answered(q *waiting, sentNs, at int64, conn int) {
	if at >= b.rec.startNs && at < b.rec.endNs {
		b.tally.ackedInWindow++
	}
	b.rec.settle(at, true)
	if q.measured {
		b.tally.acked++
		b.rec.record(response, q.intendedNs, at-q.intendedNs)
		b.rec.record(service, q.intendedNs, at-sentNs)
		b.log.keep(q, sentNs, at-q.intendedNs, at-sentNs, conn, outcomeOK)
	}
}

// failed ends a request that did not succeed: its time is at least the timeout.
func (b *books) failed(q *waiting, sentNs, at, timeoutNs int64, conn int, name string) {
	if q.measured {
		b.tally.failed++
		b.tally.errors[name]++
	}
	b.rec.settle(at, false)
	elapsed := max(at-q.intendedNs, timeoutNs)
	b.censor(q, sentNs, elapsed, elapsed, conn, name)
}

// givenUp ends a request that has no answer when the run ends, or was never sent.
func (b *books) givenUp(q *waiting, sentNs, at int64, conn int) {
	outcome, counted := outcomeOutstanding, &b.tally.outstanding
	if sentNs == 0 {
		outcome, counted = outcomeUnsent, &b.tally.unsent
	}
	if q.measured {
		*counted++
	}
	b.censor(q, sentNs, at-q.intendedNs, at-sentNs, conn, outcome)
}

// dropped ends a request that is left out because its connection is at its cap: it
// counts as one that was never answered.
func (b *books) dropped(q *waiting, timeoutNs int64, conn int) {
	if q.measured {
		b.tally.unsent++
	}
	b.rec.settle(q.intendedNs, false)
	b.censor(q, 0, timeoutNs, 0, conn, outcomeUnsent)
}

// censor records a request at the values at which it was given up. What was never
// sent has no service time; its wait is the generator's.
func (b *books) censor(q *waiting, sentNs, responseNs, serviceNs int64, conn int, outcome string) {
	if !q.measured {
		return
	}
	b.rec.giveUp(q.intendedNs)
	b.rec.record(response, q.intendedNs, responseNs)
	if sentNs != 0 {
		b.rec.record(service, q.intendedNs, serviceNs)
	} else {
		b.rec.record(slip, q.intendedNs, responseNs)
	}
	b.log.keep(q, sentNs, responseNs, serviceNs, conn, outcome)
}
