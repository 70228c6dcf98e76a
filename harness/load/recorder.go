package load

import (
	"fmt"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// class is what a histogram measures.
type class int

const (
	response class = iota
	service
	slip
	endToEnd
	classes
)

// classFile and classTag name a class's file and the tag of its intervals,
// which is the operation class they concern.
var (
	classFile = [classes]string{"response", "service", "slip", "e2e"}
	classTag  = [classes]string{"produce", "produce", "produce", "fetch"}
)

// Histograms range from 1 ns to 60 s at 3 digits: 221 KB each. The intervals of
// all threads together are bounded; a longer run has longer intervals.
const (
	lowestNs         = 1
	highestNs        = int64(60 * time.Second)
	significantDigit = 3
	maxIntervals     = 240
)

// recorder is one thread's histograms, one for each interval of the measured
// window. All of them exist and have been touched before the load starts, so
// that recording never allocates or faults.
type recorder struct {
	class      string // of the requests; "" for produce
	startNs    int64  // of the measured window, on the run's clock
	endNs      int64
	intervalNs int64
	hist       [classes][]*hdr.Histogram
	line       timeline
	owed       []int64 // records due in each interval that every consumer is to get
	clamped    int64
	negative   int64
	early      int64 // negative end-to-end times
}

// A window of less than 20 s is cut into 20 intervals, so that it can be told
// whether it was steady, but none is shorter than shortest.
const (
	fewIntervals = 20
	shortest     = 50 * time.Millisecond
)

// intervalFor is the interval length for a window and a number of threads, in
// whole milliseconds, which is what the log resolves.
func intervalFor(window time.Duration, threads int) time.Duration {
	if fine := window / fewIntervals; fine < time.Second && fewIntervals*threads <= maxIntervals {
		return max(shortest, (fine + time.Millisecond - 1).Truncate(time.Millisecond))
	}
	per := int64(maxIntervals / max(threads, 1))
	per = max(per, 1)
	seconds := (int64(window) + int64(time.Second) - 1) / int64(time.Second)
	return time.Duration((seconds+per-1)/per) * time.Second
}

func newRecorder(startNs int64, window time.Duration, interval time.Duration) *recorder {
	r := &recorder{startNs: startNs, endNs: startNs + int64(window), intervalNs: int64(interval)}
	n := int((int64(window) + int64(interval) - 1) / int64(interval))
	r.line, r.owed = newTimeline(n), make([]int64, n)
	for c := range r.hist {
		for range n {
			h := hdr.New(lowestNs, highestNs, significantDigit)
			h.Reset() // touches every page
			r.hist[c] = append(r.hist[c], h)
		}
	}
	return r
}

// measured reports whether a request intended at this time counts.
func (r *recorder) measured(intendedNs int64) bool {
	return intendedNs >= r.startNs && intendedNs < r.endNs
}

// record adds a value to the interval of an intended time inside the window.
// Nothing is dropped: what is negative counts as 0, what is too large as the
// largest value, and both are counted.
func (r *recorder) record(c class, intendedNs, valueNs int64) {
	if valueNs < 0 {
		r.negative++
		if c == endToEnd {
			r.early++
		}
		valueNs = 0
	}
	if valueNs > highestNs {
		r.clamped++
		valueNs = highestNs
	}
	h := r.hist[c][(intendedNs-r.startNs)/r.intervalNs]
	if err := h.RecordValue(valueNs); err != nil {
		panic(fmt.Sprintf("load: a value of %d ns was refused: %v", valueNs, err))
	}
}

// owe notes that a measured request has records that consumers are to get.
func (r *recorder) owe(q *waiting, records int) {
	if q.measured {
		r.owed[(q.intendedNs-r.startNs)/r.intervalNs] += int64(records)
	}
}

// neverCame records as censored what consumers were to get and did not, and counts it:
// at the timeout, or at what it had waited at the end of all if that is more.
func (r *recorder) neverCame(consumers int, nowNs, timeoutNs int64) (n int64) {
	for i, h := range r.hist[endToEnd] {
		missing := r.owed[i]*int64(consumers) - h.TotalCount()
		if missing <= 0 { // less than none: some came twice
			continue
		}
		waited := max(timeoutNs, nowNs-min(r.startNs+int64(i+1)*r.intervalNs, r.endNs))
		if waited > highestNs {
			r.clamped, waited = r.clamped+missing, highestNs
		}
		if err := h.RecordValues(waited, missing); err != nil {
			panic(fmt.Sprintf("load: %d values of %d ns were refused: %v", missing, waited, err))
		}
		n += missing
	}
	return n
}

// mergeInto adds b to a and insists that nothing is lost.
func mergeInto(a, b *hdr.Histogram) {
	if dropped := a.Merge(b); dropped != 0 {
		panic(fmt.Sprintf("load: merging histograms dropped %d values", dropped))
	}
}

// merge adds the recorders of all threads up, interval by interval.
func merge(rs []*recorder) *recorder {
	sum := newRecorder(rs[0].startNs, time.Duration(rs[0].endNs-rs[0].startNs), time.Duration(rs[0].intervalNs))
	for _, r := range rs {
		for c := range r.hist {
			for i, h := range r.hist[c] {
				mergeInto(sum.hist[c][i], h)
			}
		}
		sum.line.add(&r.line)
		for i, n := range r.owed {
			sum.owed[i] += n
		}
		sum.clamped += r.clamped
		sum.negative += r.negative
		sum.early += r.early
	}
	return sum
}

// total merges the intervals of a class.
func (r *recorder) total(c class) *hdr.Histogram {
	sum := hdr.New(lowestNs, highestNs, significantDigit)
	for _, h := range r.hist[c] {
		mergeInto(sum, h)
	}
	return sum
}

// quantiles reads off a histogram what a Summary holds.
func quantiles(h *hdr.Histogram) Quantiles {
	return Quantiles{
		Count: h.TotalCount(),
		P50Ns: h.ValueAtQuantile(50), P90Ns: h.ValueAtQuantile(90), P99Ns: h.ValueAtQuantile(99),
		MaxNs: h.Max(), MeanNs: h.Mean(),
	}
}
