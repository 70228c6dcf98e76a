package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// gridded is a world in which spin takes a fifth off the response time, staging
// half of it, and both together another tenth.
func gridded(blocks int) world {
	w := small(blocks)
	w.models = "[{name: g, model: tpc, grid: [{factor: spin, values: [0, 50us]}, {factor: staging, values: [none, shared]}]}, threadpool]"
	w.medianNs = func(p result.PlannedCell) float64 {
		spin, staging := strings.Contains(p.Arm, "50us"), strings.Contains(p.Arm, "shared")
		ns := 1e5
		if spin {
			ns *= 0.8
		}
		if staging {
			ns *= 0.5
		}
		if spin && staging {
			ns *= 0.9
		}
		return ns
	}
	return w
}

func TestFactorial(t *testing.T) {
	headline, a := analysed(t, gridded(10).make(t))
	// On logarithms the interaction is shared out: half of it to every effect.
	want := map[string]float64{"spin": 0.8 * math.Sqrt(0.9), "staging": 0.5 * math.Sqrt(0.9), "spin × staging": math.Sqrt(0.9)}
	seen := 0
	for i := range a.Factorial {
		x := &a.Factorial[i]
		if x.Quantity != "p50_response" {
			continue
		}
		seen++
		r, _ := x.Ratio.Get()
		lo, _ := x.Lo.Get()
		hi, ok := x.Hi.Get()
		if truth := want[x.Name()]; math.Abs(r/truth-1) > 0.03 || !ok || lo > truth*1.02 || hi < truth*0.98 || x.Blocks != 10 || x.Holm.Family != 6 {
			t.Errorf("%s: %+v, want about %v", x.Name(), x, truth)
		}
		if x.Name() == "staging" && !x.Holm.Holds {
			t.Errorf("staging halves everything: %+v", x.Holm)
		}
	}
	line := regexp.MustCompile(`(?m)^  1k, process, 2000: staging of p(50|99) response time 0\.4.* %(, exploratory)?$`)
	if got := line.FindAllStringSubmatch(headline, -1); seen != 3 || len(got) != 2 || got[0][2] == "" || got[1][2] != "" {
		t.Errorf("%d effects:\n%s", seen, headline)
	}
}

// TestFactorsInsideTheFloor: what an arm does to itself is no effect of a factor.
func TestFactorsInsideTheFloor(t *testing.T) {
	w := small(10)
	w.models = "[{name: g, model: tpc, grid: [{factor: spin, values: [0, 50us]}]}, threadpool]"
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Replicate || strings.Contains(p.Arm, "50us") {
			return 150e3
		}
		return 100e3
	}
	headline, a := analysed(t, w.make(t))
	for i := range a.Factorial {
		x := &a.Factorial[i]
		if p, _ := x.Holm.P.Get(); x.Quantity == "p99_response" && (p > alpha || x.beyond() || x.Holm.Holds) {
			t.Errorf("%+v beside the floor %v", x, x.floor)
		}
	}
	if len(a.Factorial) == 0 || strings.Contains(headline, "Effects of factors") {
		t.Errorf("%d effects:\n%s", len(a.Factorial), headline)
	}
}

// TestContrasts: effects of a 2^3 design by hand (Box, Hunter and Hunter, pilot
// plant, table 5.3): temperature 23.0, concentration -5.0, catalyst 1.5, and
// temperature with catalyst 10.0.
func TestContrasts(t *testing.T) {
	// Yields in the order catalyst, concentration, temperature, the last fastest.
	yields := []float64{60, 72, 54, 68, 52, 83, 45, 80}
	for set, want := range map[int]float64{1: 23, 2: -5, 4: 1.5, 3: 1.5, 5: 10, 6: 0, 7: 0.5} {
		if got := contrast(yields, set); math.Abs(got-want) > 1e-12 {
			t.Errorf("set %b: %v, want %v", set, got, want)
		}
	}
}

// TestFactorsThatDoNothing: with four loads, three quantities and three effects of
// each, chance names one of a declared quantity in at most 5 % of experiments, and one
// of the others in at most as many.
func TestFactorsThatDoNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	grid := workloads.FactorGrid{Name: "g", Factors: []workloads.GridFactor{{Name: "x", Values: []string{"0", "1"}}, {Name: "y", Values: []string{"0", "1"}}}}
	for i := range 4 {
		grid.Arms = append(grid.Arms, fmt.Sprint("g-", i))
	}
	e := &workloads.Experiment{Grids: []workloads.FactorGrid{grid}, Endpoints: workloads.Endpoints{Primary: "p99 response produce"}}
	const experiments, blocks = 200, 12
	named, declared := 0, 0
	for range experiments {
		a, d, g := &Analysis{}, data{}, Group{Workload: "w", Durability: "process"}
		for load := 1000.0; load <= 4000; load += 1000 {
			by := map[who]*runs{}
			for _, arm := range grid.Arms {
				s := &runs{}
				for block := range blocks {
					x := &run{CellRecord: &result.CellRecord{Block: block}}
					noisy := func() stats.Number { return stats.Of(1e5 * math.Exp(0.05*random.NormFloat64())) }
					x.response.P50, x.response.P99 = noisy(), noisy()
					x.Load.Records, x.Server.CPUUserNs = 1000, int64(1e9*math.Exp(0.05*random.NormFloat64()))
					s.all = append(s.all, x)
				}
				by[who{arm, false}] = s
			}
			d[where{g.Workload, g.Durability, load}] = by
			p := Point{LoadPerSec: load, Arms: []ArmPoint{{Runs: []RunPoint{{Block: blocks - 1}}}}}
			for _, q := range quantities[:headlines] { // a floor that hides nothing
				p.Compared = append(p.Compared, Comparison{Quantity: q.key, Effect: stats.Effect{Floor: stats.Of(1)}})
			}
			g.Points = append(g.Points, p)
		}
		a.Groups = []Group{g}
		if err := a.factorials(e, d); err != nil || len(a.Factorial) != 4*3*3 {
			t.Fatalf("%d effects, %v", len(a.Factorial), err)
		}
		lines := strings.Split(strings.TrimSpace(a.factorialText()), "\n")
		if len(lines) > 1 {
			named++
		}
		for _, line := range lines[1:] {
			if !strings.HasSuffix(line, "exploratory") {
				declared++
				break
			}
		}
	}
	// The limits are 9.8 and 5 % and four standard deviations.
	if named > 36 || declared > 22 {
		t.Errorf("of %d experiments in which factors do nothing %d name an effect, %d a declared one", experiments, named, declared)
	}
}
