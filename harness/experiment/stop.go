package experiment

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/steady"
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
	records, err := r.kept()
	if err != nil {
		return "", false // the report will say what cannot be read
	}
	for _, c := range records {
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

// kept is the records, their response and end-to-end times without what the
// experiment drops of windows: what the report will compare.
func (r *runner) kept() ([]*result.CellRecord, error) {
	read := func(kind string) func(c *result.CellRecord) ([]*hdr.Histogram, error) {
		return func(c *result.CellRecord) ([]*hdr.Histogram, error) {
			dir := result.PlannedCell{ID: c.ID, Block: c.Block}.Dir()
			return result.ReadLog(filepath.Join(r.run.Dir, dir, kind+".hlog"))
		}
	}
	cuts, err := steady.Find(r.e.Steady.Truncate, r.records, read("response"))
	if err != nil {
		return nil, err
	}
	out := slices.Clone(r.records)
	for i, c := range out {
		if cuts[steady.PlaceOf(c)] == 0 || !c.Valid {
			continue
		}
		rest := *c
		for kind, q := range map[string]*load.Quantiles{"response": &rest.Load.Response, "e2e": &rest.Load.Consumer.EndToEnd} {
			intervals, err := read(kind)(c)
			if os.IsNotExist(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			h, err := result.MergeHistograms(cuts.Rest(c, intervals))
			if err != nil {
				return nil, err
			}
			q.P50Ns, q.P99Ns = h.ValueAtPercentile(50), h.ValueAtPercentile(99)
		}
		out[i] = &rest
	}
	return out, nil
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
