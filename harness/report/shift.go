package report

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
)

// Shift is how the whole distribution of response times of arm A differs from
// that of B.
type Shift struct {
	A string `json:"a"`
	B string `json:"b"`
	stats.ShiftFunction
}

// shifts compares the response times of every arm with the baseline's, percentile
// by percentile, as far as every block carries them.
func (a *Analysis) shifts(p *Point, by map[who]*runs) error {
	base := by[who{a.Baseline, false}].list()
	for _, arm := range a.Arms {
		own := by[who{arm.Name, false}].list()
		if arm.Name == a.Baseline || contains(p.Saturated, arm.Name) || contains(p.Saturated, a.Baseline) {
			continue
		}
		var percentiles []float64
		var pairs [][]stats.Pair
		for i, percentile := range stats.ShiftPercentiles {
			at := func(runs []*run) map[int]float64 {
				out := map[int]float64{}
				for _, r := range runs {
					if v, ok := r.shift[i].Get(); ok {
						out[r.Block] = v
					}
				}
				return out
			}
			if both := stats.PairBlocks(at(own), at(base)); len(both) > 0 {
				percentiles, pairs = append(percentiles, percentile), append(pairs, both)
			}
		}
		if len(percentiles) == 0 {
			continue
		}
		f, err := stats.Shifts(percentiles, pairs)
		if err != nil {
			return err
		}
		p.Shifts = append(p.Shifts, Shift{arm.Name, a.Baseline, f})
	}
	return nil
}

// shiftFigure draws the shift functions at the load of the headline.
func (g *gallery) shiftFigure(group *Group) error {
	p := &group.Points[group.Headline]
	var curves []figure.ShiftCurve
	for _, s := range p.Shifts {
		curves = append(curves, figure.ShiftCurve{Arm: s.A, Points: s.Points})
	}
	if len(curves) == 0 {
		return nil
	}
	n, blocks := group.size()
	band := "Fewer than nine blocks give no band that holds all ratios at once at 95 %."
	if level := p.Shifts[0].Level; level > 0 {
		band = fmt.Sprintf("The band holds all true ratios at once with %s %% confidence.", stats.Percent(level))
	}
	f := g.head("shift-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Response time over that of %s by percentile: %s, durability %s, %s", g.a.Baseline, group.Workload, group.Durability, p.loadText()),
		"Each point is the Hodges-Lehmann estimate over blocks of one percentile's ratio; a level line is a change by one factor, a line that bends one that slow requests feel otherwise. "+band,
		group.Durability, blocks, n)
	return g.save(group.place(), figure.Shift(f, g.palette, curves))
}
