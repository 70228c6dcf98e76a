package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// FactorEffect is what one factor of a 2^k grid, or several together, do to one
// quantity, as the ratio of the geometric mean of the arms at the second value
// to that of those at the first (Box, Hunter and Hunter, Statistics for
// Experimenters, chapter 5, on logarithms). Of an interaction, second means that
// an even number of its factors are at their first value.
type FactorEffect struct {
	Workload   string       `json:"workload"`
	Durability string       `json:"durability"`
	Load       string       `json:"load"`
	Grid       string       `json:"grid"`
	Quantity   string       `json:"quantity"`
	Factors    []string     `json:"factors"`
	Blocks     int          `json:"blocks"` // that have every arm
	Ratio      stats.Number `json:"ratio"`
	Lo         stats.Number `json:"lo"`
	Hi         stats.Number `json:"hi"`
	Level      float64      `json:"level"`
	P          stats.Number `json:"p"`
	// Holm is over all effects of one grid on declared quantities, wherever they were
	// measured, and over all those on others: the headline looks through all of them.
	Holm Holm `json:"holm"`

	declared bool
	floor    stats.Number // of a ratio of two arms in this quantity at this load
	arms     int
}

// factorials estimates every effect of every grid whose factors have two values.
func (a *Analysis) factorials(e *workloads.Experiment, d data) error {
	for _, grid := range e.Grids {
		two := true
		for _, f := range grid.Factors {
			two = two && len(f.Values) == 2
		}
		if !two {
			a.Notes = append(a.Notes, "Effects of the factors of "+grid.Name+" are not estimated: that takes two values of each. Its arms are compared one by one.")
			continue
		}
		first := len(a.Factorial)
		for i := range a.Groups {
			g := &a.Groups[i]
			for j := range g.Points {
				p := &g.Points[j]
				for _, q := range quantities[:headlines] {
					effects, err := factorial(grid, q, p, d[where{g.Workload, g.Durability, p.LoadPerSec}])
					if err != nil {
						return err
					}
					for _, x := range effects {
						x.Workload, x.Durability, x.Load = g.Workload, g.Durability, p.Load
						x.declared, x.floor, x.arms = declares(&e.Endpoints, q.key), p.floor(q.key), len(grid.Arms)
						a.Factorial = append(a.Factorial, x)
					}
				}
			}
		}
		for _, declared := range []bool{true, false} {
			if err := correct(a.Factorial[first:], declared); err != nil {
				return err
			}
		}
	}
	return nil
}

// floor is the A/A floor of a quantity, which all arms have in common.
func (p *Point) floor(quantity string) stats.Number {
	none := stats.Refuse("no block has a valid replicate")
	for _, c := range p.Compared {
		if c.Quantity == quantity && c.Floor.OK() {
			return c.Floor
		}
	}
	return none
}

// beyond reports whether the effect is beyond the floor. That is of one cell over
// another; of the mean of half of the arms over that of the others it is less by the
// root of how many each has.
func (x *FactorEffect) beyond() bool {
	floor, ok := x.floor.Get()
	ratio, known := x.Ratio.Get()
	return ok && known && math.Abs(math.Log(ratio)) > math.Log(floor)/math.Sqrt(float64(x.arms)/2)
}

// correct corrects the p-values of a grid's effects on quantities that are declared,
// or on the others, for their number.
func correct(effects []FactorEffect, declared bool) error {
	var family []*FactorEffect
	var p []float64
	for i := range effects {
		if v, _ := effects[i].P.Get(); effects[i].declared == declared {
			family, p = append(family, &effects[i]), append(p, v)
		}
	}
	adjusted, err := stats.Holm(p)
	for i, x := range family {
		x.Holm = Holm{stats.Of(adjusted[i]), len(family), adjusted[i] <= alpha && x.beyond()}
	}
	return err
}

