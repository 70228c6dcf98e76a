package experiment

import (
	"fmt"
	"path/filepath"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/steady"
	"github.com/ceteris/ceteris/workloads"
)

// steady is advisory unless the experiment leaves out what moved: a window that
// moved is still what was asked for, and its numbers are those of that window. A
// search needs an answer from every window.
func (a *attempt) steady() {
	intervals, err := a.intervals("response")
	if err != nil {
		a.gate("steady", false, true, err.Error())
		return
	}
	v := steady.Judge(intervals)
	a.gate("steady", v.OK(), a.advisory(), v.String())
}

// advisory reports whether windows that are not steady count.
func (a *attempt) advisory() bool {
	return a.r.e.Steady.Moved != workloads.LeaveOut || a.rec.Probe > 0
}

// intervals reads one of the cell's logs.
func (a *attempt) intervals(kind string) ([]*hdr.Histogram, error) {
	all, err := result.ReadLog(filepath.Join(a.dir, kind+".hlog"))
	if err != nil {
		return nil, err
	}
	return steady.ByTime(all)
}

// fewWaiting requests are no backlog, however short the window.
const fewWaiting = 10

// begun: what waited as measurement began belongs to the warm-up, and so does a
// generator that is still catching up. A closed loop always has all outstanding.
// At the cap the wait is the broker's doing, as far as it is for the slip of the window.
func (a *attempt) begun(s *load.Summary) {
	if s.OfferedPerSec == 0 {
		return
	}
	limits := &a.r.e.Steady
	most := max(fewWaiting, int64(limits.Backlog*float64(s.Intended)))
	a.gate("backlog", s.BacklogAtStart <= most, a.advisory(),
		fmt.Sprintf("%d requests queued or outstanding as measurement began, limit %d", s.BacklogAtStart, most))
	intervals, err := a.intervals("slip")
	if err != nil || len(intervals) == 0 {
		a.gate("slip-at-start", false, true, fmt.Sprintf("%d intervals of slip: %v", len(intervals), err))
		return
	}
	late := time.Duration(intervals[0].ValueAtPercentile(99))
	if held := heldBack(s); held > 0 && late > limits.Slip {
		n, others := lateBeside(intervals[:1], int64(limits.Slip), held)
		a.gate("slip-at-start", !often(n, others), a.advisory(),
			fmt.Sprintf("%d requests waited for their connection's cap; in the first of %d intervals at least %d of %d others were more than %v late", held, len(intervals), n, others, limits.Slip))
		return
	}
	a.gate("slip-at-start", late <= limits.Slip, a.advisory(),
		fmt.Sprintf("p99 of lateness in the first of %d intervals %v, limit %v", len(intervals), late, limits.Slip))
}
