package figure

import (
	"bytes"
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// LoadPoint is one run at one load.
type LoadPoint struct {
	Arm       string
	Replicate bool
	Block     int
	Offered   float64 // requests per second
	Achieved  float64
	Saturated bool // less than 99 % of the offered load was achieved
	// P50 and P99 are infinite where so many requests were given up that they are not
	// known: longer than those of runs in which they are.
	P50, P99 float64
	// HasP50 and HasP99 are false when the run cannot carry the percentile.
	HasP50, HasP99 bool
}

// LoadLatency is the load-latency curve: one panel for each of p50 and p99, runs
// as small dots, a line through the medians of the blocks. Saturated points are
// hollow, and an arm's median too when half of its runs are; nothing is connected
// to it, because what it measures is how long the runs were.
func LoadLatency(f Figure, pal Palette, points []LoadPoint, x, y Range) *Figure {
	var csv bytes.Buffer
	csv.WriteString("arm,replicate,block,offered_per_sec,achieved_per_sec,saturated,p50_ns,p99_ns\n")
	for _, p := range points {
		fmt.Fprintf(&csv, "%s,%v,%d,%g,%.6g,%v,%s,%s\n", p.Arm, p.Replicate, p.Block, p.Offered, p.Achieved, p.Saturated,
			orEmpty(p.P50, p.HasP50), orEmpty(p.P99, p.HasP99))
	}
	side := func(name string, of func(LoadPoint) (float64, bool)) *panel {
		xr := Range{0, x.Max * 1.04}
		p := newPanel(axis{"achieved requests per second", xr, plot.LinearScale{}, linearTicks(xr, 5, Count)},
			latencyAxis(name, y))
		for _, arm := range pal.names {
			p.Add(loadLayer(pal, arm, points, of))
		}
		return p
	}
	f.panels = []*panel{
		side("p50 response time", func(p LoadPoint) (float64, bool) { return p.P50, p.HasP50 }),
		side("p99 response time", func(p LoadPoint) (float64, bool) { return p.P99, p.HasP99 }),
	}
	f.legend = armKeys(pal, points)
	f.CSV, f.height = csv.Bytes(), 3.4*vg.Inch
	return &f
}

// armKeys is a legend of the arms that points come from.
func armKeys(pal Palette, points []LoadPoint) []key {
	var keys []key
	hollow, again := false, false
	for _, arm := range pal.names {
		there := false
		for _, p := range points {
			there = there || p.Arm == arm
			hollow, again = hollow || p.Saturated, again || p.Replicate
		}
		if there {
			s := pal.style(arm, false)
			line, glyph := s.line(1.5), s.glyph(2.8)
			keys = append(keys, key{label: arm, line: &line, glyph: &glyph})
		}
	}
	if again {
		glyph := draw.GlyphStyle{Color: grey, Radius: 1.6, Shape: draw.CircleGlyph{}}
		keys = append(keys, key{label: "the same arm again", glyph: &glyph})
	}
	if hollow {
		glyph := draw.GlyphStyle{Color: ink, Radius: 2.8, Shape: draw.RingGlyph{}}
		keys = append(keys, key{label: "saturated", glyph: &glyph})
	}
	return keys
}

// loadLayer draws one arm: dots of runs, then the line and its markers.
func loadLayer(pal Palette, arm string, points []LoadPoint, of func(LoadPoint) (float64, bool)) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		at := func(x, y float64) vg.Point { return vg.Point{X: toX(x), Y: toY(max(y, p.Y.Min))} }
		byLoad, behind, all := map[float64][]LoadPoint{}, map[float64]int{}, map[float64]int{}
		for _, pt := range points {
			if pt.Arm != arm {
				continue
			}
			if all[pt.Offered]++; pt.Saturated {
				behind[pt.Offered]++
			}
			v, ok := of(pt)
			if !ok {
				continue
			}
			switch s := pal.style(arm, pt.Replicate); {
			case math.IsInf(v, 1):
			case pt.Saturated:
				c.DrawGlyph(s.hollow(1.6), at(pt.Achieved, v))
			default:
				c.DrawGlyph(s.glyph(1.3), at(pt.Achieved, v))
			}
			if !pt.Replicate {
				byLoad[pt.Offered] = append(byLoad[pt.Offered], pt)
			}
		}
		loads := make([]float64, 0, len(byLoad))
		for l := range byLoad {
			loads = append(loads, l)
		}
		sort.Float64s(loads)
		s := pal.style(arm, false)
		var line []vg.Point
		for _, l := range loads {
			var xs, ys []float64
			for _, pt := range byLoad[l] {
				v, _ := of(pt)
				xs, ys = append(xs, pt.Achieved), append(ys, v)
			}
			if math.IsInf(Median(ys), 1) {
				continue
			}
			mid := at(Median(xs), Median(ys))
			if 2*behind[l] >= all[l] {
				c.DrawGlyph(s.hollow(3), mid)
				continue
			}
			line = append(line, mid)
			c.DrawGlyph(s.glyph(2.8), mid)
		}
		if len(line) > 1 {
			c.StrokeLines(s.line(1.5), line)
		}
	}
}

// Median is the lower median: one of the values, never a mean of two.
func Median(v []float64) float64 {
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	return s[(len(s)-1)/2]
}

func orEmpty(v float64, ok bool) string {
	if !ok || math.IsInf(v, 0) {
		return ""
	}
	return fmt.Sprintf("%.0f", v)
}
