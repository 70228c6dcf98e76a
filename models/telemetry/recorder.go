package telemetry

import "sync/atomic"

// Bank is what one thread counted: a histogram per class and stage, the stamps
// that were no good, and a histogram per span. Pointer-free.
type Bank struct {
	Stages    [ClassCount][StageCount]Histogram
	Missing   [ClassCount][StampCount]uint64 // stamps that were never taken
	Backwards [ClassCount][StampCount]uint64 // stamps earlier than the one before
	Spans     [SpanCount]Histogram
}

// The states of a recorder's exchange, see Poll.
const (
	bankIdle uint32 = iota
	bankWanted
	bankDelivered
)

// Recorder takes the stage clocks of the requests that one thread finishes. The
// thread alone calls Record and Poll; scrapes come through the [Registry].
//
// Invariant: spare is touched by the thread only in state wanted, and by the
// scraper only in the other two; live only by the thread.
type Recorder struct {
	live  *Bank
	state atomic.Uint32
	spare *Bank

	// The scraper's own, under the registry's lock.
	total   *Bank // everything collected since the last reset
	discard bool  // the bank in flight predates a reset

	// untilNs is when the thread may go on that is to stand still, 0: it need
	// not; stoodNs is how long it did. See [Registry.Stall].
	untilNs, stoodNs atomic.Int64
}

// NewRecorder allocates a recorder's three banks (about 1 MiB in all).
func NewRecorder() *Recorder {
	return &Recorder{live: &Bank{}, spare: &Bank{}, total: &Bank{}}
}

// Record counts one finished request. A stamp that is missing (0) or earlier
// than the one before it is counted as such and takes the value before it, so
// the request still counts and its stages still add up.
func (r *Recorder) Record(api int16, s *Stamps) {
	class := ClassOf(api)
	t := *s
	r.mend(class, &t)
	stages := &r.live.Stages[class]
	for i := range stages {
		stages[i].Record(t[span[i].to] - t[span[i].from])
	}
}

// mend replaces stamps that are no good and counts them.
func (r *Recorder) mend(class Class, t *Stamps) {
	if t[0] <= 0 {
		r.live.Missing[class][0]++
		for i := 1; i < len(t) && t[0] <= 0; i++ {
			t[0] = t[i]
		}
	}
	for i := 1; i < len(t); i++ {
		switch {
		case t[i] <= 0:
			r.live.Missing[class][i]++
		case t[i] < t[i-1]:
			r.live.Backwards[class][i]++
		default:
			continue
		}
		t[i] = t[i-1]
	}
}

// Poll hands the bank over if a scrape asked for it, and stands still if a stall
// was injected: two atomic loads otherwise. The thread calls it once per loop round, before the round's work, and at least
// every 500 ms if it wakes at all.
func (r *Recorder) Poll() {
	if until := r.untilNs.Load(); until != 0 {
		r.stand(until)
	}
	if r.state.Load() != bankWanted {
		return
	}
	r.live, r.spare = r.spare, r.live
	r.state.Store(bankDelivered)
}

// ask requests the thread's bank, collecting first what it delivered late.
func (r *Recorder) ask() {
	r.collect()
	r.state.CompareAndSwap(bankIdle, bankWanted)
}

// collect adds a delivered bank to the total and reports whether there was one.
func (r *Recorder) collect() bool {
	if r.state.Load() != bankDelivered {
		return false
	}
	if !r.discard {
		r.total.merge(r.spare)
	}
	r.discard = false
	*r.spare = Bank{}
	r.state.Store(bankIdle)
	return true
}

// reset forgets what was collected, and what a thread that has not answered
// counted so far.
func (r *Recorder) reset() {
	*r.total = Bank{}
	r.discard = r.state.Load() != bankIdle
}

// merge adds everything o counted.
func (b *Bank) merge(o *Bank) {
	for c := range b.Stages {
		for s := range b.Stages[c] {
			b.Stages[c][s].Merge(&o.Stages[c][s])
		}
		for t := range b.Missing[c] {
			b.Missing[c][t] += o.Missing[c][t]
			b.Backwards[c][t] += o.Backwards[c][t]
		}
	}
	for s := range b.Spans {
		b.Spans[s].Merge(&o.Spans[s])
	}
}