// factorial is the effects of one grid on one quantity at one point; none where an
// arm is saturated or has runs that hide it, or no block has them all.
func factorial(grid workloads.FactorGrid, q quantity, p *Point, by map[who]*runs) ([]FactorEffect, error) {
	logs := map[int][]float64{} // by block, in the order of the arms
	for k, arm := range grid.Arms {
		if q.latency && contains(p.Saturated, arm) || q.hiding(by, arm) {
			return nil, nil
		}
		for _, r := range by[who{arm, false}].list() {
			if v, ok := q.of(r).Get(); ok && v > 0 && len(logs[r.Block]) == k {
				logs[r.Block] = append(logs[r.Block], math.Log(v))
			}
		}
	}
	var out []FactorEffect
	for set := 1; set < len(grid.Arms); set++ {
		var contrasts []float64
		for block := range p.blocks() {
			if len(logs[block]) == len(grid.Arms) {
				contrasts = append(contrasts, contrast(logs[block], set))
			}
		}
		if len(contrasts) == 0 {
			return nil, nil
		}
		x, err := factorEffect(contrasts)
		if err != nil {
			return nil, err
		}
		x.Grid, x.Quantity, x.Factors = grid.Name, q.key, factorNames(grid, set)
		out = append(out, x)
	}
	return out, nil
}

// blocks is how many there can be.
func (p *Point) blocks() int {
	most := 0
	for _, arm := range p.Arms {
		for _, r := range arm.Runs {
			most = max(most, r.Block+1)
		}
	}
	return most
}

// contrast is the mean of the values at one side of a set of factors less that at
// the other. Bit i of an arm's number, from the right, is the value of the factor
// that changes i-th fastest, as bit i of set says whether that factor is in it.
func contrast(logs []float64, set int) float64 {
	sum := 0.0
	for arm, v := range logs {
		sign := 1.0
		for bit := 1; bit < len(logs); bit <<= 1 {
			if set&bit != 0 && arm&bit == 0 {
				sign = -sign
			}
		}
		sum += sign * v
	}
	return sum / float64(len(logs)/2)
}

func factorNames(grid workloads.FactorGrid, set int) []string {
	var out []string
	for i, f := range grid.Factors {
		if set&(1<<(len(grid.Factors)-1-i)) != 0 {
			out = append(out, f.Name)
		}
	}
	return out
}

func factorEffect(contrasts []float64) (FactorEffect, error) {
	s, err := stats.HodgesLehmann(contrasts)
	if err != nil {
		return FactorEffect{}, err
	}
	w, err := stats.Wilcoxon(contrasts)
	none := stats.Refuse("one block gives no interval")
	x := FactorEffect{Blocks: s.N, Ratio: stats.Of(math.Exp(s.Estimate)), Lo: none, Hi: none, Level: stats.Round(s.Level), P: stats.Of(w.TwoSided())}
	if s.Level > 0 {
		x.Lo, x.Hi = stats.Of(math.Exp(s.Lo)), stats.Of(math.Exp(s.Hi))
	}
	return x, err
}

// Name is the factors, as a product.
func (x *FactorEffect) Name() string { return strings.Join(x.Factors, " × ") }

// factorialText names the effects that hold and that no floor explains, for the
// headline.
func (a *Analysis) factorialText() string {
	var b strings.Builder
	for i := range a.Factorial {
		x := &a.Factorial[i]
		if !x.Holm.Holds {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("\nEffects of factors that hold among those of their grid\n")
		}
		r, _ := x.Ratio.Get()
		lo, _ := x.Lo.Get()
		hi, _ := x.Hi.Get()
		fmt.Fprintf(&b, "  %s, %s, %s: %s of %s %s [%s, %s] at %s %%", x.Workload, x.Durability, x.Load, x.Name(), title(x.Quantity),
			number(r), number(lo), number(hi), stats.Percent(x.Level))
		if !x.declared {
			b.WriteString(", exploratory")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func factorialRows(a *Analysis) [][]string {
	rows := [][]string{{"workload", "durability", "load", "grid", "quantity", "factors", "blocks", "ratio", "lo", "hi", "level", "p", "p_holm", "effects"}}
	for i := range a.Factorial {
		x := &a.Factorial[i]
		rows = append(rows, []string{
			x.Workload, x.Durability, x.Load, x.Grid, x.Quantity, x.Name(), strconv.Itoa(x.Blocks), field(x.Ratio), field(x.Lo), field(x.Hi), plain(x.Level),
			field(x.P), field(x.Holm.P), strconv.Itoa(x.Holm.Family),
		})
	}
	return rows
}
