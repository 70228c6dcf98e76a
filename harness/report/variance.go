package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/gonum/stat"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// Variance is where the log ratio of two arms gets its spread from, level by level,
// and how often each is worth repeating. The standard deviations are of logarithms:
// 0.05 is about 5 %. In a block, arm A less arm B is
//
//	effect + (block's own effects) + (cells' own) + (intervals' own)/intervals
//
// with one of each kind for either arm. That of intervals is their variance within
// cells, that of cells what a replicate shows beside it, that of blocks what is left
// of the spread of the log ratios over blocks, halved for one arm.
type Variance struct {
	Workload   string `json:"workload"`
	Durability string `json:"durability"`
	Load       string `json:"load"`
	Quantity   string `json:"quantity"`
	A          string `json:"a"`
	B          string `json:"b"`

	Intervals int `json:"intervals"` // of a cell; 0: the quantity has none
	Pairs     int `json:"pairs"`     // of a cell and its replicate
	Blocks    int `json:"blocks"`    // that have both arms

	Interval stats.Number `json:"interval_sd"`
	Cell     stats.Number `json:"cell_sd"`
	Block    stats.Number `json:"block_sd"`
	// Shared is what both arms of a block have in common, which pairing removes.
	Shared stats.Number `json:"shared_block_sd"`

	// WantIntervals a cell and WantCells of each arm a block would reach a given
	// width in the least time; WantSec is the window that so many intervals make.
	WantIntervals stats.Number `json:"want_intervals"`
	WantSec       stats.Number `json:"want_window_sec"`
	WantCells     stats.Number `json:"want_cells"`
}

// Repeats is what repetitions took in this run, medians, and what more would take.
type Repeats struct {
	IntervalSec stats.Number `json:"interval_sec"`
	RestartSec  stats.Number `json:"restart_sec"` // of a cell, beside its window
	BlockSec    stats.Number `json:"block_sec"`   // of a block, beside its cells
	Cells       int          `json:"block_cells"`
	// MoreBlocks make intervals half as wide, in about MoreSec.
	MoreBlocks stats.Number `json:"more_blocks"`
	MoreSec    stats.Number `json:"more_sec"`
}

// within is the variance of a cell's intervals.
type within struct {
	variance float64
	n        int // 0: an interval has too few requests
}

// withinOf is that of the logarithm of a percentile.
func withinOf(intervals []*hdr.Histogram, percentile float64) within {
	var logs []float64
	for _, h := range intervals {
		if h.TotalCount() < stats.MinSamples(percentile) {
			return within{}
		}
		logs = append(logs, math.Log(float64(max(1, h.ValueAtPercentile(percentile)))))
	}
	if len(logs) < 2 {
		return within{}
	}
	return within{stats.Variance(logs), len(logs)}
}

// variances splits the spread of every headlined comparison.
func (a *Analysis) variances(d data, cells []*result.CellRecord) {
	a.repeats(cells, a.compared())
	a.each(func(g *Group, p *Point) {
		at := d[where{g.Workload, g.Durability, p.LoadPerSec}]
		for _, arm := range a.Arms {
			if arm.Name == a.Baseline {
				continue
			}
			for k, q := range quantities[:headlines] {
				if q.latency && (contains(p.Saturated, arm.Name) || contains(p.Saturated, a.Baseline)) {
					continue
				}
				v := Variance{Workload: g.Workload, Durability: g.Durability, Load: p.Load, Quantity: q.key, A: arm.Name, B: a.Baseline}
				if v.split(q, k, at) {
					v.suggest(a.Repeats)
					a.Variance = append(a.Variance, v)
				}
			}
		}
	})
}

// split fills the components in; false where fewer than two blocks have both arms.
func (v *Variance) split(q quantity, k int, at map[who]*runs) bool {
	logs := func(w who) map[int]float64 {
		out := map[int]float64{}
		for _, r := range at[w].list() {
			if x, ok := q.of(r).Get(); ok && x > 0 {
				out[r.Block] = math.Log(x)
			}
		}
		return out
	}
	var intervals, squares []float64
	v.Intervals = math.MaxInt
	for _, arm := range []string{v.A, v.B} {
		for _, replicate := range []bool{false, true} {
			for _, r := range at[who{arm, replicate}].list() {
				w := within{}
				if k < len(r.within) {
					w = r.within[k]
				}
				intervals, v.Intervals = append(intervals, w.variance), min(v.Intervals, w.n)
			}
		}
		own, again := logs(who{arm, false}), logs(who{arm, true})
		for _, block := range blocksOf(own, again) {
			z := again[block] - own[block]
			squares = append(squares, z*z/2)
		}
	}
	a, b := logs(who{v.A, false}), logs(who{v.B, false})
	var both, left, right []float64
	for _, block := range blocksOf(a, b) {
		both, left, right = append(both, a[block]-b[block]), append(left, a[block]), append(right, b[block])
	}
	if v.Pairs, v.Blocks = len(squares), len(both); v.Blocks < 2 {
		return false
	}
	s, r := []float64{0, 0, stats.Variance(both) / 2}, []float64{1, 1}
	if v.Intervals > 0 {
		s[0], r[0] = stat.Mean(intervals, nil), float64(v.Intervals)
	}
	few := "not every interval has the requests that it takes"
	if !q.latency {
		few = "it is counted over whole windows"
	}
	v.Interval, v.Cell, v.Block = stats.Refuse("%s", few), stats.Refuse("no block has a replicate"), stats.Refuse("no block has a replicate")
	if v.Intervals > 0 {
		v.Interval = deviation(s[0])
	}
	if v.Pairs > 0 {
		s[1] = stat.Mean(squares, nil)
		t := stats.Components(s, r)
		v.Cell, v.Block = deviation(t[1]), deviation(t[2])
	}
	// Covariance by the variance of the sum and of the difference.
	sum := make([]float64, len(left))
	for i := range left {
		sum[i] = left[i] + right[i]
	}
	v.Shared = deviation((stats.Variance(sum) - stats.Variance(both)) / 4)
	return true
}

