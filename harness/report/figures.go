package report

import (
	"fmt"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// picture is a figure as the page shows it.
type picture struct {
	Name, Title, Caption string
	SVG                  string
}

// pictures are the figures by place: "" for the whole result, workload/durability
// for a group, with the load behind it for a point.
type pictures map[string][]picture

// gallery draws figures on axes that the whole result shares.
type gallery struct {
	a       *Analysis
	d       data
	dir     string
	palette figure.Palette
	out     pictures
	formats []string
	width   figure.Width

	response, slip, cost, stages figure.Range
	highest                      float64
	// rates are by workload: requests of different workloads are different things.
	rates map[string]figure.Range
}

// drawAll draws every figure into dir as a report has it.
func drawAll(a *Analysis, d data, e *workloads.Experiment, cells []*result.CellRecord, dir string) (pictures, error) {
	g := &gallery{a: a, d: d, dir: dir, formats: figure.Saved, width: figure.Text}
	return g.all(e, cells)
}

// all draws every figure.
func (g *gallery) all(e *workloads.Experiment, cells []*result.CellRecord) (pictures, error) {
	a := g.a
	g.out, g.rates = pictures{}, map[string]figure.Range{}
	var arms []figure.Arm
	for _, arm := range a.Arms {
		arms = append(arms, figure.Arm(arm))
	}
	g.palette = figure.NewPalette(arms)
	g.extent()
	if err := g.effects(); err != nil {
		return nil, err
	}
	if err := g.capacityFigures(cells, e); err != nil {
		return nil, err
	}
	if err := g.theoryFigures(); err != nil {
		return nil, err
	}
	if err := g.scalingFigures(); err != nil {
		return nil, err
	}
	for i := range a.Groups {
		group := &a.Groups[i]
		for _, draw := range []func(*Group) error{g.percentiles, g.timelines, g.loads, g.shiftFigure, g.stageBars, g.costs, g.slips, g.heat} {
			if err := draw(group); err != nil {
				return nil, err
			}
		}
	}
	if a.Certificate != nil {
		for _, f := range CertificateFigures(a.Certificate, a.ResultHash) {
			if err := g.save("certificate", f); err != nil {
				return nil, err
			}
		}
	}
	return g.out, g.sweeps(e)
}

// save writes a figure's files and keeps it for the page.
func (g *gallery) save(place string, f *figure.Figure) error {
	if g.width != figure.Text {
		f.Fit(g.width)
	}
	if err := f.SaveAs(g.dir, g.formats); err != nil {
		return err
	}
	svg, err := f.SVG()
	if err != nil {
		return err
	}
	// The page is HTML: the declaration of an XML file has no place in it.
	text := string(svg)
	text = text[strings.Index(text, "<svg"):]
	g.out[place] = append(g.out[place], picture{f.Name, f.Title, f.Caption, text})
	return nil
}

// head is what every figure of a group begins with. An empty durability stands
// for all of them.
func (g *gallery) head(name, title, caption, durability string, blocks int, requests int64) figure.Figure {
	return figure.Figure{
		Name: fileName(name), Title: title, Caption: caption,
		Footer: fmt.Sprintf("host class %s · durability %s · %s · %s requests · driver %s · ceteris %s, result %s",
			g.a.HostClass, durability, plural(blocks, "block"), figure.Count(float64(requests)), g.a.Driver, g.a.Experiment, g.a.ResultHash),
	}
}

// extent finds the axes that the figures of this result share.
func (g *gallery) extent() {
	for _, group := range g.a.Groups {
		for _, p := range group.Points {
			for _, arm := range p.Arms {
				rate := g.rates[group.Workload]
				for _, r := range arm.Runs {
					rate.Include(r.Achieved)
				}
				g.rates[group.Workload] = rate
				g.include(&p, arm, g.d[where{group.Workload, group.Durability, p.LoadPerSec}][who{arm.Arm, arm.Replicate}])
			}
		}
	}
	g.response, g.slip, g.cost = g.response.Decimal(), g.slip.Decimal(), g.cost.Decimal()
}

// include widens the axes to hold one arm's point.
func (g *gallery) include(p *Point, arm ArmPoint, s *runs) {
	g.highest = max(g.highest, arm.Response.Highest)
	for _, x := range []struct {
		to *figure.Range
		of *hdr.Histogram
		up float64
	}{{&g.response, s.merged[response], arm.Response.Highest}, {&g.slip, s.merged[slip], arm.Slip.Highest}} {
		if x.up > 0 {
			x.to.Include(float64(max(leastNs, x.of.Min())))
			x.to.Include(float64(max(leastNs, x.of.ValueAtPercentile(x.up))))
		}
	}
	for _, r := range arm.Runs {
		for _, n := range []stats.Number{r.P50, r.P99} {
			if v, ok := n.Get(); ok {
				g.response.Include(max(leastNs, v))
			}
		}
		if v, ok := r.CPU.Get(); ok && v > 0 {
			g.cost.Include(v)
		}
	}
	if !arm.Replicate && !contains(p.Saturated, arm.Arm) {
		g.stages.Include(stageBar("", arm).Total())
	}
}

// leastNs is the bottom of every latency axis: the clock resolves nothing below.
const leastNs = 100

// percentiles draws one percentile plot for each load.
func (g *gallery) percentiles(group *Group) error {
	for _, p := range group.Points {
		curves, n, blocks := g.curves(group, &p, response, func(a ArmPoint) float64 { return a.Response.Highest })
		if len(curves) == 0 {
			continue
		}
		caption := "Response time runs from the intended moment of sending. Histograms are merged over blocks; each curve ends at the highest percentile that its samples and the host class carry."
		caption += p.bandCaption()
		if g.a.Truncate != "" {
			caption += " The beginning of windows is left out by the rule " + g.a.Truncate + "."
		}
		if len(p.Saturated) > 0 {
			caption += " Saturated: " + strings.Join(p.Saturated, ", ") + "."
		}
		f := g.head("percentiles-"+group.Workload+"-"+group.Durability+"-"+p.Load,
			fmt.Sprintf("Response time: %s, durability %s, %s", group.Workload, group.Durability, p.loadText()),
			caption, group.Durability, blocks, n)
		place := group.place() + "/" + p.Load
		if err := g.save(place, figure.Percentiles(f, g.palette, "response time", curves, g.response, g.highest)); err != nil {
			return err
		}
	}
	return nil
}

// curves takes one kind of histogram of every arm at one load.
func (g *gallery) curves(group *Group, p *Point, kind int, upTo func(ArmPoint) float64) (out []figure.Curve, n int64, blocks int) {
	at := where{group.Workload, group.Durability, p.LoadPerSec}
	for _, arm := range p.Arms {
		h := g.d[at][who{arm.Arm, arm.Replicate}].merged[kind]
		if upTo(arm) == 0 {
			continue
		}
		n += h.TotalCount()
		blocks = max(blocks, arm.Blocks)
		c := figure.Curve{Arm: arm.Arm, Replicate: arm.Replicate, Count: h.TotalCount(), Points: figure.Quantiles(h, upTo(arm))}
		if kind == response {
			spreadOut(&c, g.d[at][who{arm.Arm, arm.Replicate}].list())
		}
		out = append(out, c)
	}
	return out, n, blocks
}

// loads draws the load-latency curve of a group that has more than one load.
func (g *gallery) loads(group *Group) error {
	var points []figure.LoadPoint
	n, blocks := group.size()
	offered := 0
	for _, p := range group.Points {
		if p.LoadPerSec > 0 {
			offered++
		}
		for _, arm := range p.Arms {
			for _, r := range g.d[where{group.Workload, group.Durability, p.LoadPerSec}][who{arm.Arm, arm.Replicate}].list() {
				pt := figure.LoadPoint{
					Arm: arm.Arm, Replicate: arm.Replicate, Block: r.Block, Offered: p.LoadPerSec,
					Achieved: stats.Round(r.Load.AchievedPerSec), Saturated: r.saturated(),
				}
				pt.P50, pt.HasP50 = quantities[0].drawn(r)
				pt.P99, pt.HasP99 = quantities[1].drawn(r)
				points = append(points, pt)
			}
		}
	}
	if offered < 2 {
		return nil
	}
	f := g.head("load-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Load and response time: %s, durability %s", group.Workload, group.Durability),
		"Each small dot is one run; the line goes through the medians of the blocks. Points that achieved less than 99 % of what was offered are hollow and not connected.",
		group.Durability, blocks, n)
	return g.save(group.place(), figure.LoadLatency(f, g.palette, points, g.rates[group.Workload], g.response))
}

