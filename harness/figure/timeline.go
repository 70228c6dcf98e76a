package figure

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// TimelinePoint is a value over a stretch of time, or at a moment. A value that is
// not above 0 is none on a logarithmic panel, and the line has a gap there.
type TimelinePoint struct{ FromSec, ToSec, Value float64 }

// TimelineCurve is an arm, or one of its runs.
type TimelineCurve struct {
	Arm    string
	Run    bool // one run, of Block
	Block  int
	Points []TimelinePoint
}

// TimelinePanel is one quantity of a time-line.
type TimelinePanel struct {
	Label string // on its axis
	Key   string // in its data
	Log   bool
	Text  func(float64) string
	// Curves are drawn in their order, runs below arms.
	Curves []TimelineCurve
}

// Happening is a stretch that a time-line shades.
type Happening struct {
	Label          string
	FromSec, ToSec float64
}

var happeningColours = map[string]color.RGBA{"overload": {240, 232, 210, 255}, "stall": {205, 205, 205, 255}, "slow": {222, 235, 240, 255}}

// Timeline draws quantities along a measured window, side by side on one time axis.
// The logarithmic panels share their other axis too.
func Timeline(f Figure, pal Palette, happenings []Happening, panels []TimelinePanel) *Figure {
	var csv bytes.Buffer
	csv.WriteString("quantity,arm,block,from_s,to_s,value\n")
	for _, h := range happenings {
		fmt.Fprintf(&csv, "%s,,,%.6g,%.6g,\n", h.Label, h.FromSec, h.ToSec)
	}
	var logs, time Range
	rest := make([]Range, len(panels))
	there := map[string]bool{}
	for i, panel := range panels {
		for _, curve := range panel.Curves {
			block := ""
			if curve.Run {
				block = fmt.Sprint(curve.Block)
			}
			for _, p := range curve.Points {
				there[curve.Arm] = true
				time.Include(p.FromSec)
				time.Include(p.ToSec)
				value := fmt.Sprintf("%.6g", p.Value)
				switch {
				case !panel.Log:
					rest[i].Include(p.Value)
				case p.Value > 0:
					logs.Include(p.Value)
				default:
					value = ""
				}
				fmt.Fprintf(&csv, "%s,%s,%s,%.6g,%.6g,%s\n", panel.Key, curve.Arm, block, p.FromSec, p.ToSec, value)
			}
		}
	}
	x := Range{0, max(time.Max, 1e-3)}
	for i, panel := range panels {
		y := latencyAxis(panel.Label, logs.Decimal())
		if !panel.Log {
			r := Range{0, max(rest[i].Max, 1) * 1.04}
			y = axis{panel.Label, r, plot.LinearScale{}, linearTicks(r, 5, panel.Text)}
		}
		p := newPanel(axis{"seconds into the window", x, plot.LinearScale{}, linearTicks(x, 4, short)}, y)
		p.Add(layer(func(c draw.Canvas, p *plot.Plot) {
			toX, _ := p.Transforms(&c)
			for _, h := range happenings {
				from, to := toX(h.FromSec), toX(h.ToSec)
				rectangle(c, happeningColours[h.Label], from, c.Min.Y, max(to, from+0.6), c.Max.Y)
			}
		}))
		for _, runs := range []bool{true, false} {
			for _, curve := range panel.Curves {
				if curve.Run == runs {
					p.Add(timelineLayer(pal, curve, panel.Log))
				}
			}
		}
		f.panels = append(f.panels, p)
	}
	f.legend = timelineKeys(pal, there, happenings)
	f.CSV, f.height = csv.Bytes(), 3.1*vg.Inch
	return &f
}

// timelineKeys is the legend.
func timelineKeys(pal Palette, there map[string]bool, happenings []Happening) []key {
	var keys []key
	for _, arm := range pal.names {
		if there[arm] {
			line := pal.style(arm, false).line(1.5)
			keys = append(keys, key{label: arm, line: &line})
		}
	}
	told := map[string]bool{}
	for _, h := range happenings {
		if !told[h.Label] {
			told[h.Label] = true
			keys = append(keys, key{label: h.Label, fill: happeningColours[h.Label]})
		}
	}
	return keys
}

// timelineLayer draws one curve through the middles of its stretches.
func timelineLayer(pal Palette, curve TimelineCurve, log bool) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		own := pal.style(curve.Arm, false)
		style := own.line(1.5)
		if curve.Run {
			style = draw.LineStyle{Color: pale(own.Color), Width: 0.6}
		}
		var line []vg.Point
		end := func() {
			if len(line) > 1 {
				c.StrokeLines(style, line)
			}
			line = nil
		}
		for _, pt := range curve.Points {
			if log && !(pt.Value > 0) {
				end()
				continue
			}
			line = append(line, vg.Point{X: toX((pt.FromSec + pt.ToSec) / 2), Y: toY(pt.Value)})
		}
		end()
	}
}