// suggest fills in how often each level is worth repeating.
func (v *Variance) suggest(c *Repeats) {
	no := stats.Refuse("when cells began is not recorded")
	v.WantIntervals, v.WantCells, v.WantSec = no, no, no
	if c == nil {
		return
	}
	interval, _ := c.IntervalSec.Get()
	restart, _ := c.RestartSec.Get()
	block, _ := c.BlockSec.Get()
	at := func(n stats.Number) float64 { x, _ := n.Get(); return x * x }
	v.WantIntervals = firstRefusal(v.Interval, v.Cell)
	if v.WantIntervals.OK() {
		v.WantIntervals = stats.Repetitions(interval, restart, at(v.Interval), at(v.Cell))
	}
	v.WantSec = v.WantIntervals.Times(interval)
	if v.WantCells = v.Cell; v.Cell.OK() {
		v.WantCells = stats.Repetitions(restart, block, at(v.Cell), at(v.Block))
	}
}

// firstRefusal is the first that is refused, or the last.
func firstRefusal(all ...stats.Number) stats.Number {
	for _, n := range all {
		if !n.OK() {
			return n
		}
	}
	return all[len(all)-1]
}

// compared is how many blocks the intervals rest on: of a run that is not complete, or
// has lost cells to their gates, fewer than were planned.
func (a *Analysis) compared() (blocks int) {
	a.each(func(_ *Group, p *Point) {
		for _, c := range p.headlined() {
			blocks = max(blocks, c.Blocks)
		}
	})
	return blocks
}

// repeats reads the costs off the cells' beginnings; nil where none is recorded.
func (a *Analysis) repeats(cells []*result.CellRecord, blocks int) {
	var steps, gaps, windows, intervals []float64
	most := 0
	began := func(c *result.CellRecord) (time.Time, bool) {
		t, err := time.Parse(time.RFC3339Nano, c.StartUTC)
		return t, err == nil
	}
	ordered := slices.Clone(cells)
	slices.SortStableFunc(ordered, func(x, y *result.CellRecord) int {
		if x.Block != y.Block {
			return x.Block - y.Block
		}
		return x.Position - y.Position
	})
	for i, c := range ordered {
		if ns := c.Load.EndMonotonicNs - c.Load.StartMonotonicNs; ns > 0 && c.Valid {
			windows, intervals = append(windows, float64(ns)/1e9), append(intervals, c.Load.IntervalSec)
		}
		if most = max(most, c.Position+1); i == 0 {
			continue
		}
		before, ok := began(ordered[i-1])
		now, ok2 := began(c)
		if s := now.Sub(before).Seconds(); ok && ok2 && s > 0 {
			if ordered[i-1].Block == c.Block {
				steps = append(steps, s)
			} else {
				gaps = append(gaps, s)
			}
		}
	}
	if len(steps) == 0 || len(windows) == 0 {
		return
	}
	step, window, block := figure.Median(steps), figure.Median(windows), 0.0
	if len(gaps) > 0 {
		block = max(0, figure.Median(gaps)-step)
	}
	r := &Repeats{
		IntervalSec: stats.Of(figure.Median(intervals)), RestartSec: stats.Of(stats.Round(max(0, step-window))),
		BlockSec: stats.Of(stats.Round(block)), Cells: most, MoreBlocks: stats.BlocksForHalf(blocks),
	}
	if blocks < stats.MinBlocks {
		r.MoreBlocks = stats.Of(stats.MinBlocks)
	}
	if n, ok := r.MoreBlocks.Get(); ok {
		n -= float64(blocks)
		r.MoreBlocks, r.MoreSec = stats.Of(n), stats.Of(stats.Round(n*(float64(most)*step+block)))
	}
	a.Repeats = r
}

// RepeatsLine is the line of the report about it.
func (a *Analysis) RepeatsLine() string {
	if a.Repeats == nil || len(a.Variance) == 0 {
		return ""
	}
	n, ok := a.Repeats.MoreBlocks.Get()
	if !ok {
		return ""
	}
	sec, _ := a.Repeats.MoreSec.Get()
	what := "For an interval half as wide"
	if a.compared() < stats.MinBlocks {
		what = "For the first interval at 95 %"
	}
	return fmt.Sprintf("%s: %s, about %v", what, plural(int(n), "more block"), time.Duration(sec*1e9).Round(time.Second))
}

func blocksOf[V any](a, b map[int]V) []int {
	var out []int
	for block := range a {
		if _, ok := b[block]; ok {
			out = append(out, block)
		}
	}
	slices.Sort(out)
	return out
}

// deviation is the root of a component; what is estimated below 0 is 0.
func deviation(variance float64) stats.Number {
	return stats.Of(stats.Round(math.Sqrt(max(0, variance))))
}

func varianceRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load", "quantity", "a", "b", "intervals", "pairs", "blocks", "interval_sd", "cell_sd", "block_sd", "shared_block_sd",
		"want_intervals", "want_window_sec", "want_cells",
	}}
	for _, v := range a.Variance {
		rows = append(rows, []string{
			v.Workload, v.Durability, v.Load, v.Quantity, v.A, v.B, strconv.Itoa(v.Intervals), strconv.Itoa(v.Pairs), strconv.Itoa(v.Blocks),
			field(v.Interval), field(v.Cell), field(v.Block), field(v.Shared), field(v.WantIntervals), field(v.WantSec), field(v.WantCells),
		})
	}
	return rows
}
