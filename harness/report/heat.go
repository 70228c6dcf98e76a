package report

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
)

// heat draws where the brokers' threads spent their time at the load of the
// headline, in the first block that counts of each arm: one run as it went, not
// a mean of several, in which what wanders from thread to thread would be lost.
func (g *gallery) heat(group *Group) error {
	p := &group.Points[group.Headline]
	var rows []figure.HeatRow
	var n int64
	for _, arm := range g.a.Arms {
		for _, r := range g.d[where{group.Workload, group.Durability, p.LoadPerSec}][who{arm.Name, false}].list() {
			if r.look == nil || len(r.look.workers) == 0 {
				continue
			}
			for _, w := range r.look.workers {
				rows = append(rows, figure.HeatRow{Arm: arm.Name, Label: w.Name, Steps: steps(w.Samples)})
			}
			n += r.response.Count
			break
		}
	}
	if len(rows) == 0 {
		return nil
	}
	f := g.head("threads-"+group.Workload+"-"+group.Durability,
		fmt.Sprintf("Where the threads' time goes: %s, durability %s, %s", group.Workload, group.Durability, p.loadText()),
		"Each row is a thread over the measured window of one run, the darker the larger the share of its time. What the kernel gave to others while a thread worked counts as busy, and so does waiting for a lock; polling is looking for work that is not there; asleep is blocked until there is some.",
		group.Durability, 1, n)
	return g.save("inside/"+group.place(), figure.Heat(f, rows))
}

// steps turns cumulative samples into shares of the time between them.
func steps(samples []result.WorkerSample) []figure.HeatStep {
	var out []figure.HeatStep
	last := 0
	for i := 1; i < len(samples); i++ {
		a, b := samples[last], samples[i]
		spent := func(ns int64) float64 { return float64(max(ns, 0)) }
		busy, spin, sleep := spent(b.BusyNs-a.BusyNs), spent(b.SpinNs-a.SpinNs), spent(b.SleepNs-a.SleepNs)
		total := busy + spin + sleep
		if total == 0 {
			continue // the thread has not published since
		}
		last = i
		out = append(out, figure.HeatStep{
			FromSec: float64(a.AtNs-samples[0].AtNs) / 1e9, ToSec: float64(b.AtNs-samples[0].AtNs) / 1e9,
			Busy: busy / total, Spin: spin / total, Sleep: sleep / total,
		})
	}
	return out
}
