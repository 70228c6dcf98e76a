package figure

import (
	"bytes"
	"fmt"
	"strconv"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ceteris/ceteris/harness/stats"
)

// Curve is the distribution of one arm, from merged histograms.
type Curve struct {
	Arm       string
	Replicate bool
	Count     int64
	Points    []Quantile
	// Band is what the blocks say of it, Runs are they themselves; at most one of
	// the two is there.
	Band []Bound
	Runs []RunCurve
}

// Quantile is a point of a curve.
type Quantile struct{ Percentile, Ns float64 }

// Quantiles samples h at equal steps of nines up to the percentile upTo, with
// the round ones among them. Values below 1 ns count as 1: the axis is logarithmic.
func Quantiles(h *hdr.Histogram, upTo float64) []Quantile {
	var out []Quantile
	add := func(p float64) {
		if n := len(out); n > 0 && p <= out[n-1].Percentile {
			return
		}
		out = append(out, Quantile{p, float64(max(1, h.ValueAtPercentile(p)))})
	}
	round := []float64{50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 99.999, 99.9999}
	for step := 0; ; step++ {
		p := min(stats.Percentile(float64(step)/40), upTo)
		for len(round) > 0 && round[0] <= p {
			add(round[0])
			round = round[1:]
		}
		add(p)
		if p >= upTo {
			return out
		}
	}
}

// Percentiles is the percentile plot of one cell's arms. quantity names what is
// on the y axis; y and highest are shared by the figures of one result.
func Percentiles(f Figure, pal Palette, quantity string, curves []Curve, y Range, highest float64) *Figure {
	p := newPanel(percentileAxis(highest), latencyAxis(quantity, y))
	var csv bytes.Buffer
	csv.WriteString("arm,replicate,block,requests,percentile,ns,lo_ns,hi_ns\n")
	// Bands lie below every line.
	for _, curve := range curves {
		p.Add(curve.bandLayer(pal.style(curve.Arm, curve.Replicate)))
	}
	for _, curve := range curves {
		p.Add(curve.edgeLayer(pal.style(curve.Arm, curve.Replicate)))
	}
	// Replicates lie below what they are the background of.
	for _, replicates := range []bool{true, false} {
		for _, curve := range curves {
			if curve.Replicate != replicates {
				continue
			}
			p.Add(curve.layer(pal.style(curve.Arm, curve.Replicate)))
		}
	}
	for _, curve := range curves {
		s := pal.style(curve.Arm, curve.Replicate)
		line, glyph := s.line(curve.width()), s.glyph(2.6)
		f.legend = append(f.legend, key{label: fmt.Sprintf("%s (%s)", label(curve.Arm, curve.Replicate), Count(float64(curve.Count))), line: &line, glyph: &glyph})
		bounds := map[float64]string{}
		for _, b := range curve.Band {
			bounds[b.Percentile] = fmt.Sprintf("%.0f,%.0f", b.LoNs, b.HiNs)
		}
		percentile := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
		for _, q := range curve.Points {
			within := bounds[q.Percentile]
			if within == "" {
				within = ","
			}
			fmt.Fprintf(&csv, "%s,%v,,%d,%s,%.0f,%s\n", curve.Arm, curve.Replicate, curve.Count, percentile(q.Percentile), q.Ns, within)
		}
		for _, r := range curve.Runs {
			for _, q := range r.Points {
				fmt.Fprintf(&csv, "%s,%v,%d,,%s,%.0f,,\n", curve.Arm, curve.Replicate, r.Block, percentile(q.Percentile), q.Ns)
			}
		}
	}
	f.CSV, f.height, f.panels = csv.Bytes(), 3.9*vg.Inch, []*panel{p}
	return &f
}

func label(arm string, replicate bool) string {
	if replicate {
		return arm + " again"
	}
	return arm
}

func (c Curve) width() vg.Length {
	if c.Replicate {
		return 0.9
	}
	return 1.5
}

// layer draws the curve with markers at the percentiles people quote.
func (c Curve) layer(s Style) layer {
	return func(canvas draw.Canvas, p *plot.Plot) {
		pts := place(&canvas, p, c.Points)
		canvas.StrokeLines(s.line(c.width()), canvas.ClipLinesXY(pts)...)
		for i, q := range c.Points {
			switch q.Percentile {
			case 50, 90, 99, 99.9, 99.99:
				if canvas.Contains(pts[i]) {
					canvas.DrawGlyph(s.glyph(2.6), pts[i])
				}
			}
		}
	}
}
