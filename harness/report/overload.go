package report

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
)

// Overload is what an arm's runs did when the load rose for a while and fell again:
// medians over the blocks.
type Overload struct {
	AtSec      float64 `json:"at_sec"`
	ForSec     float64 `json:"for_sec"`
	Factor     float64 `json:"factor"`
	Percentile string  `json:"percentile"`
	Within     float64 `json:"within"`
	HoldSec    float64 `json:"hold_sec"` // 0: to the end of the window

	Blocks     int `json:"blocks"`
	Overloaded int `json:"blocks_overloaded"`
	Recovered  int `json:"blocks_recovered"`
	// Recover is the median of all blocks, in which one that did not recover is
	// longer than any that did; there is none where that is in the middle.
	Recover stats.Number  `json:"time_to_recover_ns"`
	Peak    stats.Number  `json:"backlog_peak"`
	Worst   stats.Number  `json:"worst_response_ns"`
	Goodput stats.Number  `json:"goodput_share"`
	GivenUp int64         `json:"given_up"`
	CapHits int64         `json:"cap_hits"`
	Runs    []OverloadRun `json:"runs"`
}

// The quantities of a workload with an overload.
const (
	timeToRecover = "time_to_recover"
	goodput       = "overload_goodput"
)

var overloadQuantities = []quantity{
	{timeToRecover, "time to recover", false, func(r *run) stats.Number { return r.overload.Recover }},
	{goodput, "goodput in the overload", false, func(r *run) stats.Number { return r.overload.Goodput }},
	{"overload_backlog_peak", "backlog peak of the overload", false, func(r *run) stats.Number { return r.overload.Peak }},
	{"overload_worst_response", "worst response, overload", false, func(r *run) stats.Number { return r.overload.Worst }},
}

// overloaded sums the runs of an arm up; nil where there was no overload.
func (s *runs) overloaded() *Overload {
	if len(s.all) == 0 || s.all[0].line == nil || s.all[0].line.workload.Overload == nil {
		return nil
	}
	o := s.all[0].line.workload.Overload
	out := &Overload{
		AtSec: o.At.Seconds(), ForSec: o.For.Seconds(), Factor: o.Factor, Percentile: o.Percentile, Within: o.Within, HoldSec: o.Hold.Seconds(),
	}
	var took, peak, worst, share []float64
	add := func(to *[]float64, n stats.Number) {
		if v, ok := n.Get(); ok {
			*to = append(*to, v)
		}
	}
	for _, r := range s.all {
		x := r.overload
		if x == nil {
			continue
		}
		out.Blocks++
		out.Runs = append(out.Runs, *x)
		out.GivenUp, out.CapHits = out.GivenUp+x.GivenUp, out.CapHits+x.CapHits
		switch x.Outcome {
		case recovered:
			out.Overloaded++
			out.Recovered++
		case notRecovered:
			out.Overloaded++
			took = append(took, math.Inf(1))
		}
		add(&took, x.Recover)
		add(&peak, x.Peak)
		add(&worst, x.Worst)
		add(&share, x.Goodput)
	}
	if out.Blocks == 0 {
		return nil
	}
	sort.Slice(out.Runs, func(i, j int) bool { return out.Runs[i].Block < out.Runs[j].Block })
	// A median over some of the blocks would be one of those that went well.
	of := func(v []float64, number func(OverloadRun) stats.Number) stats.Number {
		if len(v) < out.Blocks {
			for _, x := range out.Runs {
				if n := number(x); !n.OK() && x.Outcome != notRecovered {
					return stats.Refuse("in %d of %d blocks: %s", out.Blocks-len(v), out.Blocks, n.Refusal())
				}
			}
		}
		if m := figure.Median(v); !math.IsInf(m, 1) {
			return stats.Of(m)
		}
		return stats.Refuse("recovered in %d of %d blocks within the window", out.Recovered, out.Blocks)
	}
	out.Recover = of(took, func(x OverloadRun) stats.Number { return x.Recover })
	out.Peak = of(peak, func(x OverloadRun) stats.Number { return x.Peak })
	out.Worst = of(worst, func(x OverloadRun) stats.Number { return x.Worst })
	out.Goodput = of(share, func(x OverloadRun) stats.Number { return x.Goodput })
	return out
}

