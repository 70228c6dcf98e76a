package figure

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// SweepPoint is one run at one value of what is varied.
type SweepPoint struct {
	Arm       string
	Replicate bool
	Block     int
	X         float64
	Saturated bool // less than 99 % of the offered load was achieved
	// Values are by panel; one that the run does not have is not above 0, and one that
	// is longer than any that is known infinite.
	Values []float64
}

// SweepPanel is one quantity of a sweep.
type SweepPanel struct {
	Label string // on its axis
	Key   string // of its column
	Text  func(float64) string
	// Latency is a time that users wait: on a saturated run it measures how long the
	// run was.
	Latency bool
}

// narrowLabels is the extent beyond which a third of a figure's width has no room for
// more labels than those of decades.
const narrowLabels = 200

// Sweep draws quantities over what an experiment varies, both logarithmic: a dot
// for each run, a line through the medians of the blocks. Saturated runs are hollow;
// where half of an arm's are, so is the median of its latencies, and the line has a
// gap there.
func Sweep(f Figure, pal Palette, what string, panels []SweepPanel, points []SweepPoint) *Figure {
	var csv bytes.Buffer
	csv.WriteString(what + ",arm,replicate,block,saturated")
	for _, p := range panels {
		csv.WriteString("," + p.Key)
	}
	csv.WriteString("\n")
	var x Range
	ranges := make([]Range, len(panels))
	var shown []LoadPoint
	for _, p := range points {
		x.Include(p.X)
		fmt.Fprintf(&csv, "%g,%s,%v,%d,%v", p.X, p.Arm, p.Replicate, p.Block, p.Saturated)
		for k, v := range p.Values {
			if v > 0 && !math.IsInf(v, 1) {
				ranges[k].Include(v)
			}
			csv.WriteString("," + orEmpty(v, v > 0))
		}
		csv.WriteString("\n")
		shown = append(shown, LoadPoint{Arm: p.Arm, Replicate: p.Replicate, Saturated: p.Saturated})
	}
	x = Range{x.Min / 1.3, x.Max * 1.3}
	filled := 0
	for _, r := range ranges {
		if r != (Range{}) {
			filled++
		}
	}
	var ticks []plot.Tick
	for _, t := range ticks125(x, Count) {
		decade := math.Pow(10, math.Round(math.Log10(t.Value)))
		if t.Value != step125(t.Value, false) || filled > 2 && x.Max/x.Min > narrowLabels && math.Abs(t.Value/decade-1) > 1e-9 {
			t.Label = ""
		}
		ticks = append(ticks, t)
	}
	for k, panel := range panels {
		if ranges[k] == (Range{}) && (filled > 0 || k > 0) {
			continue // no run has it
		}
		y := ranges[k].Decimal()
		p := newPanel(axis{what, x, plot.LogScale{}, ticks}, axis{panel.Label, y, plot.LogScale{}, ticks125(y, panel.Text)})
		for _, arm := range pal.names {
			p.Add(sweepLayer(pal, arm, points, k, panel.Latency))
		}
		f.panels = append(f.panels, p)
	}
	f.legend = armKeys(pal, shown)
	f.CSV, f.height = csv.Bytes(), 3.1*vg.Inch
	return &f
}

// sweepLayer draws one arm.
func sweepLayer(pal Palette, arm string, points []SweepPoint, k int, latency bool) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		own, behind, all := map[float64][]float64{}, map[float64]int{}, map[float64]int{}
		for _, pt := range points {
			if pt.Arm != arm {
				continue
			}
			if all[pt.X]++; pt.Saturated {
				behind[pt.X]++
			}
			if !(pt.Values[k] > 0) {
				continue
			}
			switch s, at := pal.style(arm, pt.Replicate), (vg.Point{X: toX(pt.X), Y: toY(pt.Values[k])}); {
			case math.IsInf(pt.Values[k], 1):
			case pt.Saturated:
				c.DrawGlyph(s.hollow(1.6), at)
			default:
				c.DrawGlyph(s.glyph(1.3), at)
			}
			if !pt.Replicate {
				own[pt.X] = append(own[pt.X], pt.Values[k])
			}
		}
		s := pal.style(arm, false)
		var line []vg.Point
		end := func() {
			if len(line) > 1 {
				c.StrokeLines(s.line(1.5), line)
			}
			line = nil
		}
		for _, x := range slices.Sorted(maps.Keys(own)) {
			mid := Median(own[x])
			if math.IsInf(mid, 1) {
				end()
				continue
			}
			at := vg.Point{X: toX(x), Y: toY(mid)}
			if latency && 2*behind[x] >= all[x] {
				end()
				c.DrawGlyph(s.hollow(3), at)
				continue
			}
			line = append(line, at)
			c.DrawGlyph(s.glyph(2.8), at)
		}
		end()
	}
}

// Bytes writes a size in decimal units, whose 1, 2 and 5 an axis has.
func Bytes(v float64) string {
	for _, u := range []struct {
		bytes float64
		name  string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if v >= u.bytes*0.9995 {
			return short(v/u.bytes) + " " + u.name
		}
	}
	return short(v) + " B"
}
