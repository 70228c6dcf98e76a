package report

import (
	"math"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
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
		if truth := want[x.Name()]; math.Abs(r/truth-1) > 0.03 || !ok || lo > truth*1.02 || hi < truth*0.98 || x.Blocks != 10 || x.Holm.Family != 3 {
			t.Errorf("%s: %+v, want about %v", x.Name(), x, truth)
		}
		if x.Name() == "staging" && !x.Holm.Holds {
			t.Errorf("staging halves everything: %+v", x.Holm)
		}
	}
	if seen != 3 || !strings.Contains(headline, "1k, process, 2000: staging of p50 response time 0.4") {
		t.Errorf("%d effects:\n%s", seen, headline)
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
