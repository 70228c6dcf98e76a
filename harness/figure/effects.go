package figure

import (
	"bytes"
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ceteris/ceteris/harness/stats"
)

// EffectRow is one comparison, of several quantities.
type EffectRow struct {
	Label   string
	Effects []stats.Effect // one for each panel; one without a ratio is left blank
}

// Effects draws ratios with their intervals before the band of the A/A floor,
// one panel for each quantity, one row for each comparison.
func Effects(f Figure, quantities []string, rows []EffectRow) *Figure {
	var csv bytes.Buffer
	csv.WriteString("row,quantity,blocks,ratio,lo,hi,level,floor,verdict\n")
	widest, solid := 1.0, "resolved"
	var names []plot.Tick
	for i, r := range rows {
		names = append(names, plot.Tick{Value: -float64(i + 1), Label: r.Label})
		for q, e := range r.Effects {
			fmt.Fprintf(&csv, "%s,%s,%d,%s,%s,%s,%.6g,%s,%s\n", r.Label, quantities[q], e.Blocks,
				cell(e.Ratio), cell(e.Lo), cell(e.Hi), e.Level, cell(e.Floor), e.Verdict)
			if e.Verdict == stats.Equivalent { // drawn solid, too, and no difference
				solid = "resolved, or shown to be equal"
			}
			for _, n := range []stats.Number{e.Ratio, e.Lo, e.Hi, e.Floor} {
				if v, ok := n.Get(); ok && v > 0 {
					widest = max(widest, math.Exp(math.Abs(math.Log(v))))
				}
			}
		}
	}
	row := make([]*panel, len(quantities))
	for q, name := range quantities {
		y := axis{"", Range{-float64(len(rows)) - 0.6, -0.4}, plot.LinearScale{}, names}
		if q > 0 { // those of the first are beside it
			y.ticks = make([]plot.Tick, len(names))
			for i, t := range names {
				y.ticks[i].Value = t.Value
			}
		}
		row[q] = newPanel(ratioAxis(name, widest), y)
		row[q].Y.Tick.Length, row[q].ownTicks = 0, names
		row[q].Add(effectLayer(q, rows))
	}
	line := draw.LineStyle{Color: ink, Width: 1.2}
	dot := draw.GlyphStyle{Color: ink, Radius: 2.8, Shape: draw.CircleGlyph{}}
	ring := draw.GlyphStyle{Color: ink, Radius: 2.8, Shape: draw.RingGlyph{}}
	f.legend = []key{
		{label: solid, line: &line, glyph: &dot},
		{label: "not resolved", line: &line, glyph: &ring},
		{label: "A/A floor: one arm against itself", fill: grey1},
	}
	f.CSV, f.height, f.panels = csv.Bytes(), 1.3*vg.Inch+vg.Length(len(rows))*16, row
	return &f
}

func effectLayer(q int, rows []EffectRow) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		for i, r := range rows {
			e, y := r.Effects[q], toY(-float64(i+1))
			if f, ok := e.Floor.Get(); ok {
				rectangle(c, grey1, toX(inside(p, 1/f)), y-5, toX(inside(p, f)), y+5)
			}
		}
		c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.7}, toX(1), c.Min.Y, toX(1), c.Max.Y)
		for i, r := range rows {
			e, y := r.Effects[q], toY(-float64(i+1))
			ratio, ok := e.Ratio.Get()
			if !ok {
				continue
			}
			lo, okLo := e.Lo.Get()
			hi, okHi := e.Hi.Get()
			if okLo && okHi {
				c.StrokeLine2(draw.LineStyle{Color: ink, Width: 1.2}, toX(inside(p, lo)), y, toX(inside(p, hi)), y)
			}
			glyph := draw.GlyphStyle{Color: ink, Radius: 2.8, Shape: draw.CircleGlyph{}}
			if e.Verdict != stats.Resolved && e.Verdict != stats.Equivalent {
				// White inside, so that the interval does not cross the ring.
				glyph.Color = white
				c.DrawGlyph(glyph, vg.Point{X: toX(inside(p, ratio)), Y: y})
				glyph.Color, glyph.Shape = ink, draw.RingGlyph{}
			}
			c.DrawGlyph(glyph, vg.Point{X: toX(inside(p, ratio)), Y: y})
		}
	}
}

// inside brings a ratio to the edge of the axis that it lies beyond.
func inside(p *plot.Plot, ratio float64) float64 { return min(max(ratio, p.X.Min), p.X.Max) }

func cell(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.6g", v)
}
