package report

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
)

// Crossover is the load at which an arm and the baseline change places in one
// quantity: the median over blocks of where their log ratio, drawn over the
// logarithm of the load, passes 0, and the interval between two of the blocks'
// crossings that the binomial law gives. There is one only where the arms are
// resolved, beyond the A/A floor, as one way round at a load and as the other at a
// higher one.
type Crossover struct {
	Workload   string `json:"workload"`
	Durability string `json:"durability"`
	Quantity   string `json:"quantity"`
	A          string `json:"a"`
	B          string `json:"b"`
	// Blocks measured at all loads, and Crossed those in which the arms change
	// places between the first load and the last.
	Blocks  int          `json:"blocks"`
	Crossed int          `json:"blocks_crossed"`
	PerSec  stats.Number `json:"per_sec"`
	Lo      stats.Number `json:"lo"`
	Hi      stats.Number `json:"hi"`
	Level   float64      `json:"level"`
	// Below is what A is at loads below: lower or higher; empty where no change of
	// places is shown.
	Below string `json:"below"`
}

// crossovers looks for them wherever two loads or more are compared, in the
// response times; a load at which an arm fell behind has none.
func (a *Analysis) crossovers(d data) {
	for i := range a.Groups {
		g := &a.Groups[i]
		for _, q := range quantities[:2] {
			for _, arm := range a.Arms {
				if arm.Name == a.Baseline {
					continue
				}
				if c, ok := a.crossover(g, q, arm.Name, d); ok {
					a.Crossovers = append(a.Crossovers, c)
				}
			}
		}
	}
}

func (a *Analysis) crossover(g *Group, q quantity, arm string, d data) (Crossover, bool) {
	var loads []float64
	ratios := map[int][]float64{} // by block, in the order of loads
	for _, p := range g.Points {
		if p.LoadPerSec == 0 || contains(p.Saturated, arm) || contains(p.Saturated, a.Baseline) {
			continue
		}
		at := d[where{g.Workload, g.Durability, p.LoadPerSec}]
		if q.hiding(at, arm, a.Baseline) {
			continue
		}
		value := func(w who) map[int]float64 {
			out := map[int]float64{}
			for _, r := range at[w].list() {
				if v, ok := q.of(r).Get(); ok {
					out[r.Block] = v
				}
			}
			return out
		}
		pairs := stats.PairBlocks(value(who{arm, false}), value(who{a.Baseline, false}))
		for k, v := range stats.LogRatios(pairs) {
			if b := pairs[k].Block; len(ratios[b]) == len(loads) {
				ratios[b] = append(ratios[b], v)
			}
		}
		loads = append(loads, p.LoadPerSec)
	}
	var whole [][]float64
	for _, r := range ratios {
		if len(r) == len(loads) {
			whole = append(whole, r)
		}
	}
	if len(loads) < 2 || len(whole) == 0 {
		return Crossover{}, false
	}
	c := Crossover{Workload: g.Workload, Durability: g.Durability, Quantity: q.key, A: arm, B: a.Baseline, Blocks: len(whole)}
	c.find(loads, whole)
	if why := g.unchanged(q.key, arm, c.Below); why != "" {
		// Of arms that are alike, chance alone makes more than half of the blocks cross
		// as soon as there are four loads or more.
		none := stats.Refuse("%s", why)
		c.PerSec, c.Lo, c.Hi, c.Level, c.Below = none, none, none, 0, ""
	}
	return c, true
}

// unchanged is why no load parts those at which an arm is resolved as below from
// higher ones at which it is the opposite; empty where one does.
func (g *Group) unchanged(quantity, arm, below string) string {
	first, last, turns := "", "", 0
	for _, p := range g.Points { // upward
		for _, x := range p.Compared {
			ratio, ok := x.Ratio.Get()
			if !ok || p.LoadPerSec == 0 || x.A != arm || x.Quantity != quantity || x.Verdict != stats.Resolved {
				continue
			}
			is := "higher"
			if ratio < 1 {
				is = "lower"
			}
			if first == "" {
				first = is
			} else if is != last {
				turns++
			}
			last = is
		}
	}
	switch {
	case turns > 1:
		return fmt.Sprintf("loads resolve %s as lower and as higher by turns, so that no one load parts them", arm)
	case turns == 0 || first != below:
		return fmt.Sprintf("no load resolves %s as %s and a higher one as the opposite", arm, below)
	}
	return ""
}

