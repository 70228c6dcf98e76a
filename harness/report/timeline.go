package report

import (
	"fmt"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/steady"
	"github.com/ceteris/ceteris/workloads"
)

// eventful is a workload of the experiment in whose window something is to happen;
// nil of others.
func eventful(e *workloads.Experiment, name string) *workloads.Workload {
	if e == nil {
		return nil
	}
	if w := workloadOf(e, name); w != nil && w.Eventful() {
		return w
	}
	return nil
}

// line is a run along its measured window, for time-lines.
type line struct {
	workload *workloads.Workload
	moments  []result.Moment
	// levels are of timePercentiles, in steps that carry them.
	levels [len(timePercentiles)][]figure.TimelinePoint
}

// timePercentiles are those that time-lines show.
var timePercentiles = [...]float64{50, 99}

// happened reads what a cell in which something was to happen shows of it.
func (x *run) happened(w *workloads.Workload, intervals []*hdr.Histogram, class string) error {
	if w == nil {
		return nil
	}
	byTime, err := steady.ByTime(intervals)
	if err != nil {
		return err
	}
	x.line = &line{workload: w}
	if x.line.moments, err = x.Timeline(); err != nil {
		return err
	}
	if w.Overload != nil {
		if x.overload, err = overloadOf(w, x.CellRecord, byTime, x.line.moments, class); err != nil {
			return err
		}
	}
	x.line.levels, err = levels(w, x.LoadPerSec, byTime, x.line.moments, 1, class)
	return err
}

// levels are the percentiles of each step, as far as its requests carry them; runs
// is how many of them are merged.
func levels(w *workloads.Workload, perSec float64, intervals []*hdr.Histogram, moments []result.Moment, runs int, class string) (out [len(timePercentiles)][]figure.TimelinePoint, err error) {
	if len(moments) == 0 || len(moments) != len(intervals) {
		return out, nil
	}
	bounds := []int{0, len(moments)}
	if w.Overload != nil {
		_, b, _, d := edges(moments, w.Overload)
		bounds = []int{0, b, d, len(moments)}
	}
	for i, p := range timePercentiles {
		k := 1
		if perSec > 0 {
			k = stepOf(perSec*float64(runs), moments, p)
		}
		for s := range bounds[1:] {
			from, to := bounds[s], bounds[s+1]
			if from == to {
				continue
			}
			steps, err := spans(intervals, moments, from, to, min(k, to-from))
			if err != nil {
				return out, err
			}
			for _, s := range steps {
				gate := stats.Samples{Count: s.hist.TotalCount(), Censored: s.givenUp, Class: class}
				point := figure.TimelinePoint{FromSec: float64(s.fromMs) / 1e3, ToSec: float64(s.toMs) / 1e3}
				if gate.Gate(p) == "" {
					point.Value = float64(max(1, s.hist.ValueAtPercentile(p)))
				}
				out[i] = append(out[i], point)
			}
		}
	}
	return out, nil
}

// along are the runs of an arm merged interval by interval: the percentiles, and
// the median of what was waiting. Runs whose intervals are others are left out.
func (s *runs) along(class string) (out [len(timePercentiles)][]figure.TimelinePoint, waiting []figure.TimelinePoint, err error) {
	var merged []*hdr.Histogram
	var moments []result.Moment
	var left [][]float64
	n := 0
	for _, r := range s.all {
		if r.line == nil || len(r.line.moments) == 0 || moments != nil && len(r.line.moments) != len(moments) {
			continue
		}
		intervals, err := r.Intervals("response", "")
		if err == nil {
			intervals, err = steady.ByTime(intervals)
		}
		if err != nil {
			return out, nil, err
		}
		if moments == nil {
			moments, merged, left = append(moments, r.line.moments...), intervals, make([][]float64, len(intervals))
		} else {
			for i := range merged {
				if merged[i], err = result.MergeHistograms([]*hdr.Histogram{merged[i], intervals[i]}); err != nil {
					return out, nil, err
				}
				moments[i].GivenUp += r.line.moments[i].GivenUp
			}
		}
		for i, m := range r.line.moments {
			left[i] = append(left[i], float64(m.Waiting))
		}
		n++
	}
	if n == 0 {
		return out, nil, nil
	}
	for i, m := range moments {
		waiting = append(waiting, figure.TimelinePoint{FromSec: float64(m.ToMs) / 1e3, ToSec: float64(m.ToMs) / 1e3, Value: figure.Median(left[i])})
	}
	first := s.all[0]
	out, err = levels(first.line.workload, first.LoadPerSec, merged, moments, n, class)
	return out, waiting, err
}

