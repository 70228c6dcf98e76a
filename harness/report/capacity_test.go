package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/capacity"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// searched is a world in which tpc carries 12 000 requests per second and the
// thread pool 10 000, a little more or less in each block.
func searched(blocks int) world {
	w := small(blocks)
	w.requests = 200
	w.shape = `loads: {kind: capacity, slo: {p99: 5ms}, from: 2000, probes: 9}
workloads:
  - name: 1k
    durability: [process]`
	seen := map[string][]capacity.Probe{}
	w.change = func(c *result.CellRecord) {
		key := fmt.Sprint(c.Block, c.Arm, c.Replicate)
		c.LoadPerSec = capacity.Next(2000, seen[key])
		c.Load.Response.P99Ns = 1e6
		limit := map[string]float64{"tpc": 12000, "threadpool": 10000}[c.Arm] * (1 + 0.01*float64(c.Block%3))
		if c.LoadPerSec > limit {
			c.Load.Response.P99Ns = 20e6
			c.Valid, c.Gates = false, []result.Gate{{Name: "answers", Detail: "some failed"}}
		}
		seen[key] = append(seen[key], capacity.Probe{PerSec: c.LoadPerSec, Kept: c.LoadPerSec <= limit})
	}
	return w
}

func TestCapacityIsFound(t *testing.T) {
	dir := searched(6).make(t)
	headline, a := build(t, dir)
	if len(a.Capacity) != 1 || len(a.Capacity[0].Arms) != 4 || len(a.LeftOut) != 0 {
		t.Fatalf("%+v, left out %v", a.Capacity, a.LeftOut)
	}
	for i, want := range []float64{12100, 10100} {
		x := a.Capacity[0].Arms[i]
		v, _ := x.PerSec.Get()
		lo, _ := x.Lo.Get()
		hi, _ := x.Hi.Get()
		if math.Abs(v/want-1) > 0.02 || lo > v || hi < v || x.Blocks != 6 || x.Level < 0.95 {
			t.Errorf("%+v, want about %v", x, want)
		}
	}
	c := a.Capacity[0].Compared[0]
	if ratio, _ := c.Ratio.Get(); math.Abs(ratio-1.2) > 0.03 || c.Verdict != stats.Resolved {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(headline, "1k, durability process: capacity with a p99 of at most 5 ms\n    tpc ") || strings.Contains(headline, "No cell counts") {
		t.Errorf("headline:\n%s", headline)
	}
	for _, file := range []string{"figures/capacity-1k-process.svg", "tables/capacity.csv"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}

// changing is a world in which tpc is faster below 6000 requests per second.
func changing(blocks int) world {
	w := even(blocks)
	w.shape = `loads: {kind: absolute, per_second: [2000, 4000, 8000, 16000]}
workloads:
  - name: 1k
    durability: [process]`
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Model == "tpc" {
			return 1e5 * math.Pow(p.LoadPerSec/6000, 0.5)
		}
		return 1e5
	}
	return w
}

func TestCrossover(t *testing.T) {
	headline, a := analysed(t, changing(8).make(t))
	if len(a.Crossovers) != 2 {
		t.Fatalf("%+v", a.Crossovers)
	}
	c := a.Crossovers[0]
	v, _ := c.PerSec.Get()
	lo, _ := c.Lo.Get()
	hi, ok := c.Hi.Get()
	if math.Abs(v/6000-1) > 0.1 || !ok || lo > v || hi < v || c.Crossed != 8 || c.Below != "lower" || c.Level < 0.95 {
		t.Errorf("%+v, want about 6000", c)
	}
	if !strings.Contains(headline, "p50 response time of tpc is lower than that of threadpool up to") {
		t.Errorf("headline:\n%s", headline)
	}
}

// Arms that never change places cross beyond the loads, and nothing is claimed.
func TestNoCrossover(t *testing.T) {
	headline, a := analysed(t, even(6).make(t))
	for _, c := range a.Crossovers {
		if c.Quantity == "p50_response" && (c.Crossed != 0 || c.PerSec.OK() || c.Lo.OK()) {
			t.Errorf("%+v", c)
		}
	}
	if strings.Contains(headline, "up to") {
		t.Errorf("headline:\n%s", headline)
	}
}

func TestCrossing(t *testing.T) {
	loads := []float64{1, math.E, math.E * math.E}
	for _, c := range []struct {
		ratios []float64
		rising bool
		want   float64
	}{
		{[]float64{-1, 1, 2}, true, 0.5},
		{[]float64{1, -1, -2}, false, 0.5},
		{[]float64{-2, -1, 1}, true, 1.5},
		{[]float64{1, 2, 3}, true, math.Inf(-1)},
		{[]float64{-3, -2, -1}, true, math.Inf(1)},
		{[]float64{-1, 3, 1}, true, 1.0 / 3}, // the second and third are pooled at 2
	} {
		if got := crossingOf(loads, c.ratios, c.rising); math.Abs(got-c.want) > 1e-12 && got != c.want {
			t.Errorf("%v: %v, want %v", c.ratios, got, c.want)
		}
	}
}
