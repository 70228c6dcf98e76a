package report

import (
	"fmt"
	"slices"

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
			q := quantity{latency: true, of: func(r *run) stats.Number { return r.shift[i] }}
			if q.hiding(by, arm.Name, a.Baseline) {
				continue
			}
			if both := stats.PairBlocks(shiftAt(own, i), shiftAt(base, i)); len(both) > 0 {
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

// shiftAt is the i-th of [stats.ShiftPercentiles] of each block that carries it.
func shiftAt(runs []*run, i int) map[int]float64 {
	out := map[int]float64{}
	for _, r := range runs {
		if v, ok := r.shift[i].Get(); ok {
			out[r.Block] = v
		}
	}
	return out
}

// shiftFloors is what one arm differs from itself by, percentile by percentile: the
// floor of [Analysis.compare], from the second runs of every arm that kept up.
func (a *Analysis) shiftFloors(p *Point, by map[who]*runs) ([]figure.ShiftFloor, error) {
	var out []figure.ShiftFloor
	for i, percentile := range stats.ShiftPercentiles {
		var null []stats.Pair
		for _, arm := range a.Arms {
			if !contains(p.Saturated, arm.Name) {
				null = append(null, stats.PairBlocks(shiftAt(by[who{arm.Name, true}].list(), i), shiftAt(by[who{arm.Name, false}].list(), i))...)
			}
		}
		e, err := stats.Compare(nil, null, 0)
		if err != nil {
			return nil, err
		}
		if v, ok := e.Floor.Get(); ok {
			out = append(out, figure.ShiftFloor{Percentile: percentile, Factor: v})
		}
	}
	return out, nil
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
	floors, err := g.a.shiftFloors(p, g.d[where{group.Workload, group.Durability, p.LoadPerSec}])
	if err != nil {
		return err
	}
	n, blocks := group.size()
	// Arms that lost blocks to their gates have a band of another level, or none.
	var banded []float64
	for _, s := range p.Shifts {
		if s.Level > 0 {
			banded = append(banded, s.Level)
		}
	}
	band := "Fewer than nine blocks give no band that holds all ratios at once at 95 %."
	if len(banded) > 0 {
		without, at := band, ""
		if slices.Min(banded) < slices.Max(banded) {
			at = "at least "
		}
		band = fmt.Sprintf("The band holds all true ratios at once with %s%s %% confidence.", at, stats.Percent(slices.Min(banded)))
		if len(banded) < len(p.Shifts) {
			band += " " + without
		}
	}
	if len(floors) > 0 {
		band += " Grey is the A/A floor of each percentile: what lies inside it is not resolved."
	}
	f := g.head("shift-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Response time over that of %s by percentile: %s, durability %s, %s", g.a.Baseline, group.Workload, group.Durability, p.loadText()),
		"Each point is the Hodges-Lehmann estimate over blocks of one percentile's ratio; a level line is a change by one factor, a line that bends one that slow requests feel otherwise. "+band,
		group.Durability, blocks, n)
	return g.save(group.place(), figure.Shift(f, g.palette, floors, curves))
}
