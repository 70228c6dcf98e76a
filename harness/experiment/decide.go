package experiment

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/capacity"
)

// decide sets the load of a cell that the plan leaves to the run: the next rate of
// a search, or a share of what the searches found.
func (r *runner) decide(c *cell) error {
	search := r.e.CapacityOf(c.spec.Workload)
	switch {
	case c.Probe > 0:
		var seen []capacity.Probe
		for _, old := range r.records {
			if old.Block == c.Block && old.Probe > 0 && old.Workload == c.Workload && old.Durability == c.Durability &&
				old.Arm == c.Arm && old.Replicate == c.Replicate {
				if p, ok := capacity.Answer(search, old); ok {
					seen = append(seen, p)
				}
			}
		}
		c.LoadPerSec = capacity.Next(search.From, seen)
	case c.Fraction > 0:
		if c.LoadPerSec = r.sharedLoad(c); c.LoadPerSec > 0 {
			return nil
		}
		least, err := r.leastCapacity(c)
		if err != nil {
			return err
		}
		c.LoadPerSec = capacity.Share(least, c.Fraction)
	}
	return nil
}

// sharedLoad is what the share of c was when it was first offered; 0 when it was not.
// Probes that are run again on resume change what was found, and arms are compared
// at one load only.
func (r *runner) sharedLoad(c *cell) float64 {
	for _, old := range r.records {
		if old.Fraction == c.Fraction && old.Workload == c.Workload && old.Durability == c.Durability && old.LoadPerSec > 0 {
			return old.LoadPerSec
		}
	}
	return 0
}

// leastCapacity is the smallest of the arms' at the workload and durability of c.
func (r *runner) leastCapacity(c *cell) (float64, error) {
	found := capacity.Gather(r.e.CapacityOf(c.spec.Workload), r.records, c.Workload, c.Durability)
	least := 0.0
	for _, arm := range r.e.Models {
		v, ok := capacity.Pooled(found[capacity.Arm{Name: arm.Name}])
		if !ok {
			return 0, fmt.Errorf("%s, durability %s: no capacity of %s was found, so no share of it can be offered", c.Workload, c.Durability, arm.Name)
		}
		if least == 0 || v < least {
			least = v
		}
	}
	return least, nil
}
