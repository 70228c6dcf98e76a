package figure

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Markers that gonum lacks. Its crosses have no inside, so that one that does not
// count would look like one that does.
type (
	wedge         struct{} // a triangle on its tip
	hollowWedge   struct{}
	diamond       struct{}
	hollowDiamond struct{}
)

func (wedge) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) { c.Fill(wedgePath(s, at)) }

func (hollowWedge) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	outline(c, s, wedgePath(s, at))
}

func (diamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) { c.Fill(diamondPath(s, at)) }

func (hollowDiamond) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	outline(c, s, diamondPath(s, at))
}

// outline strokes a marker as gonum does its own.
func outline(c *draw.Canvas, s draw.GlyphStyle, p vg.Path) {
	c.SetLineStyle(draw.LineStyle{Color: s.Color, Width: vg.Points(0.5)})
	c.Stroke(p)
}

func wedgePath(s draw.GlyphStyle, at vg.Point) vg.Path {
	r := s.Radius * 1.25 // an area like the other markers'
	return corners(at, vg.Point{Y: -r}, vg.Point{X: r * 0.87, Y: r / 2}, vg.Point{X: -r * 0.87, Y: r / 2})
}

func diamondPath(s draw.GlyphStyle, at vg.Point) vg.Path {
	r := s.Radius * 1.25
	return corners(at, vg.Point{Y: -r}, vg.Point{X: r * 0.8}, vg.Point{Y: r}, vg.Point{X: -r * 0.8})
}

// corners is a closed path through points about at.
func corners(at vg.Point, about ...vg.Point) vg.Path {
	var p vg.Path
	p.Move(at.Add(about[0]))
	for _, d := range about[1:] {
		p.Line(at.Add(d))
	}
	p.Close()
	return p
}
