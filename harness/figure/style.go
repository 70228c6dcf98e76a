package figure

import (
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Style is how an arm looks, in every figure.
type Style struct {
	Color  color.RGBA
	Dashes []vg.Length
	Glyph  draw.GlyphDrawer
	Hollow draw.GlyphDrawer // the same marker for a point that does not count
}

// Okabe and Ito's colours, which people with any kind of colour vision tell apart.
var (
	blue      = color.RGBA{0, 114, 178, 255}
	vermilion = color.RGBA{213, 94, 0, 255}
	green     = color.RGBA{0, 158, 115, 255}
	orange    = color.RGBA{230, 159, 0, 255}
	sky       = color.RGBA{86, 180, 233, 255}
	purple    = color.RGBA{204, 121, 167, 255}
	black     = color.RGBA{0, 0, 0, 255}
	brown     = color.RGBA{120, 72, 20, 255} // beyond theirs, and darker than any but black

	grey  = color.RGBA{150, 150, 150, 255}
	grey1 = color.RGBA{205, 205, 205, 255}
	white = color.RGBA{255, 255, 255, 255}
	faint = color.RGBA{228, 228, 228, 255}
	ink   = color.RGBA{60, 60, 60, 255}
)

var (
	tpcStyle  = Style{blue, nil, draw.CircleGlyph{}, draw.RingGlyph{}}
	poolStyle = Style{vermilion, []vg.Length{6, 2.5}, draw.BoxGlyph{}, draw.SquareGlyph{}}
	nullStyle = Style{green, []vg.Length{1.5, 2}, draw.PyramidGlyph{}, draw.TriangleGlyph{}}
	// others are for arms beyond the first of each model.
	others = []Style{
		{orange, []vg.Length{8, 2, 2, 2}, draw.PyramidGlyph{}, draw.TriangleGlyph{}},
		{sky, []vg.Length{3, 2}, wedge{}, hollowWedge{}},
		{purple, []vg.Length{10, 3}, diamond{}, hollowDiamond{}},
		{black, []vg.Length{1, 1.5}, draw.CircleGlyph{}, draw.RingGlyph{}},
		{brown, []vg.Length{6, 2, 1.5, 2, 1.5, 2}, draw.BoxGlyph{}, draw.SquareGlyph{}},
	}
)

// Arm is a thing compared.
type Arm struct{ Name, Model string }

// Palette gives every arm of a result its style. The first arm of a model has
// the model's own; a sixth arm beyond those repeats a colour, with another marker and a
// dot more in its dashes.
type Palette struct {
	names  []string
	styles map[string]Style
}

// NewPalette styles arms in their order.
func NewPalette(arms []Arm) Palette {
	p := Palette{styles: map[string]Style{}}
	taken, next := map[string]bool{}, 0
	for _, a := range arms {
		style, known := map[string]Style{"tpc": tpcStyle, "threadpool": poolStyle, "null": nullStyle}[a.Model]
		if !known || taken[a.Model] {
			round := next / len(others)
			style = others[next%len(others)]
			marker := others[(next+round)%len(others)]
			style.Glyph, style.Hollow, style.Dashes = marker.Glyph, marker.Hollow, slices.Clone(style.Dashes)
			for range round {
				style.Dashes = append(style.Dashes, 0.8, 1.2)
			}
			next++
		}
		taken[a.Model] = true
		p.names = append(p.names, a.Name)
		p.styles[a.Name] = style
	}
	return p
}

// style is how an arm's runs look.
func (p Palette) style(arm string, replicate bool) Style {
	s, ok := p.styles[arm]
	if !ok {
		s = Style{black, nil, draw.CircleGlyph{}, draw.RingGlyph{}}
	}
	if replicate {
		s.Color = grey
	}
	return s
}

func (s Style) line(width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: s.Color, Width: width, Dashes: s.Dashes}
}

func (s Style) glyph(radius vg.Length) draw.GlyphStyle {
	return draw.GlyphStyle{Color: s.Color, Radius: radius, Shape: s.Glyph}
}

func (s Style) hollow(radius vg.Length) draw.GlyphStyle {
	return draw.GlyphStyle{Color: s.Color, Radius: radius, Shape: s.Hollow}
}

// lettering is the one typeface and weight, in points; gonum's PDF canvas has
// no bold of it.
func lettering(size vg.Length) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans"}
	return text.Style{Color: ink, Font: font.From(f, size), Handler: plot.DefaultTextHandler, XAlign: draw.XLeft, YAlign: draw.YBottom}
}
