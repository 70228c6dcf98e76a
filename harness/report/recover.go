package report

import (
	"fmt"
	"math"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// Outcomes of a run with an overload.
const (
	recovered     = "recovered"
	notRecovered  = "not recovered"
	notOverloaded = "not overloaded"
	notKnown      = "not known"
)

// OverloadRun is what one run did when the load rose for a while and fell again.
type OverloadRun struct {
	Block   int    `json:"block"`
	Outcome string `json:"outcome"`
	// Recover is from the end of the overload to the end of the last step at which
	// the percentile was further from its level before than allowed, or requests
	// were given up, before it stayed for as long as was asked for. It is at most one
	// step too long, and never less than one step.
	Recover stats.Number `json:"time_to_recover_ns"`
	StepNs  int64        `json:"step_ns"`
	Level   stats.Number `json:"level_before_ns"`
	// Peak is the most that waited at the end of an interval, Worst the longest
	// response of what was due from the beginning of the overload on.
	Peak  stats.Number `json:"backlog_peak"`
	Worst stats.Number `json:"worst_response_ns"`
	// Goodput is what was acknowledged during the overload over what was due in it.
	Goodput stats.Number `json:"goodput_share"`
	GivenUp int64        `json:"given_up"` // of what was due from the beginning of the overload on
	CapHits int64        `json:"cap_hits"` // of the whole window
}

// givenUpShare is the share of the requests due in a step that may be censored for
// the step to count as one of a broker that has recovered: a percentile alone would
// not see that every tenth is dropped.
const givenUpShare = 0.01

// span is a number of intervals together: a step.
type span struct {
	fromMs, toMs int64
	hist         *hdr.Histogram
	due, givenUp int64
}

// spans merges intervals from..to in steps of at least k; what is left over joins the
// last.
func spans(intervals []*hdr.Histogram, line []result.Moment, from, to, k int) ([]span, error) {
	var out []span
	for at := from; at < to; {
		end := at + k
		if to-end < k {
			end = to
		}
		h, err := result.MergeHistograms(intervals[at:end])
		if err != nil {
			return nil, err
		}
		s := span{fromMs: line[at].FromMs, toMs: line[end-1].ToMs, hist: h}
		for _, m := range line[at:end] {
			s.due, s.givenUp = s.due+m.Due, s.givenUp+m.GivenUp
		}
		out = append(out, s)
		at = end
	}
	return out, nil
}

// edges are the intervals that lie wholly before, in and after an overload: [0, a),
// [b, c) and [d, n). One that its beginning or end cuts is in none of them.
func edges(line []result.Moment, o *workloads.Overload) (a, b, c, d int) {
	at, end := o.At.Milliseconds(), o.End().Milliseconds()
	for i, m := range line {
		if m.ToMs <= at {
			a = i + 1
		}
		if m.FromMs < at {
			b = i + 1
		}
		if m.ToMs <= end {
			c = i + 1
		}
		if m.FromMs < end {
			d = i + 1
		}
	}
	return a, b, max(b, c), d
}

// stepOf is how many intervals a step takes so that the percentile can be read off
// one: half as many requests again as it needs are expected at the load's rate.
func stepOf(perSec float64, line []result.Moment, percentile float64) int {
	each := perSec * float64(line[0].ToMs-line[0].FromMs) / 1e3
	return max(1, int(math.Ceil(1.5*float64(stats.MinSamples(percentile))/each)))
}

// overloadOf judges a run. intervals are by time, and line has one row for each.
func overloadOf(w *workloads.Workload, c *result.CellRecord, intervals []*hdr.Histogram, line []result.Moment, class string) (*OverloadRun, error) {
	o := w.Overload
	none := func(format string, args ...any) *OverloadRun {
		no := stats.Refuse(format, args...)
		return &OverloadRun{Block: c.Block, Outcome: notKnown, Recover: no, Level: no, Peak: no, Worst: no, Goodput: no, CapHits: c.Load.CapHits}
	}
	if len(line) == 0 {
		return none("the cell kept no time-line"), nil
	}
	if len(line) != len(intervals) {
		return nil, fmt.Errorf("%s: %d intervals of response times, %d rows of the time-line", c.Dir, len(intervals), len(line))
	}
	for i, m := range line {
		if intervals[i].TotalCount() != m.Due {
			return nil, fmt.Errorf("%s: interval %d has %d response times, %d requests were due", c.Dir, i+1, intervals[i].TotalCount(), m.Due)
		}
	}
	a, b, e, d := edges(line, o)
	if a == 0 || b == e || d == len(line) {
		return none("intervals of %d ms have none wholly before, in or after the overload", line[0].ToMs-line[0].FromMs), nil
	}
	x := none("not measured")
	x.load(w, c, intervals, line, b, e)
	if why := (stats.Samples{Count: math.MaxInt64, Class: class}).Gate(99.9); why != "" {
		x.Worst = stats.Refuse("the longest response is above every percentile, and %s", why)
	}
	k := stepOf(c.LoadPerSec, line, o.Percent())
	if 2*k > len(line)-d || k > a {
		x.Recover = stats.Refuse("the time before or after the overload has too few requests for %s", o.Percentile)
		return x, nil
	}
	var due, acked int64
	for _, m := range line[:a] {
		due, acked = due+m.Due, acked+m.Acked
	}
	if float64(acked) < keptUp*float64(due) {
		x.Recover = stats.Refuse("did not keep up before the overload (%d of %d), so there is no level to come back to", acked, due)
		return x, nil
	}
	before, err := spans(intervals, line, 0, a, a)
	if err != nil {
		return nil, err
	}
	s := stats.Samples{Count: before[0].hist.TotalCount(), Censored: before[0].givenUp, Class: class}
	if why := s.Gate(o.Percent()); why != "" {
		x.Level, x.Recover = stats.Refuse("%s", why), stats.Refuse("the level before the overload: %s", why)
		return x, nil
	}
	level := float64(max(1, before[0].hist.ValueAtPercentile(o.Percent())))
	x.Level = stats.Of(level)
	during, err := spans(intervals, line, b, e, min(k, e-b))
	if err != nil {
		return nil, err
	}
	after, err := spans(intervals, line, d, len(line), k)
	if err != nil {
		return nil, err
	}
	x.StepNs = int64(time.Duration(after[0].toMs-after[0].fromMs) * time.Millisecond)
	x.judge(o, level*o.Within, during, after)
	return x, nil
}

// load reads off what needs no level: intervals b..e are in the overload.
func (x *OverloadRun) load(w *workloads.Workload, c *result.CellRecord, intervals []*hdr.Histogram, line []result.Moment, b, e int) {
	var peak, worst, due, acked int64
	for i, m := range line[b:] {
		peak, worst = max(peak, m.Waiting), max(worst, intervals[b+i].Max())
		x.GivenUp += m.GivenUp
		if b+i < e {
			due, acked = due+m.Due, acked+m.Acked
		}
	}
	x.Peak, x.Worst = stats.Of(float64(peak)), stats.Of(float64(worst))
	if x.GivenUp > 0 {
		x.Worst = stats.Refuse("%d requests were given up: the worst is not known", x.GivenUp)
		if w.Late == workloads.DropLate {
			x.Peak = stats.Refuse("%d requests were dropped instead of waiting", x.GivenUp)
		}
	}
	x.Goodput = stats.Refuse("nothing was due during the overload")
	if due > 0 {
		x.Goodput = stats.Of(float64(acked) / float64(due))
	}
}

// judge finds the time to recover.
func (x *OverloadRun) judge(o *workloads.Overload, limitNs float64, during, after []span) {
	out := func(s span) bool {
		return s.due > 0 && (float64(s.hist.ValueAtPercentile(o.Percent())) > limitNs || float64(s.givenUp) > givenUpShare*float64(s.due))
	}
	if !out(during[len(during)-1]) && !out(after[0]) {
		x.Outcome = notOverloaded
		x.Recover = stats.Refuse("not overloaded: %s did not leave its level", o.Percentile)
		return
	}
	endMs, windowMs := o.End().Milliseconds(), after[len(after)-1].toMs
	back := 0 // the first step of those that have been within since
	for i, s := range after {
		if out(s) {
			back = i + 1
			continue
		}
		rest := o.Hold == 0 && i == len(after)-1
		if rest || o.Hold > 0 && s.toMs-after[back].fromMs >= o.Hold.Milliseconds() {
			x.Outcome = recovered
			x.Recover = stats.Of(float64(max(time.Duration(after[back].fromMs-endMs)*time.Millisecond, time.Duration(x.StepNs))))
			return
		}
	}
	x.Outcome = notRecovered
	x.Recover = stats.Refuse("not recovered within the %v that the window went on", time.Duration(windowMs-endMs)*time.Millisecond)
}