// find fills the crossing in. A block that has none lies beyond one of the loads,
// which a median bears and a mean would not.
func (c *Crossover) find(loads []float64, whole [][]float64) {
	trend := 0.0
	for _, r := range whole {
		trend += r[len(r)-1] - r[0]
	}
	rising := trend >= 0
	c.Below = "lower"
	if !rising {
		c.Below = "higher"
	}
	var at []float64
	for _, r := range whole {
		x := crossingOf(loads, r, rising)
		if !math.IsInf(x, 0) {
			c.Crossed++
		}
		at = append(at, x)
	}
	sort.Float64s(at)
	number := func(x float64) stats.Number {
		switch {
		case math.IsInf(x, -1):
			return stats.Refuse("below %s/s, the least load compared", figure.Count(loads[0]))
		case math.IsInf(x, 1):
			return stats.Refuse("above %s/s, the highest load compared", figure.Count(loads[len(loads)-1]))
		}
		return stats.Of(stats.Round(math.Exp(x)))
	}
	n := len(at)
	low, high := at[(n-1)/2], at[n/2]
	switch {
	case low == high:
		c.PerSec = number(low)
	case math.IsInf(low, 0) || math.IsInf(high, 0):
		c.PerSec = stats.Refuse("half of the blocks have it beyond the loads compared")
	default:
		c.PerSec = number((low + high) / 2)
	}
	rank, level := stats.MedianRank(n)
	if rank < 0 {
		none := stats.Refuse("%s give no interval at 95 %%", plural(n, "block"))
		c.Lo, c.Hi = none, none
		return
	}
	c.Lo, c.Hi, c.Level = number(at[rank]), number(at[n-1-rank]), stats.Round(level)
}

// crossingOf is the logarithm of the load at which ratios, made monotone in the
// direction that all blocks together have, pass 0; infinite beyond the loads.
func crossingOf(loads, ratios []float64, rising bool) float64 {
	sign := 1.0
	if !rising {
		sign = -1
	}
	up, weights := make([]float64, len(ratios)), make([]float64, len(ratios))
	for i, r := range ratios {
		up[i], weights[i] = sign*r, 1
	}
	up = stats.Isotonic(up, weights)
	if up[0] > 0 {
		return math.Inf(-1)
	}
	for i := range up[1:] {
		if a, b := up[i], up[i+1]; b > 0 {
			x, y := math.Log(loads[i]), math.Log(loads[i+1])
			return x + (y-x)*(-a)/(b-a)
		}
	}
	return math.Inf(1)
}

// crossoverText names, for the headline, those that most blocks have and that are
// known with an interval, which none is that was not shown.
func (a *Analysis) crossoverText() string {
	var b strings.Builder
	for _, c := range a.Crossovers {
		if c.Crossed*2 <= c.Blocks || c.Level == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s, durability %s: %s of %s is %s than that of %s up to %s\n", c.Workload, c.Durability, title(c.Quantity), c.A, c.Below, c.B, c.text())
	}
	return b.String()
}

func (c *Crossover) text() string {
	say := func(n stats.Number) string {
		if v, ok := n.Get(); ok {
			return figure.Count(v)
		}
		return n.Refusal()
	}
	text := say(c.PerSec) + "/s"
	if c.Level > 0 {
		text += fmt.Sprintf(" [%s, %s] at %s %%", say(c.Lo), say(c.Hi), stats.Percent(c.Level))
	}
	return fmt.Sprintf("%s (crossed in %d of %d blocks)", text, c.Crossed, c.Blocks)
}

func crossoverRows(a *Analysis) [][]string {
	rows := [][]string{{"workload", "durability", "quantity", "a", "b", "blocks", "blocks_crossed", "per_sec", "lo", "hi", "level", "below"}}
	for _, c := range a.Crossovers {
		rows = append(rows, []string{
			c.Workload, c.Durability, c.Quantity, c.A, c.B, strconv.Itoa(c.Blocks), strconv.Itoa(c.Crossed), field(c.PerSec), field(c.Lo), field(c.Hi), plain(c.Level), c.Below,
		})
	}
	return rows
}
