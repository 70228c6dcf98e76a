package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ceteris/ceteris/harness/stats"
)

// ShiftCurve is the shift function of one arm over another.
type ShiftCurve struct {
	Arm    string
	Points []stats.ShiftPoint
}

// ShiftFloor is the factor by which one arm differs from itself at a percentile.
type ShiftFloor struct{ Percentile, Factor float64 }

// Shift draws ratios over percentiles with their simultaneous bands, before the
// floor. The axis is linear in the percentile: the deciles are what it is about.
func Shift(f Figure, pal Palette, floors []ShiftFloor, curves []ShiftCurve) *Figure {
	var csv bytes.Buffer
	csv.WriteString("arm,percentile,blocks,ratio,lo,hi,floor\n")
	widest := 1.0
	floor := map[float64]string{}
	for _, at := range floors {
		widest = max(widest, at.Factor)
		floor[at.Percentile] = fmt.Sprintf("%.6g", at.Factor)
	}
	for _, c := range curves {
		for _, p := range c.Points {
			fmt.Fprintf(&csv, "%s,%g,%d,%s,%s,%s,%s\n", c.Arm, p.Percentile, p.Blocks, cell(p.Ratio), cell(p.Lo), cell(p.Hi), floor[p.Percentile])
			for _, n := range []stats.Number{p.Ratio, p.Lo, p.Hi} {
				if v, ok := n.Get(); ok && v > 0 {
					widest = max(widest, math.Exp(math.Abs(math.Log(v))))
				}
			}
		}
	}
	var ticks []plot.Tick
	for _, p := range []float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 99} {
		ticks = append(ticks, plot.Tick{Value: p, Label: fmt.Sprintf("%g", p)})
	}
	p := newPanel(axis{"percentile", Range{5, 103}, plot.LinearScale{}, ticks}, ratioAxis("ratio", widest))
	p.Add(floorLayer(floors))
	for _, c := range curves { // below every line
		p.Add(c.band(pal.style(c.Arm, false)))
	}
	p.Add(layer(func(c draw.Canvas, p *plot.Plot) {
		_, toY := p.Transforms(&c)
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.7}, c.Min.X, toY(1), c.Max.X, toY(1))
	}))
	for _, c := range curves {
		s := pal.style(c.Arm, false)
		line, glyph := s.line(1.5), s.glyph(2.6)
		f.legend = append(f.legend, key{label: c.Arm, line: &line, glyph: &glyph})
		p.Add(c.layer(s))
	}
	if len(floors) > 0 {
		f.legend = append(f.legend, key{label: "A/A floor: one arm against itself", fill: grey1})
	}
	f.CSV, f.height, f.panels = csv.Bytes(), 3.1*vg.Inch, []*panel{p}
	return &f
}

// floorLayer fills what lies inside the floor, from one percentile to the next.
func floorLayer(floors []ShiftFloor) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		var over, under []vg.Point
		for _, at := range floors {
			x, factor := toX(at.Percentile), min(at.Factor, p.Y.Max)
			over, under = append(over, vg.Point{X: x, Y: toY(factor)}), append(under, vg.Point{X: x, Y: toY(1 / factor)})
		}
		if len(over) > 1 {
			slices.Reverse(under)
			c.FillPolygon(grey1, append(over, under...))
		}
	}
}

// points are where numbers lie, brought to the edge of the axis that they are beyond.
func (s ShiftCurve) points(c *draw.Canvas, p *plot.Plot, of func(stats.ShiftPoint) stats.Number) (out []vg.Point) {
	toX, toY := p.Transforms(c)
	for _, at := range s.Points {
		if v, ok := of(at).Get(); ok && v > 0 {
			out = append(out, vg.Point{X: toX(at.Percentile), Y: toY(min(max(v, p.Y.Min), p.Y.Max))})
		}
	}
	return out
}

func (s ShiftCurve) band(style Style) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		low := s.points(&c, p, func(at stats.ShiftPoint) stats.Number { return at.Lo })
		high := s.points(&c, p, func(at stats.ShiftPoint) stats.Number { return at.Hi })
		if len(low) > 1 && len(low) == len(high) {
			slices.Reverse(high)
			c.FillPolygon(pale(style.Color), append(low, high...))
		}
	}
}

func (s ShiftCurve) layer(style Style) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		line := s.points(&c, p, func(at stats.ShiftPoint) stats.Number { return at.Ratio })
		c.StrokeLines(style.line(1.5), line)
		for _, pt := range line {
			c.DrawGlyph(style.glyph(2.6), pt)
		}
	}
}

// pale is a colour mixed with three parts of white: transparency is not the same
// in every format.
func pale(c color.RGBA) color.RGBA {
	mix := func(v uint8) uint8 { return uint8((int(v) + 3*255) / 4) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 255}
}
