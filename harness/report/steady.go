package report

import (
	"fmt"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/steady"
	"github.com/ceteris/ceteris/workloads"
)

// SteadyCounts says how many cells had a steady window.
type SteadyCounts struct{ Cells, Steady, Moved, NotJudged int }

// SteadyCounts counts the verdicts of the cells that count.
func (a *Analysis) SteadyCounts() SteadyCounts {
	var n SteadyCounts
	a.eachRun(func(_ string, r *RunPoint) {
		n.Cells++
		switch {
		case !r.Steady.OK():
			n.Moved++
		case r.Steady.P50.Verdict == stats.IsSteady:
			n.Steady++
		default:
			n.NotJudged++
		}
	})
	return n
}

// truncate finds what the experiment's rule drops of windows, and says so.
func (a *Analysis) truncate(e *workloads.Experiment, cells []*result.CellRecord) (steady.Cuts, error) {
	if e == nil || e.Steady.Truncate == workloads.NoCut {
		return nil, nil
	}
	a.Truncate = e.Steady.Truncate
	cuts, err := steady.Find(a.Truncate, cells, func(c *result.CellRecord) ([]*hdr.Histogram, error) {
		return c.Intervals(kinds[response], "")
	})
	cut := 0
	for _, n := range cuts {
		if n > 0 {
			cut++
		}
	}
	a.Notes = append(a.Notes, fmt.Sprintf("Windows are truncated by the rule %s, declared before the run: in %d of %s the first intervals are left out of response, service, slip and end-to-end times, as many in every cell. CPU time and other costs per message, rates, stages, threads and searches are those of whole windows.",
		a.Truncate, cut, plural(len(cuts), "comparison")))
	return cuts, err
}

// Moved lists the cells whose window was not steady.
func (a *Analysis) Moved() []LeftOut {
	var out []LeftOut
	a.eachRun(func(cell string, r *RunPoint) {
		if !r.Steady.OK() {
			out = append(out, LeftOut{cell, r.Steady.String()})
		}
	})
	return out
}

// eachRun calls f for every cell that counts, with a name that says which.
func (a *Analysis) eachRun(f func(cell string, r *RunPoint)) {
	a.each(func(g *Group, p *Point) {
		for i := range p.Arms {
			arm := &p.Arms[i]
			name := arm.Arm
			if arm.Replicate {
				name += " again"
			}
			for k := range arm.Runs {
				r := &arm.Runs[k]
				f(fmt.Sprintf("block %d, %s, %s, %s, %s", r.Block, g.Workload, g.Durability, p.Load, name), r)
			}
		}
	})
}