// timelines draws what happened along the window, at each load of a group in which
// something was to.
func (g *gallery) timelines(group *Group) error {
	for i := range group.Points {
		p := &group.Points[i]
		if err := g.timeline(group, p); err != nil {
			return err
		}
	}
	return nil
}

func (g *gallery) timeline(group *Group, p *Point) error {
	by := g.d[where{group.Workload, group.Durability, p.LoadPerSec}]
	panels := []figure.TimelinePanel{
		{Label: "p50 response time", Key: "p50_ns", Log: true, Text: figure.Duration},
		{Label: "p99 response time", Key: "p99_ns", Log: true, Text: figure.Duration},
		{Label: "requests waiting", Key: "waiting", Text: figure.Count},
	}
	var w *workloads.Workload
	var faults []result.Fault
	var requests int64
	blocks := 0
	for _, arm := range p.Arms {
		s := by[who{arm.Arm, arm.Replicate}]
		if arm.Replicate || len(s.list()) == 0 || s.all[0].line == nil {
			continue
		}
		w = s.all[0].line.workload
		requests, blocks = requests+arm.Response.Count, max(blocks, arm.Blocks)
		all, waiting, err := s.along(g.a.HostClass)
		if err != nil {
			return err
		}
		for k := range all {
			panels[k].Curves = append(panels[k].Curves, figure.TimelineCurve{Arm: arm.Arm, Points: all[k]})
		}
		panels[2].Curves = append(panels[2].Curves, figure.TimelineCurve{Arm: arm.Arm, Points: waiting})
		for _, r := range s.all {
			faults = append(faults, r.Faults...)
			for k := range r.line.levels {
				panels[k].Curves = append(panels[k].Curves, figure.TimelineCurve{Arm: arm.Arm, Block: r.Block, Run: true, Points: r.line.levels[k]})
			}
			var own []figure.TimelinePoint
			for _, m := range r.line.moments {
				own = append(own, figure.TimelinePoint{FromSec: float64(m.ToMs) / 1e3, ToSec: float64(m.ToMs) / 1e3, Value: float64(m.Waiting)})
			}
			panels[2].Curves = append(panels[2].Curves, figure.TimelineCurve{Arm: arm.Arm, Block: r.Block, Run: true, Points: own})
		}
	}
	if w == nil {
		return nil
	}
	f := g.head("timeline-"+group.Workload+"-"+group.Durability+"-"+p.Load,
		fmt.Sprintf("Along the measured window: %s, durability %s, %s", group.Workload, group.Durability, p.loadText()),
		timelineCaption(w), group.Durability, blocks, requests)
	return g.save(group.place()+"/"+p.Load, figure.Timeline(f, g.palette, happenings(w, faults), panels))
}

// happenings are the spans that a time-line shades: the overload as planned, faults as
// they were.
func happenings(w *workloads.Workload, faults []result.Fault) []figure.Happening {
	var out []figure.Happening
	if o := w.Overload; o != nil {
		out = append(out, figure.Happening{Label: "overload", FromSec: o.At.Seconds(), ToSec: o.End().Seconds()})
	}
	for _, f := range faults {
		if f.SlowNs > 0 {
			out = append(out, figure.Happening{Label: "slow", FromSec: float64(f.AskedNs) / 1e9, ToSec: float64(f.AnsweredNs) / 1e9})
			continue
		}
		// All threads go on at one moment, which the broker sets when it is asked; its
		// answer may come later.
		end := f.AskedNs + f.StallNs
		out = append(out, figure.Happening{Label: "stall", FromSec: float64(end-f.Stood.LongestNs) / 1e9, ToSec: float64(end) / 1e9})
	}
	return out
}

func timelineCaption(w *workloads.Workload) string {
	var b strings.Builder
	b.WriteString("Every request counts at the moment at which it was due. Thick lines are of the blocks' histograms merged, thin ones single runs; ")
	b.WriteString("a step is as long as its percentile needs requests, and a gap is one that does not carry it. ")
	b.WriteString("Waiting is what was due and not answered, in the generator's queues or outstanding, in the middle of the blocks.")
	if o := w.Overload; o != nil {
		fmt.Fprintf(&b, " The load was %s times as high from %v to %v.", number(o.Factor), o.At, o.End())
	}
	if len(w.Faults) > 0 {
		b.WriteString(" Stalls are where the brokers say they were, slow requests from when that was asked for to when it was taken back, those of all runs over each other.")
	}
	return b.String()
}