// stageBars draws where the time in the broker goes.
func (g *gallery) stageBars(group *Group) error {
	var bars []figure.StageBar
	var names []string
	var n int64
	_, blocks := group.size()
	for _, p := range group.Points {
		for _, arm := range p.Arms {
			if arm.Replicate || len(arm.Stages) == 0 || contains(p.Saturated, arm.Arm) {
				continue
			}
			bars = append(bars, stageBar(p.axisLabel(), arm))
			n += arm.Stages[0].Count
			names = names[:0]
			for _, s := range arm.Stages {
				names = append(names, s.Name)
			}
		}
	}
	if len(bars) == 0 {
		return nil
	}
	f := g.head("stages-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Where a produce request spends its time: %s, durability %s", group.Workload, group.Durability),
		"Mean time of each stage, from the first byte readable to the last byte handed to the kernel. Means add up to the mean total; percentiles of stages do not, which is why none are shown. Saturated points are left out.",
		group.Durability, blocks, n)
	return g.save(group.place(), figure.Stages(f, names, bars, g.stages))
}

func stageBar(load string, arm ArmPoint) figure.StageBar {
	b := figure.StageBar{Label: load, Arm: arm.Arm}
	for _, s := range arm.Stages {
		b.Count = s.Count
		b.MeansNs = append(b.MeansNs, s.MeanNs)
	}
	return b
}

