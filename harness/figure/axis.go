package figure

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"

	"github.com/ceteris/ceteris/harness/stats"
)

// Range is the extent of an axis, shared by every figure of one quantity.
type Range struct{ Min, Max float64 }

// Include widens the range to hold v. The zero Range holds nothing yet.
func (r *Range) Include(v float64) {
	if *r == (Range{}) {
		*r = Range{v, v}
		return
	}
	r.Min, r.Max = min(r.Min, v), max(r.Max, v)
}

// Decimal widens a logarithmic range to the next of 1, 2, 5 outside it, and to a
// factor of five at least: a narrower one exaggerates.
func (r Range) Decimal() Range {
	if r.Min <= 0 {
		r.Min = 1
	}
	if r.Max < r.Min {
		r.Max = r.Min
	}
	lo, hi := step125(r.Min, false), step125(r.Max, true)
	for hi/lo < 5 {
		hi = step125(hi*1.01, true)
	}
	return Range{lo, hi}
}

// step125 is the nearest of 1, 2, 5 times a power of ten that is not above v, or
// not below it.
func step125(v float64, up bool) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(v)+1e-12))
	best := decade
	for _, m := range []float64{1, 2, 5, 10} {
		if up && m*decade >= v*(1-1e-9) {
			return m * decade
		}
		if !up && m*decade <= v*(1+1e-9) {
			best = m * decade
		}
	}
	return best
}

// axis is one axis of one plot.
type axis struct {
	label string
	Range
	scale plot.Normalizer
	ticks []plot.Tick
}

// latencyAxis is logarithmic, in ns, labelled in units people say.
func latencyAxis(label string, r Range) axis {
	return axis{label, r, plot.LogScale{}, ticks125(r, Duration)}
}

// ticks125 labels 1, 2 and 5 of each decade, over many decades only 1: gonum's
// own labels nothing but decades, and a short axis may hold none.
func ticks125(r Range, label func(float64) string) []plot.Tick {
	var out []plot.Tick
	few := r.Max/r.Min < 3e3
	for decade := math.Pow(10, math.Floor(math.Log10(r.Min))); decade <= r.Max*1.0001; decade *= 10 {
		for m := 1.0; m < 10; m++ {
			v := m * decade
			if v < r.Min*0.9999 || v > r.Max*1.0001 {
				continue
			}
			t := plot.Tick{Value: v}
			if m == 1 || few && (m == 2 || m == 5) {
				t.Label = label(v)
			}
			out = append(out, t)
		}
	}
	return out
}

// linearTicks labels about n round values.
func linearTicks(r Range, n int, label func(float64) string) []plot.Tick {
	step := step125((r.Max-r.Min)/float64(n), true)
	var out []plot.Tick
	for i := math.Ceil(r.Min/step - 1e-9); i*step <= r.Max*(1+1e-9); i++ {
		v := i*step + 0 // makes 0 of -0
		out = append(out, plot.Tick{Value: v, Label: label(v)})
	}
	return out
}

// nines is the scale of percentile plots: each nine takes the same length.
type nines struct{}

// Normalize places percentile x between lo and hi.
func (nines) Normalize(lo, hi, x float64) float64 {
	a, b := stats.Nines(lo), stats.Nines(hi)
	return (stats.Nines(min(x, hi)) - a) / (b - a)
}

// percentileAxis ends a little beyond the highest percentile shown.
func percentileAxis(highest float64) axis {
	end := stats.Percentile(stats.Nines(max(highest, 90)) + 0.08)
	var ticks []plot.Tick
	for _, p := range []float64{0, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999, 99.9999} {
		if p > end {
			break
		}
		t := plot.Tick{Value: p}
		if p != 75 && p != 95 && p != 99.5 && p != 99.95 || highest <= 99.9 {
			t.Label = strconv.FormatFloat(p, 'f', -1, 64)
		}
		ticks = append(ticks, t)
	}
	return axis{"percentile (each further nine takes the same width)", Range{0, end}, nines{}, ticks}
}

// widestRatio is where ratio axes end: an interval that goes on beyond it says
// no more than one that does not.
const widestRatio = 32

// ratioAxis is logarithmic and symmetric about 1.
func ratioAxis(label string, widest float64) axis {
	widest = min(max(widest*1.08, 1.3), widestRatio*1.08)
	ticks := []plot.Tick{{Value: 1, Label: "1"}}
	add := func(m float64, over, under string) {
		ticks = append(ticks, plot.Tick{Value: m, Label: over}, plot.Tick{Value: 1 / m, Label: under})
	}
	if widest <= 2 {
		for _, m := range []float64{1.1, 1.25, 1.5, 1.75} {
			switch {
			case m > widest:
			case m == 1.25 || m == 1.1 && widest < 1.5 || m == 1.5 && widest < 1.75 || m == 1.75:
				add(m, short(m), short(1/m))
			default:
				add(m, "", "")
			}
		}
	} else if widest <= 3 {
		add(1.5, "1.5", "0.67")
		add(2, "2", "0.5")
	} else {
		each := math.Ceil(math.Log2(widest) / 3)
		for e := 1.0; math.Exp2(e) <= widest; e++ {
			m := math.Exp2(e)
			if math.Mod(e, each) == 0 {
				add(m, short(m), "1/"+short(m))
			} else {
				add(m, "", "")
			}
		}
	}
	return axis{label, Range{1 / widest, widest}, plot.LogScale{}, ticks}
}

// Duration writes ns as people say it, to three digits.
func Duration(ns float64) string {
	for _, u := range []struct {
		ns   float64
		name string
	}{{1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}} {
		if ns >= u.ns*0.9995 {
			return short(ns/u.ns) + " " + u.name
		}
	}
	return short(ns) + " ns"
}

// Count writes a rate or a number of things: 20000 is 20k.
func Count(v float64) string {
	switch {
	case v >= 1e6:
		return short(v/1e6) + "M"
	case v >= 1e4:
		return short(v/1e3) + "k"
	}
	return short(v)
}

// Percent writes a share to a tenth of a per cent, smaller ones to two digits.
func Percent(v float64) string {
	if v != 0 && math.Abs(v) < 0.001 {
		return strconv.FormatFloat(100*v, 'g', 2, 64) + " %"
	}
	return strconv.FormatFloat(100*v, 'f', 1, 64) + " %"
}

// short is v to three significant digits, never in powers of ten.
func short(v float64) string {
	r, err := strconv.ParseFloat(fmt.Sprintf("%.3g", v), 64)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strconv.FormatFloat(r, 'f', -1, 64)
}
