package report

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
)

// theoryNote is what stands beside the figure and the table: what is assumed, what
// is calibrated and what is free.
const theoryNote = "Predicted: requests that arrive by Poisson's law and are served first come first served, by the servers and queues in the table; " +
	"each takes a service of the injected law, and a base cost that is the same for all. " +
	"A handler's answer leaves when its service ends. A shard works in rounds: it takes all that has arrived, then all that has come meanwhile, tpc for half a millisecond each, and sends the answers at the end. " +
	"Calibrated: the base cost, from the CPU time of the threads that serve at that load, less polling and the injected mean; how much longer a service takes because other threads of the broker have its CPUs, from theirs; " +
	"and one delay outside of queue and server, from the median at the lowest load. Free: nothing; no other response time goes into a prediction. " +
	"Not in it: how the kernel switches between threads on a CPU, locks, messages between shards, and disturbances of the machine."

// theoryFigures draws the arms of each workload and injected law.
func (g *gallery) theoryFigures() error {
	type of struct {
		workload, durability, law string
		meanNs                    int64
	}
	var order []of
	points := map[of][]figure.TheoryPoint{}
	for _, t := range g.a.Theory {
		if len(t.Points) == 0 {
			continue
		}
		k := of{t.Workload, t.Durability, t.Law, t.MeanNs}
		if points[k] == nil {
			order = append(order, k)
		}
		for _, p := range t.Points {
			busy, _ := p.Busy.Get()
			points[k] = append(points[k], figure.TheoryPoint{
				Arm: t.Arm, PerSec: p.LoadPerSec, Busy: busy, Hollow: !p.P50.Ratio.OK(),
				Panels: []figure.TheoryPanel{g.theoryPanel(&t, &p, p.P50, false), g.theoryPanel(&t, &p, p.P99, true)},
			})
		}
	}
	for _, k := range order {
		group := g.a.group(k.workload, k.durability)
		n, blocks := group.size()
		mean := figure.Duration(float64(k.meanNs))
		f := g.head(fmt.Sprintf("theory-%s-%s-%s-%d", k.workload, k.durability, k.law, k.meanNs),
			fmt.Sprintf("Measured and predicted response time, injected service %s with mean %s: %s, durability %s", k.law, mean, k.workload, k.durability),
			"Markers: all blocks together, dots: runs. Lines: predicted. Bars: where the percentile of one run as long as these lies in 95 of 100 simulated ones. Calibrated on CPU time at each load and on the median at the lowest, which is hollow; fitted to no other response time.",
			k.durability, blocks, n)
		if err := g.save("theory", figure.Theory(f, g.palette, []string{"p50", "p99"}, points[k])); err != nil {
			return err
		}
	}
	return nil
}

// theoryPanel is one percentile of a point of the figure.
func (g *gallery) theoryPanel(t *Theory, p *TheoryPoint, q TheoryQuantile, tail bool) figure.TheoryPanel {
	value := func(n stats.Number) float64 {
		v, _ := n.Get()
		return v
	}
	out := figure.TheoryPanel{Measured: value(q.Measured), Predicted: value(q.Predicted), Lo: value(q.Lo), Hi: value(q.Hi)}
	for _, at := range g.a.group(t.Workload, t.Durability).Points {
		if at.LoadPerSec != p.LoadPerSec {
			continue
		}
		for _, r := range at.arm(t.Arm).Runs {
			n := r.P50
			if tail {
				n = r.P99
			}
			if v, ok := n.Get(); ok && v > 0 {
				out.Runs = append(out.Runs, v)
			}
		}
	}
	return out
}

// group is the one of that workload and durability.
func (a *Analysis) group(workload, durability string) *Group {
	for i := range a.Groups {
		if g := &a.Groups[i]; g.Workload == workload && g.Durability == durability {
			return g
		}
	}
	return nil
}
