package figure

import (
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Figure is one figure in every format.
type Figure struct {
	Name    string // of its files, without extension
	Title   string
	Caption string // what to see, for the text below it
	Footer  string
	// CSV is the data that is drawn.
	CSV []byte

	height  vg.Length
	legend  []key
	panels  []*panel // side by side, or below one another
	width   Width    // 0: Text
	stacked bool
}

// Width is how wide a figure is printed; lettering has the same size at any.
type Width vg.Length

// The widths of a text block, which figures are made for, and of one of two
// columns.
const (
	Text   = Width(7 * vg.Inch)
	Column = Width(3.33 * vg.Inch)
)

// wide is the figure's width.
func (f *Figure) wide() vg.Length {
	if f.width == 0 {
		return vg.Length(Text)
	}
	return vg.Length(f.width)
}

// Fit makes the figure as wide as w. In a column, panels that were side by side
// are stacked, each with labels of its own and nearly as high as before.
func (f *Figure) Fit(w Width) {
	inner := f.height - f.margins()
	f.width, f.stacked = w, w < Text && len(f.panels) > 1
	n := vg.Length(1)
	if f.stacked {
		n = vg.Length(len(f.panels))
		for _, p := range f.panels {
			if p.ownTicks != nil {
				p.Y.Tick.Marker = plot.ConstantTicks(p.ownTicks)
			}
			if p.ownLabel != "" {
				p.y = p.ownLabel
			}
		}
	}
	f.height = f.margins() + n*inner
}

// key is one entry of the legend.
type key struct {
	label string
	line  *draw.LineStyle
	glyph *draw.GlyphStyle
	fill  color.Color
}

// layer is a plotter that is a function.
type layer func(c draw.Canvas, p *plot.Plot)

// Plot draws the layer.
func (l layer) Plot(c draw.Canvas, p *plot.Plot) { l(c, p) }

// panel is a plot whose axis labels the page draws: gonum keeps room for them
// where the middle of a linear axis would be, which on a logarithmic one is the
// end.
type panel struct {
	*plot.Plot
	x, y string
	// What it has of its own where it stands below others and not beside them.
	ownTicks []plot.Tick
	ownLabel string
}

// newPanel is an empty plot with a faint grid at its labelled ticks.
func newPanel(x, y axis) *panel {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	set := func(a *plot.Axis, from axis) {
		// gonum's alignment stays: its layout reckons with it.
		a.Tick.Label.Font, a.Tick.Label.Color = lettering(8).Font, ink
		a.Min, a.Max, a.Scale = from.Min, from.Max, from.scale
		a.Tick.Marker, a.Tick.Length = plot.ConstantTicks(from.ticks), 4
		a.LineStyle = draw.LineStyle{Color: grey, Width: 0.6}
		a.Tick.LineStyle = a.LineStyle
		a.Padding = 0
	}
	set(&p.X, x)
	set(&p.Y, y)
	p.Add(layer(func(c draw.Canvas, p *plot.Plot) {
		style := draw.LineStyle{Color: faint, Width: 0.5}
		toX, toY := p.Transforms(&c)
		for _, t := range x.ticks {
			if at := toX(t.Value); !t.IsMinor() && c.ContainsX(at) {
				c.StrokeLine2(style, at, c.Min.Y, at, c.Max.Y)
			}
		}
		for _, t := range y.ticks {
			if at := toY(t.Value); !t.IsMinor() && c.ContainsY(at) {
				c.StrokeLine2(style, c.Min.X, at, c.Max.X, at)
			}
		}
	}))
	// Adding a plotter may widen an axis; what was handed in stands.
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.Min, x.Max, y.Min, y.Max
	return &panel{Plot: p, x: x.label, y: y.label}
}

// margins is what a figure of its width takes above and below its panels.
func (f *Figure) margins() vg.Length {
	w := f.wide() - 18
	lines := len(wrap(lettering(10), f.Title, w))
	keys, x := 0, vg.Length(0)
	for i, k := range f.legend {
		need := k.width()
		if i == 0 || x+need > w {
			keys, x = keys+1, 0
		}
		x += need + legendGap
	}
	footer := len(wrap(footerStyle(), f.Footer, w))
	return vg.Length(12*lines+12*keys+8*footer) + 27
}

// footerStyle is small and pale: it is for those who look for it.
func footerStyle() text.Style {
	small := lettering(6.5)
	small.Color = color.RGBA{110, 110, 110, 255}
	return small
}

// draw lays the page out: title, legend, panels, footer, from top to bottom, each
// with room of its own so that nothing lies on a curve.
func (f *Figure) draw(c draw.Canvas) {
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	c = draw.Crop(c, 8, -10, 6, -6)
	y := c.Max.Y
	for _, line := range wrap(lettering(10), f.Title, c.Max.X-c.Min.X) {
		y -= 12
		c.FillText(lettering(10), vg.Point{X: c.Min.X, Y: y}, line)
	}
	y = f.drawLegend(c, y-4)
	small := footerStyle()
	footer := wrap(small, f.Footer, c.Max.X-c.Min.X)
	bottom := c.Min.Y
	for i := len(footer) - 1; i >= 0; i-- {
		c.FillText(small, vg.Point{X: c.Min.X, Y: bottom}, footer[i])
		bottom += 8
	}
	inner := draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
		Min: vg.Point{X: c.Min.X, Y: bottom + 3}, Max: vg.Point{X: c.Max.X, Y: y - 8},
	}}
	f.drawPanels(inner)
}

