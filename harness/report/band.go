package report

import (
	"fmt"
	"sort"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
)

// band is, percentile by percentile, the interval between two of the blocks' values
// that holds their median whatever their law (by the binomial, as for crossovers: a
// block's percentiles are skewed, so that no symmetry is assumed), as far as every
// block carries the percentile; none where blocks are too few.
func band(runs []*run) (out []figure.Bound, level float64) {
	rank, level := stats.MedianRank(len(runs))
	if rank < 0 {
		return nil, 0
	}
	at := map[float64][]float64{}
	for _, r := range runs {
		for _, q := range r.curve {
			at[q.Percentile] = append(at[q.Percentile], q.Ns)
		}
	}
	for percentile, values := range at {
		if len(values) == len(runs) {
			sort.Float64s(values)
			out = append(out, figure.Bound{Percentile: percentile, LoNs: values[rank], HiNs: values[len(values)-1-rank]})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Percentile < out[j].Percentile })
	return out, level
}

// spreadOut adds to an arm's curve what its blocks say: a band, or each of them.
func spreadOut(c *figure.Curve, runs []*run) {
	if c.Replicate {
		return // the background of the others
	}
	if c.Band, _ = band(runs); c.Band != nil || len(runs) < 2 {
		return
	}
	for _, r := range runs {
		c.Runs = append(c.Runs, figure.RunCurve{Block: r.Block, Points: r.curve})
	}
	sort.Slice(c.Runs, func(i, j int) bool { return c.Runs[i].Block < c.Runs[j].Block })
}

// bandCaption says what is drawn about the point's curves. Arms that lost blocks to
// their gates have bands of other levels than the rest, or none.
func (p *Point) bandCaption() (text string) {
	least, most, thin := 1.0, 0.0, false
	for _, arm := range p.Arms {
		switch _, level := stats.MedianRank(arm.Blocks); {
		case arm.Replicate:
		case level > 0:
			least, most = min(least, level), max(most, level)
		default:
			thin = thin || arm.Blocks > 1
		}
	}
	if most > 0 {
		at := stats.Percent(least)
		if least < most {
			at = "at least " + at
		}
		text = fmt.Sprintf(" A band holds the median of blocks' percentiles with %s %% confidence, each percentile for itself, whatever their law (order statistics); it ends where a block's own samples do. Where it leaves the curve, which merges all, few blocks made the tail.", at)
	}
	if thin {
		text += fmt.Sprintf(" Thin lines are the single runs: a band at 95 %% takes %d blocks.", stats.MinBlocks)
	}
	return text
}
