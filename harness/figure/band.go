package figure

import (
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Bound is what the blocks say of one percentile: the interval that holds the median
// of such blocks' values.
type Bound struct{ Percentile, LoNs, HiNs float64 }

// RunCurve is the distribution of one cell, drawn thin where blocks are too few for a
// band.
type RunCurve struct {
	Block  int
	Points []Quantile
}

// bandLayer fills the band, in a paler colour than any line; its edges come later,
// so that bands of several arms that overlap can be told apart.
func (c Curve) bandLayer(s Style) layer {
	return func(canvas draw.Canvas, p *plot.Plot) {
		if low, high := c.edges(&canvas, p); len(low) > 1 {
			slices.Reverse(high)
			canvas.FillPolygon(pale(s.Color), canvas.ClipPolygonXY(append(low, high...)))
		}
	}
}

// edgeLayer draws the band's edges, or the runs.
func (c Curve) edgeLayer(s Style) layer {
	return func(canvas draw.Canvas, p *plot.Plot) {
		style := draw.LineStyle{Color: s.Color, Width: 0.4}
		low, high := c.edges(&canvas, p)
		for _, line := range [][]vg.Point{low, high} {
			canvas.StrokeLines(style, canvas.ClipLinesXY(line)...)
		}
		for _, r := range c.Runs {
			canvas.StrokeLines(style, canvas.ClipLinesXY(place(&canvas, p, r.Points))...)
		}
	}
}

func (c Curve) edges(canvas *draw.Canvas, p *plot.Plot) (low, high []vg.Point) {
	var lo, hi []Quantile
	for _, b := range c.Band {
		lo, hi = append(lo, Quantile{b.Percentile, b.LoNs}), append(hi, Quantile{b.Percentile, b.HiNs})
	}
	return place(canvas, p, lo), place(canvas, p, hi)
}

// place is where points of a curve lie; what is below the axis lies on it.
func place(canvas *draw.Canvas, p *plot.Plot, points []Quantile) []vg.Point {
	toX, toY := p.Transforms(canvas)
	out := make([]vg.Point, len(points))
	for i, q := range points {
		out[i] = vg.Point{X: toX(q.Percentile), Y: toY(max(q.Ns, p.Y.Min))}
	}
	return out
}
