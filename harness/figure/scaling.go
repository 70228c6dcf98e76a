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

// ScalingCurve is an arm's throughput over concurrency, run by run, and the law
// fitted to it; nil where none was.
type ScalingCurve struct {
	Arm    string
	Points []ScalingPoint
	Law    func(concurrency float64) float64
}

// ScalingPoint is one run.
type ScalingPoint struct {
	Block               int
	Concurrency, PerSec float64
}

// lawSteps is of how many straight pieces a law is drawn.
const lawSteps = 80

// Scaling draws throughput over concurrency, both logarithmic: runs as dots, their
// median as a marker, and the law as a line that ends where the runs do.
func Scaling(f Figure, pal Palette, curves []ScalingCurve) *Figure {
	var csv bytes.Buffer
	csv.WriteString("arm,block,concurrency,achieved_per_sec,law_per_sec\n")
	var x, y Range
	var shown []LoadPoint
	for _, c := range curves {
		shown = append(shown, LoadPoint{Arm: c.Arm})
		for _, p := range c.Points {
			x.Include(p.Concurrency)
			if p.PerSec > 0 {
				y.Include(p.PerSec)
			}
			law := 0.0
			if c.Law != nil {
				law = c.Law(p.Concurrency)
			}
			if law > 0 {
				y.Include(law)
			}
			fmt.Fprintf(&csv, "%s,%d,%g,%.6g,%s\n", c.Arm, p.Block, p.Concurrency, p.PerSec, orEmpty(law, law > 0))
		}
	}
	x, y = Range{x.Min / 1.3, x.Max * 1.3}, y.Decimal()
	p := newPanel(axis{"requests kept under way", x, plot.LogScale{}, ticks125(x, Count)}, axis{"requests per second", y, plot.LogScale{}, ticks125(y, Count)})
	for _, c := range curves {
		p.Add(scalingLayer(pal.style(c.Arm, false), c))
	}
	f.panels = []*panel{p}
	f.legend = armKeys(pal, shown)
	if slices.ContainsFunc(curves, func(c ScalingCurve) bool { return c.Law != nil }) {
		line := draw.LineStyle{Color: ink, Width: 1}
		f.legend = append(f.legend, key{label: "line: the fitted law", line: &line})
	}
	f.CSV, f.height = csv.Bytes(), 3.6*vg.Inch
	return &f
}

// scalingLayer draws one arm.
func scalingLayer(s Style, curve ScalingCurve) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		at := func(n, perSec float64) vg.Point { return vg.Point{X: toX(n), Y: toY(max(perSec, p.Y.Min))} }
		var span Range
		byLevel := map[float64][]float64{}
		for _, pt := range curve.Points {
			span.Include(pt.Concurrency)
			byLevel[pt.Concurrency] = append(byLevel[pt.Concurrency], pt.PerSec)
			c.DrawGlyph(s.glyph(1.3), at(pt.Concurrency, pt.PerSec))
		}
		levels := slices.Collect(maps.Keys(byLevel))
		slices.Sort(levels) // the same strokes in the same order, every time
		for _, n := range levels {
			c.DrawGlyph(s.glyph(2.8), at(n, Median(byLevel[n])))
		}
		if curve.Law == nil {
			return
		}
		var line []vg.Point
		for i := range lawSteps + 1 {
			n := span.Min * math.Pow(span.Max/span.Min, float64(i)/lawSteps)
			line = append(line, at(n, curve.Law(n)))
		}
		c.StrokeLines(s.line(1), line)
	}
}
