package figure

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ceteris/ceteris/harness/stats"
)

// CapacityProbe is one rate that an arm was asked for.
type CapacityProbe struct {
	Arm       string
	Replicate bool
	Block     int
	PerSec    float64
	P99Ns     float64 // 0: too few requests for one; infinite: longer than any that is known
	Kept      bool
}

// CapacityMark is what an arm carries, with its interval.
type CapacityMark struct {
	Arm            string
	PerSec, Lo, Hi stats.Number
}

// Capacity draws probes by rate and p99, those in which it is not known on the edges,
// the promised p99 across (0: none) and the arms' capacities upright.
func Capacity(f Figure, pal Palette, probes []CapacityProbe, marks []CapacityMark, limitNs float64) *Figure {
	var csv bytes.Buffer
	csv.WriteString("arm,replicate,block,per_second,p99_ns,kept\n")
	known := func(p CapacityProbe) bool { return p.P99Ns > 0 && !math.IsInf(p.P99Ns, 1) }
	var x, y Range
	if limitNs > 0 {
		y.Include(limitNs)
	}
	for _, p := range probes {
		x.Include(p.PerSec)
		if known(p) {
			y.Include(p.P99Ns)
		}
		fmt.Fprintf(&csv, "%s,%v,%d,%.6g,%s,%v\n", p.Arm, p.Replicate, p.Block, p.PerSec, orEmpty(p.P99Ns, known(p)), p.Kept)
	}
	x, y = x.Decimal(), y.Decimal()
	p := newPanel(axis{"requests per second", x, plot.LogScale{}, ticks125(x, Count)}, latencyAxis("p99 response time", y))
	p.Add(layer(func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		at := func(n stats.Number) (vg.Length, bool) {
			v, ok := n.Get()
			return toX(min(max(v, x.Min), x.Max)), ok
		}
		// Intervals lie one below the other, because they mostly overlap.
		for i, m := range marks {
			lo, okLo := at(m.Lo)
			hi, ok := at(m.Hi)
			if !ok || !okLo {
				continue
			}
			s, y := pal.style(m.Arm, false).line(1.2), c.Max.Y-vg.Length(6+7*i)
			s.Dashes = nil
			c.StrokeLine2(s, lo, y, hi, y)
			c.StrokeLine2(s, lo, y-2.5, lo, y+2.5)
			c.StrokeLine2(s, hi, y-2.5, hi, y+2.5)
		}
		for _, m := range marks {
			if v, ok := at(m.PerSec); ok {
				c.StrokeLine2(pal.style(m.Arm, false).line(1.2), v, c.Min.Y, v, c.Max.Y)
			}
		}
		if limitNs > 0 {
			c.StrokeLine2(draw.LineStyle{Color: ink, Width: 0.7}, c.Min.X, toY(limitNs), c.Max.X, toY(limitNs))
		}
		for _, replicates := range []bool{true, false} {
			for _, at := range probes {
				if at.Replicate != replicates {
					continue
				}
				s := pal.style(at.Arm, at.Replicate)
				glyph := s.glyph(2.4)
				if !at.Kept {
					glyph = s.hollow(2.4)
				}
				c.DrawGlyph(glyph, vg.Point{X: toX(at.PerSec), Y: toY(min(max(y.Min, at.P99Ns), y.Max))})
			}
		}
	}))
	for _, m := range marks {
		s := pal.style(m.Arm, false)
		line, glyph := s.line(1.2), s.glyph(2.6)
		f.legend = append(f.legend, key{label: m.Arm, line: &line, glyph: &glyph})
	}
	if slices.ContainsFunc(probes, func(p CapacityProbe) bool { return p.Replicate }) {
		glyph := draw.GlyphStyle{Color: grey, Radius: 2.4, Shape: draw.CircleGlyph{}}
		f.legend = append(f.legend, key{label: "the same arm again", glyph: &glyph})
	}
	if slices.ContainsFunc(probes, func(p CapacityProbe) bool { return !p.Kept }) {
		glyph := draw.GlyphStyle{Color: ink, Radius: 2.4, Shape: draw.RingGlyph{}}
		f.legend = append(f.legend, key{label: "promise broken", glyph: &glyph})
	}
	if slices.ContainsFunc(probes, func(p CapacityProbe) bool { return !known(p) }) {
		f.legend = append(f.legend, key{label: "on an edge: p99 not known"})
	}
	if limitNs > 0 {
		line := draw.LineStyle{Color: ink, Width: 0.7}
		f.legend = append(f.legend, key{label: "promised p99", line: &line})
	}
	f.CSV, f.height, f.panels = csv.Bytes(), 3.6*vg.Inch, []*panel{p}
	return &f
}
