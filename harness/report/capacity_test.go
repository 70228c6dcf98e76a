package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/harness/capacity"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
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

// TestThinProbesAreTold: a promise about a p99 that was read off too few requests.
func TestThinProbesAreTold(t *testing.T) {
	search := &workloads.Capacity{P99: 5 * time.Millisecond}
	var cells []*result.CellRecord
	for i, n := range []int64{100, 367, 368, 10000} {
		r := &result.CellRecord{Workload: "1k", Durability: "process", Arm: "a", Probe: i + 1, LoadPerSec: float64(n)}
		r.Load.Response.Count = n
		cells = append(cells, r)
	}
	for durability, want := range map[string]string{"process": "2 of 4 probes", "power": ""} {
		a := &Analysis{}
		a.thin(search, cells, "1k", durability)
		if got := strings.Join(a.Notes, "\n"); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", durability, got)
		}
	}
	a, half := &Analysis{}, &workloads.Capacity{P50: time.Millisecond}
	if a.thin(half, cells, "1k", "process"); a.Notes != nil {
		t.Errorf("a median of 100: %v", a.Notes)
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

// TestChangesOfPlacesByTurns: an arm that is slower, faster and slower again is not
// said to be faster up to a load, and where nothing is shown no order is named.
func TestChangesOfPlacesByTurns(t *testing.T) {
	w := changing(8)
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Model == "tpc" {
			return 1e5 * map[float64]float64{2000: 1.2, 4000: 0.7, 8000: 0.7, 16000: 1.5}[p.LoadPerSec]
		}
		return 1e5
	}
	headline, a := analysed(t, w.make(t))
	c := a.Crossovers[0]
	if c.PerSec.OK() || c.Below != "" || !strings.Contains(c.PerSec.Refusal(), "by turns") || strings.Contains(headline, "up to") {
		t.Errorf("%+v (%s)\n%s", c, c.PerSec.Refusal(), headline)
	}
	_, a = analysed(t, even(3).make(t))
	for _, c := range a.Crossovers {
		if c.Below != "" {
			t.Errorf("three blocks name an order: %+v", c)
		}
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

// TestCapacitiesOnOneGrid: half a per cent that falls to either side of a rate that
// was tried is no difference, however well the blocks agree.
func TestCapacitiesOnOneGrid(t *testing.T) {
	search := &workloads.Capacity{P99: 5 * time.Millisecond, From: 2000, Probes: 8}
	e := &workloads.Experiment{Workloads: []*workloads.Workload{{Name: "1k", Durability: []string{"process"}}}}
	e.Loads = workloads.Loads{Kind: workloads.CapacitySearch, Capacity: search}
	a := &Analysis{Arms: []ArmName{{Name: "a"}, {Name: "b"}}, Baseline: "b"}
	var cells []*result.CellRecord
	for block := range 8 {
		for _, arm := range []string{"a", "b", "b again"} {
			name, again := strings.CutSuffix(arm, " again")
			limit := map[string]float64{"a": 11830, "b": 11770}[name]
			var seen []capacity.Probe
			for probe := range search.Probes {
				r := &result.CellRecord{Block: block, Workload: "1k", Durability: "process", Arm: name, Replicate: again, Probe: probe + 1}
				r.LoadPerSec, r.Load.AchievedRatio = capacity.Next(search.From, seen), 1
				r.Load.Response.P99Ns = 1e6
				if r.LoadPerSec > limit {
					r.Load.Response.P99Ns = 20e6
				}
				cells, seen = append(cells, r), append(seen, capacity.Probe{PerSec: r.LoadPerSec, Kept: r.LoadPerSec <= limit})
			}
		}
	}
	if err := a.capacities(e, cells); err != nil {
		t.Fatal(err)
	}
	x := a.Capacity[0].Compared[0]
	lo, _ := x.Lo.Get()
	if hi, _ := x.Hi.Get(); lo > 1.005 || hi < 1.005 || x.Verdict == stats.Resolved {
		t.Errorf("11,830 over 11,770: %+v", x)
	}
}

// TestThinProbesHaveNoPlace: the figure of a search shows no p99 that its requests do
// not carry, and tells of it.
func TestThinProbesHaveNoPlace(t *testing.T) {
	w := searched(1)
	change := w.change
	w.change = func(c *result.CellRecord) {
		change(c)
		switch c.Load.Response.Count = 400; c.Probe {
		case 1:
			c.Load.Response.Count = 367
		case 2:
			c.Load.Censored = 5 // of 400, where 4 may be beyond p99
		}
	}
	dir := w.make(t)
	build(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, "figures", "capacity-1k-process.csv"))
	if err != nil {
		t.Fatal(err)
	}
	bare := 0
	for _, row := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		f := strings.Split(row, ",")
		if first := f[3] == "2000" || f[3] == "4000"; (f[4] == "") != first {
			t.Errorf("the requests carry a p99: %v; %s", !first, row)
		}
		if f[4] == "" {
			bare++
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	for _, want := range []string{"Of 27 probes 3 had too few requests", "3 gave too many up", "on an edge: p99 not known"} {
		if err != nil || bare != 6 || !strings.Contains(string(page), want) {
			t.Errorf("%d of three searches, want 6; the page lacks %q (%v)", bare, want, err)
		}
	}
}

// TestCapacityBeyond: where some blocks found a capacity, one that did not does not
// speak for the arm.
func TestCapacityBeyond(t *testing.T) {
	x := ArmCapacity{PerSec: stats.Refuse("5 of 8 blocks have it beyond"), Blocks: 3, NotFound: []string{"block 0: every rate was kept"}}
	if got := x.text(); got != "5 of 8 blocks have it beyond" {
		t.Errorf("%q", got)
	}
	if x.Blocks = 0; x.text() != "block 0: every rate was kept" {
		t.Errorf("%q", x.text())
	}
}
