package experiment

import (
	"fmt"
	"math"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// endpointOf reads an endpoint of an experiment file off a cell.
var endpointOf = map[string]func(c *result.CellRecord) float64{
	"p99 response produce": func(c *result.CellRecord) float64 { return float64(c.Load.Response.P99Ns) },
	"p50 response produce": func(c *result.CellRecord) float64 { return float64(c.Load.Response.P50Ns) },
	"p99 e2e fetch":        func(c *result.CellRecord) float64 { return float64(c.Load.Consumer.EndToEnd.P99Ns) },
	"p50 e2e fetch":        func(c *result.CellRecord) float64 { return float64(c.Load.Consumer.EndToEnd.P50Ns) },
	"cpu per message":      func(c *result.CellRecord) float64 { return c.CPUPerMessageNs },
}

// narrow reports whether the run may end before this block, and why: every
// interval of a declared endpoint reaches the wanted level and is narrow enough.
func (r *runner) narrow(block int) (string, bool) {
	stop := r.e.Stop
	if stop == nil || block < r.e.Blocks {
		return "", false
	}
	type point struct {
		workload, durability string
		load                 float64
	}
	type who struct {
		point
		arm string
	}
	cells := map[who]map[int]*result.CellRecord{}
	points := map[point]bool{}
	for _, c := range r.records {
		at := point{c.Workload, c.Durability, c.LoadPerSec}
		points[at] = true
		if c.Valid && !c.Replicate {
			w := who{at, c.Arm}
			if cells[w] == nil {
				cells[w] = map[int]*result.CellRecord{}
			}
			cells[w][c.Block] = c
		}
	}
	base := r.e.BaselineArm()
	widest := 0.0
	for at := range points {
		for _, arm := range r.e.Models {
			if arm.Name == base {
				continue
			}
			for endpoint, of := range endpointOf {
				if !r.e.Endpoints.Declares(endpoint) {
					continue
				}
				half := halfWidth(cells[who{at, arm.Name}], cells[who{at, base}], of)
				if half > math.Log1p(stop.Width) {
					return "", false
				}
				widest = max(widest, half)
			}
		}
	}
	return fmt.Sprintf("after %d blocks every interval reaches at most %.1f %% to either side, %.1f %% were asked for",
		block, 100*math.Expm1(widest), 100*stop.Width), len(points) > 0
}

// halfWidth is that of the interval of the log ratio; infinite without one.
func halfWidth(a, b map[int]*result.CellRecord, of func(*result.CellRecord) float64) float64 {
	values := func(cells map[int]*result.CellRecord) map[int]float64 {
		out := map[int]float64{}
		for block, c := range cells {
			out[block] = of(c)
		}
		return out
	}
	s, err := stats.HodgesLehmann(stats.LogRatios(stats.PairBlocks(values(a), values(b))))
	if err != nil || !s.Reached() {
		return math.Inf(1)
	}
	return (s.Hi - s.Lo) / 2
}
