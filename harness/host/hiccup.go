package host

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Hiccups is how late a thread woke that had nothing to do but wake: what the
// machine itself does to anybody who waits there.
type Hiccups struct {
	CPU      int   `json:"cpu"`
	PeriodNs int64 `json:"period_ns"`
	// FirstInLine says that the thread ran before all ordinary ones (SCHED_FIFO).
	// Without it, other threads' turns on the CPU are in the numbers.
	FirstInLine bool  `json:"first_in_line"`
	Count       int64 `json:"count"`
	P50Ns       int64 `json:"p50_ns"`
	P99Ns       int64 `json:"p99_ns"`
	MaxNs       int64 `json:"max_ns"`
}

// The periods of a probe. Each waking preempts what else runs on the CPU for
// some microseconds, so that beside a load that must be on time it is rare: 100 a
// second touch one in 500 of 50,000 requests.
const (
	hiccupAlone  = time.Millisecond
	hiccupBeside = 10 * time.Millisecond
)

// HiccupProbe is a probe that runs.
type HiccupProbe struct {
	stop chan struct{}
	done chan Hiccups
}

// Stop ends the probe and returns what it saw.
func (p *HiccupProbe) Stop() Hiccups {
	close(p.stop)
	return <-p.done
}

// sum turns lateness into a record.
func (h *Hiccups) sum(late *hdr.Histogram) {
	h.Count, h.MaxNs = late.TotalCount(), late.Max()
	h.P50Ns, h.P99Ns = late.ValueAtQuantile(50), late.ValueAtQuantile(99)
}

// newLateness holds 1 ns to a minute at three digits; nothing later is told apart.
func newLateness() *hdr.Histogram { return hdr.New(1, int64(time.Minute), 3) }
