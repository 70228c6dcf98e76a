package figure

import (
	"bytes"
	"fmt"
	"sort"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// CostPoint is what one run took for each message.
type CostPoint struct {
	Arm       string
	Replicate bool
	Block     int
	Load      string // in the order in which loads are to stand
	Saturated bool
	Ns        float64
}

// Cost is CPU time per message: a dot for each run, a bar at the arm's median.
func Cost(f Figure, pal Palette, points []CostPoint, y Range) *Figure {
	var csv bytes.Buffer
	csv.WriteString("load,arm,replicate,block,saturated,cpu_per_message_ns\n")
	index := map[string]int{}
	var ticks []plot.Tick
	var shown []LoadPoint
	for _, p := range points {
		if _, ok := index[p.Load]; !ok {
			index[p.Load] = len(index)
			ticks = append(ticks, plot.Tick{Value: float64(index[p.Load]), Label: p.Load})
		}
		fmt.Fprintf(&csv, "%s,%s,%v,%d,%v,%.6g\n", p.Load, p.Arm, p.Replicate, p.Block, p.Saturated, p.Ns)
		shown = append(shown, LoadPoint{Arm: p.Arm, Replicate: p.Replicate, Saturated: p.Saturated})
	}
	shownIn := newPanel(axis{"offered requests per second", Range{-0.5, float64(len(index)) - 0.5}, plot.LinearScale{}, ticks},
		latencyAxis("broker CPU time per message", y))
	shownIn.Add(layer(func(c draw.Canvas, p *plot.Plot) {
		for _, t := range ticks {
			costColumn(c, p, pal, points, t.Label, t.Value)
		}
	}))
	f.legend = armKeys(pal, shown)
	f.CSV, f.height, f.panels = csv.Bytes(), 3*vg.Inch, []*panel{shownIn}
	return &f
}

// costColumn draws the arms of one load side by side, blocks from left to right.
func costColumn(c draw.Canvas, p *plot.Plot, pal Palette, points []CostPoint, load string, centre float64) {
	toX, toY := p.Transforms(&c)
	slot := 0.8 / float64(len(pal.names))
	for i, arm := range pal.names {
		mid := centre - 0.4 + (float64(i)+0.5)*slot
		var runs []CostPoint
		var own []float64
		for _, pt := range points {
			if pt.Load == load && pt.Arm == arm {
				runs = append(runs, pt)
				if !pt.Replicate {
					own = append(own, pt.Ns)
				}
			}
		}
		sort.SliceStable(runs, func(a, b int) bool { return runs[a].Block < runs[b].Block })
		for k, pt := range runs {
			x := mid + (float64(k)+0.5-float64(len(runs))/2)*slot*0.6/float64(len(runs))
			s := pal.style(arm, pt.Replicate)
			if pt.Saturated {
				c.DrawGlyph(s.hollow(2.4), vg.Point{X: toX(x), Y: toY(pt.Ns)})
			} else {
				c.DrawGlyph(s.glyph(2), vg.Point{X: toX(x), Y: toY(pt.Ns)})
			}
		}
		if len(own) > 0 {
			y := toY(Median(own))
			line := pal.style(arm, false).line(1.5)
			line.Dashes = nil
			c.StrokeLine2(line, toX(mid-slot*0.38), y, toX(mid+slot*0.38), y)
		}
	}
}
