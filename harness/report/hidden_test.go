package report

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// hidden is one load at which a takes 0.7 of b's time, but gives so many of its
// requests up in the first so many blocks of twelve that no percentile is known.
func hidden(blocks int) map[who]*runs {
	random := rand.New(rand.NewPCG(1, 2))
	by := map[who]*runs{}
	for block := range 12 {
		for w, median := range map[who]float64{{"a", false}: 7e4, {"b", false}: 1e5, {"b", true}: 1e5} {
			if by[w] == nil {
				by[w] = &runs{}
			}
			v := stats.Of(median * math.Exp(0.01*random.NormFloat64()))
			x := &run{CellRecord: &result.CellRecord{Block: block}}
			if w.arm == "a" && block < blocks {
				x.Load.Censored = 600
				v = stats.Refuse("%s", stats.Samples{Count: 1000, Censored: 600, Class: "C"}.Gate(50))
			}
			x.response.P50 = v
			for range stats.ShiftPercentiles {
				x.shift = append(x.shift, v)
			}
			by[w].all = append(by[w].all, x)
		}
	}
	return by
}

// TestRunsThatHideAreCounted: blocks in which an arm gave up too much to know a
// percentile do not leave the others to speak for it.
func TestRunsThatHideAreCounted(t *testing.T) {
	a := &Analysis{Arms: []ArmName{{Name: "a"}, {Name: "b"}}, Baseline: "b"}
	for _, c := range []struct {
		blocks  int
		verdict stats.Verdict
		says    string
	}{
		{0, stats.Resolved, "lower"},
		{1, stats.Resolved, "lower"}, // one of twelve cannot undo it
		{5, stats.Unresolved, "not resolved: the interval includes 1"},
		{8, stats.Unresolved, "not resolved: not known in too many of 12 blocks"},
		{12, stats.Absent, "600 of 1000 requests were given up"},
	} {
		by := hidden(c.blocks)
		x, err := a.compare(quantities[0], "a", "b", nil, by)
		if err != nil || x.Verdict != c.verdict || !strings.Contains(x.Words, c.says) {
			t.Errorf("%d blocks hidden: %+v, %v; want %s, %s", c.blocks, x, err, c.verdict, c.says)
		}
		p := Point{LoadPerSec: 1000, Compared: []Comparison{x}}
		if err := a.shifts(&p, by); err != nil || len(p.Shifts) != map[bool]int{true: 1}[c.blocks == 0] {
			t.Errorf("%d blocks hidden: shifts %+v, %v", c.blocks, p.Shifts, err)
		}
		grid := workloads.FactorGrid{Name: "g", Arms: []string{"a", "b"}, Factors: []workloads.GridFactor{{Name: "f"}}}
		effects, err := factorial(grid, quantities[0], &p, by)
		if err != nil || c.blocks > 0 && effects != nil {
			t.Errorf("%d blocks hidden: effects %+v, %v", c.blocks, effects, err)
		}
	}
}

// TestZeroIsNotLeftOut: blocks in which an arm acknowledged nothing do not leave those
// in which it did to speak for it.
func TestZeroIsNotLeftOut(t *testing.T) {
	a := &Analysis{Arms: []ArmName{{Name: "a"}, {Name: "b"}}, Baseline: "b"}
	q := quantity{key: goodput, of: func(r *run) stats.Number { return stats.Of(r.Load.AchievedPerSec) }}
	for zeros, want := range map[int]stats.Verdict{0: stats.Resolved, 5: stats.Unresolved, 12: stats.Absent} {
		by := hidden(0)
		for w, s := range by {
			for _, r := range s.all {
				r.Load.AchievedPerSec = 0.5 + 0.001*float64(r.Block%5)
				if w.arm == "a" {
					r.Load.AchievedPerSec *= 1.5
					if r.Block < zeros {
						r.Load.AchievedPerSec = 0
					}
				}
			}
		}
		x, err := a.compare(q, "a", "b", nil, by)
		if err != nil || x.Verdict != want {
			t.Errorf("%d of 12 blocks with 0: %+v, %v; want %s", zeros, x, err, want)
		}
	}
}

// TestHiddenRunsAreDrawn: in a median over blocks a run whose percentile is not known is
// longer than those whose is.
func TestHiddenRunsAreDrawn(t *testing.T) {
	for _, r := range hidden(3)[who{"a", false}].list() {
		if v, ok := quantities[0].drawn(r); !ok || math.IsInf(v, 1) != (r.Block < 3) {
			t.Errorf("block %d: %v, %v", r.Block, v, ok)
		}
	}
	few := &run{CellRecord: &result.CellRecord{}}
	few.response.P50 = stats.Refuse("too few")
	if v, ok := quantities[0].drawn(few); ok {
		t.Errorf("too few requests are drawn at %v", v)
	}
}
