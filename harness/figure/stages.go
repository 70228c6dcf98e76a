package figure

import (
	"bytes"
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// StageBar is the mean time of one arm's requests at one load, stage by stage.
type StageBar struct {
	Label string // the load
	Arm   string
	Count int64
	// MeansNs are in the order of the names given to [Stages].
	MeansNs []float64
}

// Total is the whole bar in ns.
func (b StageBar) Total() float64 {
	var sum float64
	for _, v := range b.MeansNs {
		sum += v
	}
	return sum
}

// Tol's muted scheme, which has nine colours that stay apart for everybody and
// none that an arm uses.
var stageColours = []color.RGBA{
	{136, 204, 238, 255},
	{51, 34, 136, 255},
	{221, 204, 119, 255},
	{204, 102, 119, 255},
	{68, 170, 153, 255},
	{17, 119, 51, 255},
	{153, 153, 51, 255},
	{170, 68, 153, 255},
	{136, 34, 85, 255},
}

// Stages is a stacked bar for each load and arm. x is shared by every figure of
// a result; bars come in order from the top.
func Stages(f Figure, names []string, bars []StageBar, x Range) *Figure {
	var csv bytes.Buffer
	csv.WriteString("load,arm,requests")
	for _, n := range names {
		fmt.Fprintf(&csv, ",%s_ns", n)
	}
	csv.WriteString("\n")
	var rows []plot.Tick
	at := make([]float64, len(bars))
	down := 0.0
	for i, b := range bars {
		if i > 0 && b.Label != bars[i-1].Label {
			down += 0.5 // loads stand apart
		}
		down++
		at[i] = -down
		rows = append(rows, plot.Tick{Value: at[i], Label: b.Label + "  " + b.Arm})
		fmt.Fprintf(&csv, "%s,%s,%d", b.Label, b.Arm, b.Count)
		for _, v := range b.MeansNs {
			fmt.Fprintf(&csv, ",%.6g", v)
		}
		csv.WriteString("\n")
	}
	xr := Range{0, x.Max * 1.12}
	p := newPanel(axis{"mean time in the broker", xr, plot.LinearScale{}, linearTicks(xr, 6, func(v float64) string {
		if v == 0 {
			return "0"
		}
		return Duration(v)
	})}, axis{"", Range{-down - 0.7, -0.3}, plot.LinearScale{}, rows})
	p.Y.Tick.Length = 0
	p.Add(layer(func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		for i, b := range bars {
			sum := 0.0
			for s, v := range b.MeansNs {
				rectangle(c, stageColours[s%len(stageColours)], toX(sum), toY(at[i]-0.4), toX(sum+v), toY(at[i]+0.4))
				sum += v
			}
			text := lettering(7.5)
			text.YAlign = draw.YCenter
			c.FillText(text, vg.Point{X: toX(sum) + 3, Y: toY(at[i])}, Duration(sum))
		}
	}))
	for i, n := range names {
		f.legend = append(f.legend, key{label: n, fill: stageColours[i%len(stageColours)]})
	}
	f.CSV, f.height = csv.Bytes(), 1.5*vg.Inch+vg.Length(down)*14
	f.panels = []*panel{p}
	return &f
}
