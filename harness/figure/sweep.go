package figure

import (
	"bytes"
	"fmt"
	"sort"

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
	// Values are by panel; one that the run does not have is not above 0.
	Values []float64
}

// SweepPanel is one quantity of a sweep.
type SweepPanel struct {
	Label string // on its axis
	Key   string // of its column
	Text  func(float64) string
}

// Sweep draws quantities over what an experiment varies, both logarithmic: a dot
// for each run, a line through the medians of the blocks.
func Sweep(f Figure, pal Palette, what string, panels []SweepPanel, points []SweepPoint) *Figure {
	var csv bytes.Buffer
	csv.WriteString(what + ",arm,replicate,block")
	for _, p := range panels {
		csv.WriteString("," + p.Key)
	}
	csv.WriteString("\n")
	var x Range
	ranges := make([]Range, len(panels))
	var shown []LoadPoint
	for _, p := range points {
		x.Include(p.X)
		fmt.Fprintf(&csv, "%g,%s,%v,%d", p.X, p.Arm, p.Replicate, p.Block)
		for k, v := range p.Values {
			if v > 0 {
				ranges[k].Include(v)
			}
			csv.WriteString("," + orEmpty(v, v > 0))
		}
		csv.WriteString("\n")
		shown = append(shown, LoadPoint{Arm: p.Arm, Replicate: p.Replicate})
	}
	x = Range{x.Min / 1.3, x.Max * 1.3}
	var ticks []plot.Tick
	for _, t := range ticks125(x, Count) {
		if t.Label != "" && t.Value != step125(t.Value, false) {
			t.Label = ""
		}
		ticks = append(ticks, t)
	}
	for k, panel := range panels {
		y := ranges[k].Decimal()
		p := newPanel(axis{what, x, plot.LogScale{}, ticks}, axis{panel.Label, y, plot.LogScale{}, ticks125(y, panel.Text)})
		for _, arm := range pal.names {
			p.Add(sweepLayer(pal, arm, points, k))
		}
		f.panels = append(f.panels, p)
	}
	f.legend = armKeys(pal, shown)
	f.CSV, f.height = csv.Bytes(), 3.1*vg.Inch
	return &f
}

// sweepLayer draws one arm.
func sweepLayer(pal Palette, arm string, points []SweepPoint, k int) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		own := map[float64][]float64{}
		for _, pt := range points {
			if pt.Arm != arm || !(pt.Values[k] > 0) {
				continue
			}
			c.DrawGlyph(pal.style(arm, pt.Replicate).glyph(1.3), vg.Point{X: toX(pt.X), Y: toY(pt.Values[k])})
			if !pt.Replicate {
				own[pt.X] = append(own[pt.X], pt.Values[k])
			}
		}
		var xs []float64
		for x := range own {
			xs = append(xs, x)
		}
		sort.Float64s(xs)
		s := pal.style(arm, false)
		var line []vg.Point
		for _, x := range xs {
			at := vg.Point{X: toX(x), Y: toY(Median(own[x]))}
			line = append(line, at)
			c.DrawGlyph(s.glyph(2.8), at)
		}
		if len(line) > 1 {
			c.StrokeLines(s.line(1.5), line)
		}
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