// drawPanels sets the panels side by side, or one below the other, their data areas
// of equal size, with the labels of the axes in the gaps.
func (f *Figure) drawPanels(c draw.Canvas) {
	const room = 13
	tiles := draw.Tiles{Rows: 1, Cols: len(f.panels), PadX: 12, PadBottom: room}
	plots := make([]*plot.Plot, len(f.panels))
	for i, p := range f.panels {
		plots[i] = p.Plot
		if p.y != "" {
			tiles.PadLeft, tiles.PadX = room, 12+room
		}
	}
	grid := [][]*plot.Plot{plots}
	if f.stacked {
		tiles.Rows, tiles.Cols, tiles.PadY = len(plots), 1, 12+room
		grid = make([][]*plot.Plot, len(plots))
		for i, p := range plots {
			grid[i] = []*plot.Plot{p}
		}
	}
	style := lettering(8.5)
	style.XAlign = draw.XCenter
	upright := style
	upright.Rotation = math.Pi / 2
	var cells []draw.Canvas
	for _, row := range plot.Align(grid, tiles, c) {
		cells = append(cells, row...)
	}
	for i, cell := range cells {
		p := f.panels[i]
		p.Draw(cell)
		area, bottom := p.DataCanvas(cell), c.Min.Y
		if f.stacked {
			bottom = cell.Min.Y - room
		}
		c.FillText(style, vg.Point{X: area.Center().X, Y: bottom + 2}, p.x)
		c.FillText(upright, vg.Point{X: cell.Min.X - 3, Y: area.Center().Y}, p.y)
	}
}

// legendGap is between the keys of a legend.
const legendGap = 14

// sample is how wide what a key shows is, width how wide all of it.
func (k *key) sample() vg.Length {
	if k.line == nil {
		return 10
	}
	return 24
}

func (k *key) width() vg.Length { return k.sample() + 4 + lettering(8.5).Width(k.label) }

// drawLegend sets the keys in rows from y downward and returns where they end.
func (f *Figure) drawLegend(c draw.Canvas, y vg.Length) vg.Length {
	const row = 12
	style := lettering(8.5)
	x := c.Min.X
	if len(f.legend) > 0 {
		y -= row
	}
	for _, k := range f.legend {
		sample, need := k.sample(), k.width()
		if x > c.Min.X && x+need > c.Max.X {
			x, y = c.Min.X, y-row
		}
		mid := y + 3
		if k.line != nil {
			c.StrokeLine2(*k.line, x, mid, x+sample, mid)
		}
		if k.glyph != nil {
			c.DrawGlyph(*k.glyph, vg.Point{X: x + sample/2, Y: mid})
		}
		if k.fill != nil {
			rectangle(c, k.fill, x, mid-4, x+sample, mid+4)
		}
		c.FillText(style, vg.Point{X: x + sample + 4, Y: y}, k.label)
		x += need + legendGap
	}
	return y
}

func rectangle(c draw.Canvas, fill color.Color, x0, y0, x1, y1 vg.Length) {
	c.FillPolygon(fill, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
}

// wrap breaks s between words into lines no wider than w.
func wrap(style text.Style, s string, w vg.Length) []string {
	var lines []string
	for _, word := range strings.Fields(s) {
		last := len(lines) - 1
		if last >= 0 && style.Width(lines[last]+" "+word) <= w {
			lines[last] += " " + word
			continue
		}
		lines = append(lines, word)
	}
	return lines
}
