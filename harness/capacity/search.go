package capacity

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// keptUp is the share of the offered load that must be acknowledged in time.
const keptUp = 0.99

// Probe is the answer at one rate.
type Probe struct {
	PerSec float64
	Kept   bool
}

// Answer reads a probe off a cell; false when it says nothing: the cell failed, or
// the machine was disturbed. Requests that failed are a promise not kept.
func Answer(c *workloads.Capacity, r *result.CellRecord) (Probe, bool) {
	if !Says(r) {
		return Probe{}, false
	}
	s := &r.Load
	within := func(limit time.Duration, ns int64) bool { return limit == 0 || ns <= int64(limit) }
	return Probe{r.LoadPerSec, answered(r) && s.Failed == 0 && s.AchievedRatio >= keptUp && within(c.P50, s.Response.P50Ns) && within(c.P99, s.Response.P99Ns)}, true
}

// Says reports whether a probe says anything: all it may have failed is to answer,
// requests of whatever kind.
func Says(r *result.CellRecord) bool {
	for _, g := range r.Gates {
		if !g.OK && !g.Advisory && !answers(&g) {
			return false
		}
	}
	return r.Error == ""
}

// answers reports whether a gate is about requests that are to be answered: those to
// produce, or those of a class beside them.
func answers(g *result.Gate) bool { return g.Name == "answers" || strings.HasPrefix(g.Name, "class ") }

// answered reports whether all that were to be answered were.
func answered(r *result.CellRecord) bool {
	return !slices.ContainsFunc(r.Gates, func(g result.Gate) bool { return !g.OK && answers(&g) })
}

// Next is the rate to ask for after these answers.
func Next(from float64, seen []Probe) float64 {
	kept, broken := bracket(seen)
	switch {
	case kept == 0 && math.IsInf(broken, 1):
		return from
	case kept == 0:
		return rate(broken / 2)
	case math.IsInf(broken, 1):
		return rate(2 * kept)
	}
	return rate(math.Sqrt(kept * broken))
}

// bracket is the highest rate that was kept below every one that was broken, and
// the lowest of those; 0 and infinity where there is none.
func bracket(seen []Probe) (kept, broken float64) {
	broken = math.Inf(1)
	for _, p := range seen {
		if !p.Kept {
			broken = min(broken, p.PerSec)
		}
	}
	for _, p := range seen {
		if p.Kept && p.PerSec < broken {
			kept = max(kept, p.PerSec)
		}
	}
	return kept, broken
}

// rate keeps what a person reads, and what a generator can offer.
func rate(v float64) float64 {
	if v >= 1 {
		unit := math.Pow(10, math.Floor(math.Log10(v))-2)
		v = math.Round(v/unit) * unit
	}
	return min(max(math.Round(v*1000)/1000, 0.001), workloads.MaxPerSec)
}

// Share is a share of a capacity, as a rate.
func Share(capacity, fraction float64) float64 { return rate(capacity * fraction) }

// Step is a stretch of rates and the share of promises kept there, made monotone.
type Step struct {
	PerSec float64 // the rate probed
	N      int
	Kept   float64
}

// Monotone is the share of kept promises by rate, made non-increasing.
func Monotone(seen []Probe) []Step {
	var steps []Step
	sorted := append([]Probe(nil), seen...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].PerSec < sorted[j].PerSec })
	for _, p := range sorted {
		if n := len(steps); n == 0 || steps[n-1].PerSec != p.PerSec {
			steps = append(steps, Step{PerSec: p.PerSec})
		}
		last := &steps[len(steps)-1]
		last.N++
		if p.Kept {
			last.Kept++
		}
	}
	broken, weights := make([]float64, len(steps)), make([]float64, len(steps))
	for i, s := range steps {
		weights[i] = float64(s.N)
		broken[i] = 1 - s.Kept/weights[i]
	}
	for i, b := range stats.Isotonic(broken, weights) {
		steps[i].Kept = 1 - b
	}
	return steps
}

// Of is the rate at which half of the promises are kept, between probes on the
// scale of logarithms. It fails when no probe was kept or none broken: the
// capacity is then known to lie on one side only.
func Of(seen []Probe) (float64, error) {
	c, err := crossing(Monotone(seen))
	return c.at, err
}

// Within is between which rates half of the promises are kept, as far as the probes
// tell: 0 where none was kept and infinite where none was broken. Between the two
// nothing was asked. It fails when no probe counts.
func Within(seen []Probe) (lo, hi float64, err error) {
	steps := Monotone(seen)
	if len(steps) == 0 {
		return 0, 0, fmt.Errorf("no probe counts")
	}
	c, _ := crossing(steps)
	return c.lo, c.hi, nil
}

// crossed is where the share of kept promises passes one half: at a rate that lies
// between two others.
type crossed struct{ lo, at, hi float64 }

func crossing(steps []Step) (crossed, error) {
	if len(steps) == 0 {
		return crossed{}, fmt.Errorf("no probe counts")
	}
	last, first := -1, len(steps) // of those above one half, and the first of those below
	const rounding = 1e-9
	for i, s := range steps {
		if s.Kept > 0.5+rounding {
			last = i
		}
		if s.Kept < 0.5-rounding {
			first = min(first, i)
		}
	}
	c := crossed{hi: math.Inf(1)}
	if last >= 0 {
		c.lo = steps[last].PerSec
	}
	if first < len(steps) {
		c.hi = steps[first].PerSec
	}
	switch {
	case last+1 < first:
		// Pooled probes are at one half together: their middle is the answer.
		c.at = math.Sqrt(steps[last+1].PerSec * steps[first-1].PerSec)
	case last < 0:
		return c, fmt.Errorf("no rate was kept down to %g/s", steps[0].PerSec)
	case first == len(steps):
		return c, fmt.Errorf("every rate was kept up to %g/s", steps[last].PerSec)
	default:
		c.at = math.Sqrt(steps[last].PerSec * steps[first].PerSec)
	}
	return c, nil
}
