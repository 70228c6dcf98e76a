package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

// timeline counts, beside the histograms, what happened when: those say how long
// the requests of an interval took, which with a backlog ends up in a later one.
type timeline struct {
	// before is how many requests were due before the window less those that had
	// ended by then.
	before int64
	// acked and ended count by the time at which a request was acknowledged, or
	// failed or was left out; givenUp those due in the interval that are censored.
	acked, ended, givenUp []int64
}

func newTimeline(intervals int) timeline {
	return timeline{acked: make([]int64, intervals), ended: make([]int64, intervals), givenUp: make([]int64, intervals)}
}

func (t *timeline) add(o *timeline) {
	t.before += o.before
	for i := range t.acked {
		t.acked[i] += o.acked[i]
		t.ended[i] += o.ended[i]
		t.givenUp[i] += o.givenUp[i]
	}
}

// settle counts a request that ended, whenever it was due.
func (r *recorder) settle(atNs int64, acknowledged bool) {
	switch i := (atNs - r.startNs) / r.intervalNs; {
	case atNs < r.startNs:
		r.line.before--
	case atNs >= r.endNs: // after the window, where nothing is counted
	case acknowledged:
		r.line.acked[i]++
	default:
		r.line.ended[i]++
	}
}

// giveUp counts a measured request that is censored.
func (r *recorder) giveUp(intendedNs int64) { r.line.givenUp[(intendedNs-r.startNs)/r.intervalNs]++ }

// timelineHead are the columns of timeline.csv. Times are from the start of the
// measured window. waiting is what was due and had not ended at the interval's end,
// in the generator's queues or outstanding.
const timelineHead = "from_ms,to_ms,due,acknowledged,ended_otherwise,given_up,waiting\n"

// writeTimeline writes timeline.csv, a row for each interval.
func (r *recorder) writeTimeline(dir string) error {
	var b strings.Builder
	b.WriteString(timelineHead)
	waiting := r.line.before
	for i, h := range r.hist[response] {
		due := h.TotalCount()
		waiting += due - r.line.acked[i] - r.line.ended[i]
		from, to := int64(i)*r.intervalNs, min(int64(i+1)*r.intervalNs, r.endNs-r.startNs)
		fmt.Fprintf(&b, "%d,%d,%d,%d,%d,%d,%d\n", from/1e6, to/1e6, due, r.line.acked[i], r.line.ended[i], r.line.givenUp[i], waiting)
	}
	if err := os.WriteFile(filepath.Join(dir, "timeline.csv"), []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("load: time-line: %w", err)
	}
	return nil
}

// manyIntervals is how finely a window is cut in which something happens.
const manyIntervals = 100

// intervalOf is the interval length of a load: short where something happens at a
// time that the workload says, and then such that an overload begins and ends with
// an interval if one of whole milliseconds does.
func (o *Options) intervalOf(threads int) time.Duration {
	plain := intervalFor(o.Measure, threads)
	if !o.W.Eventful() {
		return plain
	}
	cut := min(manyIntervals, maxIntervals/max(threads, 1))
	if cut <= fewIntervals {
		return plain
	}
	fine := max(shortest, (o.Measure/time.Duration(cut) + time.Millisecond - 1).Truncate(time.Millisecond))
	if v := o.W.Overload; v != nil {
		return aligned(fine, v, plain)
	}
	return min(fine, plain)
}

// aligned is the shortest length of at least fine, and at most plain, that divides
// what is before and during an overload; fine where there is none.
func aligned(fine time.Duration, v *workloads.Overload, plain time.Duration) time.Duration {
	for d := fine; d <= plain; d += time.Millisecond {
		if v.At%d == 0 && v.For%d == 0 {
			return d
		}
	}
	return min(fine, plain)
}