// compareOverload compares what overloads are about.
func (a *Analysis) compareOverload(arm string, by map[who]*runs) ([]Comparison, error) {
	var out []Comparison
	for _, q := range overloadQuantities {
		c, err := a.compareWhole(q, arm, a.Baseline, by)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// compareWhole compares a quantity of overloads. A block in which an arm has no such
// number is one in which it went badly, so leaving it out would favour that arm: with
// one of them there is no ratio.
func (a *Analysis) compareWhole(q quantity, arm, base string, by map[who]*runs) (Comparison, error) {
	c, err := a.compare(q, arm, base, nil, by)
	if err != nil {
		return c, err
	}
	var why []string
	for _, name := range []string{arm, base} {
		missing, all, reason := 0, 0, ""
		for _, r := range by[who{name, false}].list() {
			all++
			if n := q.of(r); !n.OK() {
				missing++
				reason = n.Refusal()
			}
		}
		if missing > 0 {
			why = append(why, fmt.Sprintf("%s in %d of %d blocks %s", name, missing, all, reason))
		}
	}
	if len(why) > 0 {
		no := stats.Refuse("%s", strings.Join(why, "; "))
		c.Effect = stats.Effect{
			Blocks: c.Blocks, Ratio: no, Lo: no, Hi: no, Floor: no, P: no, PEqual: no, Verdict: stats.Absent, Words: no.Refusal(),
		}
	}
	return c, nil
}

// text is an arm's overload in a line.
func (o *Overload) text() string {
	if _, ok := o.Recover.Get(); ok {
		return fmt.Sprintf("recovered %s after it (%d of %d blocks)", duration(o.Recover), o.Recovered, o.Blocks)
	}
	if o.Overloaded == 0 {
		return o.Recover.Refusal()
	}
	return fmt.Sprintf("recovered in %d of %d blocks", o.Recovered, o.Blocks)
}

// overloadText is the group's overload for the headline.
func (p *Point) overloadText() string {
	var b strings.Builder
	for _, x := range p.Arms {
		o := x.Overload
		if o == nil || x.Replicate {
			continue
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "  overload of %s times the load for %s\n", number(o.Factor), time.Duration(o.ForSec*1e9))
		}
		fmt.Fprintf(&b, "    %-30s%s\n", x.Arm, o.text())
	}
	return b.String()
}

// Overloaded reports whether the load rose for a while.
func (p *Point) Overloaded() bool {
	for _, a := range p.Arms {
		if a.Overload != nil {
			return true
		}
	}
	return false
}

// Overloaded reports whether the group's workload has an overload.
func (g *Group) Overloaded() bool {
	for i := range g.Points {
		if g.Points[i].Overloaded() {
			return true
		}
	}
	return false
}

// OverloadOf is what the overload of the group's workload was.
func (g *Group) OverloadOf() *Overload {
	for i := range g.Points {
		for _, a := range g.Points[i].Arms {
			if a.Overload != nil {
				return a.Overload
			}
		}
	}
	return nil
}

func overloadRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "arm", "replicate", "at_sec", "for_sec", "factor", "percentile", "within", "hold_sec",
		"block", "outcome", "time_to_recover_ns", "step_ns", "level_before_ns", "backlog_peak", "worst_response_ns", "goodput_share", "given_up", "cap_hits",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			o := x.Overload
			if o == nil {
				continue
			}
			for _, r := range o.Runs {
				rows = append(rows, []string{
					g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate),
					plain(o.AtSec), plain(o.ForSec), plain(o.Factor), o.Percentile, plain(o.Within), plain(o.HoldSec),
					strconv.Itoa(r.Block), r.Outcome, field(r.Recover), strconv.FormatInt(r.StepNs, 10), field(r.Level), field(r.Peak), field(r.Worst), field(r.Goodput),
					strconv.FormatInt(r.GivenUp, 10), strconv.FormatInt(r.CapHits, 10),
				})
			}
		}
	})
	return rows
}
