package report

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/stats"
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
