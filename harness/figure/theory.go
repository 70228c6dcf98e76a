package figure

import (
	"bytes"
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// TheoryPoint is an arm at one load: what was measured and what theory expects, ns.
// A value that is not above 0 is not there.
type TheoryPoint struct {
	Arm    string
	PerSec float64 // offered
	Busy   float64 // of a server's time
	Hollow bool    // the measured values are not compared: saturated, or what was calibrated on
	Panels []TheoryPanel
}

// TheoryPanel is one percentile of a point.
type TheoryPanel struct {
	Measured, Predicted, Lo, Hi float64
	Runs                        []float64
}

// Theory draws measured percentiles as markers over predicted ones as lines, one
// panel for each percentile; a bar is between what one run's lies in 95 of 100.
func Theory(f Figure, pal Palette, labels []string, points []TheoryPoint) *Figure {
	var csv bytes.Buffer
	csv.WriteString("arm,offered_per_sec,busy_ratio,compared,percentile,measured_ns,predicted_ns,predicted_lo_ns,predicted_hi_ns\n")
	var x, y Range
	var shown []LoadPoint
	for _, p := range points {
		x.Include(p.PerSec)
		for k, v := range p.Panels {
			fmt.Fprintf(&csv, "%s,%g,%.4g,%v,%s,%s,%s,%s,%s\n", p.Arm, p.PerSec, p.Busy, !p.Hollow, labels[k],
				orEmpty(v.Measured, v.Measured > 0), orEmpty(v.Predicted, v.Predicted > 0), orEmpty(v.Lo, v.Lo > 0), orEmpty(v.Hi, v.Hi > 0))
			for _, ns := range append([]float64{v.Measured, v.Predicted, v.Lo, v.Hi}, v.Runs...) {
				if ns > 0 {
					y.Include(ns)
				}
			}
		}
		shown = append(shown, LoadPoint{Arm: p.Arm, Saturated: p.Hollow})
	}
	x, y = Range{0, x.Max * 1.06}, y.Decimal()
	for k, label := range labels {
		p := newPanel(axis{"requests offered per second", x, plot.LinearScale{}, linearTicks(x, 5, Count)}, latencyAxis(label+" response time", y))
		for i, arm := range pal.names {
			p.Add(theoryLayer(pal.style(arm, false), vg.Length(2*(i%3)-2), arm, points, k))
		}
		f.panels = append(f.panels, p)
	}
	f.legend = theoryKeys(pal, shown)
	f.CSV, f.height = csv.Bytes(), 3.6*vg.Inch
	return &f
}

// theoryKeys is the arms with their markers, and what line, bar and hollow mean.
func theoryKeys(pal Palette, shown []LoadPoint) []key {
	keys := armKeys(pal, shown)
	for i := range keys {
		if keys[i].label == "saturated" {
			keys[i].label = "measured, not compared"
		}
	}
	line := draw.LineStyle{Color: ink, Width: 1}
	return append(keys, key{label: "line: predicted, bar: 95 of 100 runs", line: &line})
}

// theoryLayer draws one arm; its bars stand beside those of the others.
func theoryLayer(s Style, aside vg.Length, arm string, points []TheoryPoint, k int) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		var line []vg.Point
		for _, pt := range points {
			if v := pt.Panels[k]; pt.Arm == arm && v.Predicted > 0 {
				at := vg.Point{X: toX(pt.PerSec), Y: toY(v.Predicted)}
				line = append(line, at)
				c.StrokeLine2(draw.LineStyle{Color: s.Color, Width: 0.8}, at.X+aside, toY(v.Lo), at.X+aside, toY(v.Hi))
			}
		}
		if len(line) > 1 {
			c.StrokeLines(s.line(1), line)
		}
		for _, pt := range points {
			if pt.Arm != arm {
				continue
			}
			v := pt.Panels[k]
			for _, ns := range v.Runs {
				c.DrawGlyph(s.glyph(1.1), vg.Point{X: toX(pt.PerSec), Y: toY(ns)})
			}
			if !(v.Measured > 0) {
				continue
			}
			glyph := s.glyph(2.8)
			if pt.Hollow {
				glyph = s.hollow(2.8)
			}
			c.DrawGlyph(glyph, vg.Point{X: toX(pt.PerSec), Y: toY(v.Measured)})
		}
	}
}