// costs draws CPU time per message.
func (g *gallery) costs(group *Group) error {
	var points []figure.CostPoint
	n, blocks := group.size()
	for _, p := range group.Points {
		for _, arm := range p.Arms {
			for _, r := range arm.Runs {
				if v, ok := r.CPU.Get(); ok && v > 0 {
					points = append(points, figure.CostPoint{
						Arm: arm.Arm, Replicate: arm.Replicate, Block: r.Block, Load: p.axisLabel(), Saturated: r.Ratio < keptUp, Ns: v,
					})
				}
			}
		}
	}
	if len(points) == 0 {
		return nil
	}
	f := g.head("cpu-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Broker CPU time per message: %s, durability %s", group.Workload, group.Durability),
		"User and system time of the broker process over the measured window, divided by acknowledged messages; spinning for work counts. A dot is a run, a bar the median of an arm's blocks.",
		group.Durability, blocks, n)
	return g.save(group.place(), figure.Cost(f, g.palette, points, g.cost))
}

// slips draws the generator's own lateness at the load of the headline.
func (g *gallery) slips(group *Group) error {
	p := &group.Points[group.Headline]
	curves, n, blocks := g.curves(group, p, slip, func(a ArmPoint) float64 { return a.Slip.Highest })
	if len(curves) == 0 {
		return nil
	}
	f := g.head("slip-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Lateness of the load generator: %s, durability %s, %s", group.Workload, group.Durability, p.loadText()),
		"Slip is the actual less the intended moment of sending. It is part of the response time above; where it is not small beside it, the generator or a connection at its cap is what was measured. Values below 100 ns are drawn at 100 ns.",
		group.Durability, blocks, n)
	return g.save("slip", figure.Percentiles(f, g.palette, "slip", curves, g.slip, g.highest))
}

// effects draws every comparison of the headline's quantities at every load.
func (g *gallery) effects() error {
	var rows []figure.EffectRow
	var titles []string
	for _, q := range quantities[:headlines] {
		titles = append(titles, q.title)
	}
	var n int64
	blocks := 0
	strength := []string{}
	for i := range g.a.Groups {
		group := &g.a.Groups[i]
		if !contains(strength, group.Durability) {
			strength = append(strength, group.Durability)
		}
		k, b := group.size()
		n, blocks = n+k, max(blocks, b)
		for _, p := range group.Points {
			byArm := map[string][]stats.Effect{}
			for _, c := range p.headlined() {
				byArm[c.A] = append(byArm[c.A], c.Effect)
			}
			for _, arm := range g.a.Arms {
				effects := byArm[arm.Name]
				if len(effects) == 0 {
					continue
				}
				name := fmt.Sprintf("%s %s %s", group.Workload, group.Durability, p.axisLabel())
				if len(g.a.Arms) > 2 {
					name += " " + arm.Name
				}
				rows = append(rows, figure.EffectRow{Label: name, Effects: effects})
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	what := "the other arms"
	if len(g.a.Arms) == 2 {
		what = g.a.Arms[0].Name
		if what == g.a.Baseline {
			what = g.a.Arms[1].Name
		}
	}
	f := g.head("effects", fmt.Sprintf("Ratio of %s to %s at equal load and durability", what, g.a.Baseline),
		fmt.Sprintf("Left of 1: lower than %s. Hodges-Lehmann estimate over blocks with the signed-rank interval at the level that the blocks can reach; the grey band is the A/A floor, how far the same estimate of an arm over itself may lie from 1. Latencies of saturated points are left out.", g.a.Baseline),
		strings.Join(strength, ", "), blocks, n)
	return g.save("", figure.Effects(f, titles, rows))
}

// size is how many requests and blocks a group rests on.
func (g *Group) size() (n int64, blocks int) {
	for _, p := range g.Points {
		for _, arm := range p.Arms {
			n += arm.Response.Count
			blocks = max(blocks, arm.Blocks)
		}
	}
	return n, blocks
}

func (g *Group) place() string { return g.Workload + "/" + g.Durability }

// axisLabel is the load in little room.
func (p *Point) axisLabel() string {
	if p.LoadPerSec == 0 {
		return "closed loop"
	}
	return figure.Count(p.LoadPerSec) + "/s"
}

// fileName keeps what every file system takes.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '.', r == '_':
			return r
		}
		return '_'
	}, s)
}
