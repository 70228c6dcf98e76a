package report

import (
	"fmt"
	"strings"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/workloads"
)

// sweepValues is how many values of one thing make a curve.
const sweepValues = 3

// sweeps draws curves over what a family of workloads varies: for each thing
// with several values, one pair of figures for each combination of the others.
func (g *gallery) sweeps(e *workloads.Experiment) error {
	if e == nil {
		return nil
	}
	type curve struct{ family, key, rest, durability, load string }
	var order []curve
	points := map[curve][]figure.SweepPoint{}
	size := map[curve]int64{}
	values := map[curve]map[int]bool{}
	for i := range g.a.Groups {
		group := &g.a.Groups[i]
		w := workloadOf(e, group.Workload)
		if w == nil {
			continue
		}
		for _, key := range []string{"partitions", "connections", "inflight"} {
			v, ok := w.Swept[key]
			if !ok {
				continue
			}
			for k := range group.Points {
				p := &group.Points[k]
				c := curve{w.Family, key, strings.ReplaceAll(group.Workload, w.Mark(key), ""), group.Durability, p.Load}
				if points[c] == nil {
					order, values[c] = append(order, c), map[int]bool{}
				}
				values[c][v] = true
				size[c] += g.sweepPoints(group, p, float64(v), func(pt figure.SweepPoint) { points[c] = append(points[c], pt) })
			}
		}
	}
	for _, c := range order {
		if len(values[c]) < sweepValues {
			continue
		}
		if err := g.sweep(c.rest, c.key, c.durability, c.load, points[c], size[c]); err != nil {
			return err
		}
	}
	return nil
}

// sweepPanels are what a run's values are, in order.
var sweepPanels = []figure.SweepPanel{
	{Label: "p50 response time", Key: "p50_ns", Text: figure.Duration, Latency: true},
	{Label: "p99 response time", Key: "p99_ns", Text: figure.Duration, Latency: true},
	{Label: "broker CPU per message", Key: "cpu_per_message_ns", Text: figure.Duration},
	{Label: "memory in use", Key: "memory_in_use_bytes", Text: figure.Bytes},
	{Label: "Go heap in use", Key: "go_heap_bytes", Text: figure.Bytes},
}

// latencyPanels is how many of them are times that users wait.
const latencyPanels = 2

// sweepPoints hands over the runs of every arm at one value, and returns how many
// requests they rest on.
func (g *gallery) sweepPoints(group *Group, p *Point, x float64, add func(figure.SweepPoint)) (n int64) {
	for _, arm := range p.Arms {
		for _, r := range g.d[where{group.Workload, group.Durability, p.LoadPerSec}][who{arm.Arm, arm.Replicate}].list() {
			value := func(v float64, ok bool) float64 {
				if !ok {
					return 0
				}
				return v
			}
			pt := figure.SweepPoint{Arm: arm.Arm, Replicate: arm.Replicate, Block: r.Block, X: x, Saturated: r.saturated(), Values: []float64{
				value(quantities[0].drawn(r)), value(quantities[1].drawn(r)), value(perMessage(r.Server.CPUNs(), r.Counted()).Get()), memoryInUse(r), 0,
			}}
			if h := r.Server.GoHeapBytes; h != nil {
				pt.Values[4] = float64(*h)
			}
			n += r.response.Count
			add(pt)
		}
	}
	return n
}

// memoryInUse is the most that was resident less what a broker's arenas had free
// at the window's end: that is touched and nobody's.
func memoryInUse(r *run) float64 {
	rss := float64(r.Server.MaxRSSBytes)
	if r.look == nil {
		return rss
	}
	free, _ := r.look.end.Sum("ceteris_arena_free_bytes")
	return max(rss-free, 0)
}

// sweep draws the two figures of one curve.
func (g *gallery) sweep(name, key, durability, load string, points []figure.SweepPoint, n int64) error {
	type cells struct {
		w who
		x float64
	}
	blocks, runs := 0, map[cells]int{}
	for _, p := range points {
		at := cells{who{p.Arm, p.Replicate}, p.X}
		runs[at]++
		blocks = max(blocks, runs[at])
	}
	what := map[string]string{"inflight": "requests in flight a connection"}[key]
	if what == "" {
		what = key
	}
	for _, half := range []struct {
		name, title, caption string
		from, to             int
	}{
		{"latency", "Response time", "Response time runs from the intended moment of sending. Points that achieved less than 99 % of what was offered are hollow and not connected.", 0, latencyPanels},
		{"cost", "CPU time and memory", "Runs that achieved less than 99 % of what was offered are hollow. CPU time is the broker process's over acknowledged messages; memory in use is the most that was resident in the window less what was free in arenas, which are touched whole when a broker starts; the Go heap is what was in use at its end.", latencyPanels, len(sweepPanels)},
	} {
		var own []figure.SweepPoint
		for _, p := range points {
			p.Values = p.Values[half.from:half.to]
			own = append(own, p)
		}
		f := g.head(fmt.Sprintf("sweep-%s-%s-%s-%s-%s", half.name, key, name, durability, load),
			fmt.Sprintf("%s over %s: %s, durability %s, load %s", half.title, what, name, durability, load),
			"A dot is a run, the line goes through the medians of the blocks; grey dots are an arm's second run in a block. "+half.caption, durability, blocks, n)
		if err := g.save("", figure.Sweep(f, g.palette, what, sweepPanels[half.from:half.to], own)); err != nil {
			return err
		}
	}
	return nil
}

func workloadOf(e *workloads.Experiment, name string) *workloads.Workload {
	for _, w := range e.Workloads {
		if w.Name == name {
			return w
		}
	}
	return nil
}
