package telemetry

import (
	"sync"
	"sync/atomic"
)

// Bank is what one thread counted: a histogram per class and stage, and the
// stamps that were no good. Pointer-free.
type Bank struct {
	Stages    [ClassCount][StageCount]Histogram
	Missing   [ClassCount][StampCount]uint64 // stamps that were never taken
	Backwards [ClassCount][StampCount]uint64 // stamps earlier than the one before
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

	mu      sync.Mutex // among scrapers
	total   *Bank      // everything collected so far
	discard bool       // the bank in flight predates a reset
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

// Poll hands the bank over if a scrape asked for it: an atomic load otherwise.
// The thread calls it once per loop round, before the round's work, and at least
// every 500 ms if it wakes at all.
func (r *Recorder) Poll() {
	if r.state.Load() != bankWanted {
		return
	}
	r.live, r.spare = r.spare, r.live
	r.state.Store(bankDelivered)
}
