package experiment

import (
	"fmt"

	"github.com/ceteris/ceteris/workloads"
)

// counterbalance lets the arms of each point take turns in coming first, second
// and so on: over as many blocks as there are arms, the replicate among them, each
// has had each place once. The places themselves stay where the shuffle put them,
// and which arm begins is drawn again for every such round.
func counterbalance(specs []workloads.CellSpec, e *workloads.Experiment, block int) {
	type point struct {
		workload, durability string
		load, fraction       float64
		probe                int
	}
	at := func(s *workloads.CellSpec) point {
		return point{s.Workload.Name, string(s.Durability), s.LoadPerSec, s.Fraction, s.Probe}
	}
	places := map[point][]int{}
	for i := range specs {
		p := at(&specs[i])
		places[p] = append(places[p], i)
	}
	arms := map[point][]workloads.CellSpec{} // in the file's order
	for _, s := range e.CellsOf(block) {
		arms[at(&s)] = append(arms[at(&s)], s)
	}
	for p, own := range arms {
		n := len(own)
		name := fmt.Sprintf("turns/%d/%s/%s/%g/%g/%d", block/n, p.workload, p.durability, p.load, p.fraction, p.probe)
		shuffle(own, workloads.Dimension(e.Seed, name))
		for k, place := range places[p] {
			specs[place] = own[(k+block)%n]
		}
	}
}
