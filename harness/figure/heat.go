package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// HeatRow is one thread of one arm over time.
type HeatRow struct {
	Arm, Label string
	Steps      []HeatStep
}

// HeatStep is where a thread's time went between two moments, as shares that add
// up to 1.
type HeatStep struct {
	FromSec, ToSec    float64
	Busy, Spin, Sleep float64
}

// heatLevels is how many colours there are between nothing and all of the time.
// Fewer than can be told apart would hide what changes, more say nothing.
const heatLevels = 10

// Heat draws where every thread's time went: time to the right, a row for each
// thread, and a panel for each of busy, polling and asleep, so that a thread that
// polls is not taken for one that works or for one that rests.
func Heat(f Figure, rows []HeatRow) *Figure {
	var csv bytes.Buffer
	csv.WriteString("arm,thread,from_s,to_s,busy_ratio,spin_ratio,sleep_ratio\n")
	end := 0.0
	var names []plot.Tick
	at := make([]float64, len(rows))
	y := 0.0
	for i, r := range rows {
		y--
		if i > 0 && r.Arm != rows[i-1].Arm {
			y -= 0.6 // arms stand apart
		}
		at[i] = y
		names = append(names, plot.Tick{Value: y, Label: r.Arm + " " + r.Label})
		for _, s := range r.Steps {
			end = max(end, s.ToSec)
			fmt.Fprintf(&csv, "%s,%s,%.6g,%.6g,%.4g,%.4g,%.4g\n", r.Arm, r.Label, s.FromSec, s.ToSec, s.Busy, s.Spin, s.Sleep)
		}
	}
	extent := Range{0, max(end, 1e-3)}
	unlabelled := make([]plot.Tick, len(names))
	for i, t := range names {
		unlabelled[i].Value = t.Value
	}
	for i, share := range []struct {
		name string
		of   func(HeatStep) float64
	}{
		{"busy", func(s HeatStep) float64 { return s.Busy }},
		{"polling", func(s HeatStep) float64 { return s.Spin }},
		{"asleep", func(s HeatStep) float64 { return s.Sleep }},
	} {
		ticks := names
		if i > 0 {
			ticks = unlabelled
		}
		p := newPanel(axis{share.name + " (s of the window)", extent, plot.LinearScale{}, linearTicks(extent, 4, short)},
			axis{"", Range{y - 0.6, -0.4}, plot.LinearScale{}, ticks})
		p.Y.Tick.Length, p.ownTicks = 0, names
		p.Add(heatLayer(rows, at, share.of))
		f.panels = append(f.panels, p)
	}
	for _, share := range []float64{0, 0.25, 0.5, 0.75, 1} {
		f.legend = append(f.legend, key{label: fmt.Sprintf("%.0f %%", 100*share), fill: heatColor(share)})
	}
	f.legend[len(f.legend)-1].label += " of the thread's time"
	f.CSV, f.height = csv.Bytes(), 1.15*vg.Inch+vg.Length(-y)*13
	return &f
}

// heatLayer draws each row; neighbours of one colour are one rectangle.
func heatLayer(rows []HeatRow, at []float64, of func(HeatStep) float64) layer {
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		for i, r := range rows {
			lo, hi := toY(at[i]-0.43), toY(at[i]+0.43)
			for k := 0; k < len(r.Steps); {
				from, fill := r.Steps[k].FromSec, heatColor(of(r.Steps[k]))
				to := r.Steps[k].ToSec
				for k++; k < len(r.Steps) && r.Steps[k].FromSec == to && heatColor(of(r.Steps[k])) == fill; k++ {
					to = r.Steps[k].ToSec
				}
				rectangle(c, fill, toX(from), lo, toX(to), hi)
			}
		}
	}
}

// heatColor goes from nearly white to dark blue, evenly in lightness, so that it
// can be read in grey too.
func heatColor(share float64) color.RGBA {
	t := math.Round(min(max(share, 0), 1)*heatLevels) / heatLevels
	mix := func(from, to float64) uint8 { return uint8(math.Round(from + (to-from)*t)) }
	if t < 0.5 {
		t *= 2
		return color.RGBA{mix(240, 90), mix(244, 160), mix(248, 205), 255}
	}
	t = 2*t - 1
	return color.RGBA{mix(90, 8), mix(160, 40), mix(205, 90), 255}
}
