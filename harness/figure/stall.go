package figure

import (
	"bytes"
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// StallView is how often each length of time occurred in one view of a load
// whose broker stood still. Bins are of equal width from 0.
type StallView struct {
	Title string // of its axis
	Arm   string // whose colour it has
	Bins  []int64
	// Expected is how many each bin has to hold that lies within the stall; 0
	// draws no line.
	Expected float64
}

// Stall draws views side by side on one scale, up to the stall's length and a
// little beyond. The first bin holds nearly everything; it is cut off at the top
// and its number is written instead.
func Stall(f Figure, pal Palette, binNs, stallNs float64, views []StallView) *Figure {
	var csv bytes.Buffer
	csv.WriteString("view,from_ns,requests,expected\n")
	top := 1.0
	for _, v := range views {
		for i, n := range v.Bins {
			fmt.Fprintf(&csv, "%s,%.0f,%d,%.6g\n", v.Title, float64(i)*binNs, n, v.expected(i, binNs, stallNs))
			if i > 0 {
				top = max(top, float64(n)*1.25)
			}
		}
		top = max(top, v.Expected*1.6)
	}
	for _, v := range views {
		xr, yr := Range{0, stallNs * 1.2}, Range{0, top}
		p := newPanel(axis{v.Title, xr, plot.LinearScale{}, linearTicks(xr, 6, func(ns float64) string {
			if ns == 0 {
				return "0"
			}
			return Duration(ns)
		})}, axis{"requests in " + Duration(binNs), yr, plot.LinearScale{}, linearTicks(yr, 5, Count)})
		if len(f.panels) > 0 {
			p.y, p.ownLabel = "", p.y
		}
		p.Add(layer(func(c draw.Canvas, p *plot.Plot) { v.draw(c, p, pal, binNs, stallNs, top) }))
		f.panels = append(f.panels, p)
	}
	line := draw.LineStyle{Color: black, Width: 1.2, Dashes: []vg.Length{4, 2}}
	f.legend = append(f.legend, key{label: "expected", line: &line})
	f.CSV, f.height = csv.Bytes(), 3*vg.Inch
	return &f
}

// expected is what bin i has to hold; the first is the loads' own business.
func (v *StallView) expected(i int, binNs, stallNs float64) float64 {
	if i == 0 || float64(i+1)*binNs > stallNs*1.0001 {
		return 0
	}
	return v.Expected
}

func (v *StallView) draw(c draw.Canvas, p *plot.Plot, pal Palette, binNs, stallNs, top float64) {
	toX, toY := p.Transforms(&c)
	colour := pal.style(v.Arm, false).Color
	for i, n := range v.Bins {
		if from := float64(i) * binNs; n > 0 && from < stallNs*1.2 {
			to := min(from+binNs, stallNs*1.2)
			rectangle(c, colour, toX(from)+0.5, toY(0), toX(to)-0.5, toY(min(float64(n), top)))
		}
	}
	text := lettering(7.5)
	c.FillText(text, vg.Point{X: toX(binNs) + 3, Y: toY(top) - 9}, fmt.Sprintf("%s below %s", Count(float64(v.Bins[0])), Duration(binNs)))
	if v.Expected > 0 {
		line := draw.LineStyle{Color: black, Width: 1.2, Dashes: []vg.Length{4, 2}}
		c.StrokeLines(line, []vg.Point{
			{X: toX(binNs), Y: toY(v.Expected)}, {X: toX(stallNs), Y: toY(v.Expected)}, {X: toX(stallNs), Y: toY(0)},
		})
	}
}
