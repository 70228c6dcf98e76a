package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// TestAlikeArmsDoNotCross: their ratios pass 1 at some load in most blocks, which is
// chance.
func TestAlikeArmsDoNotCross(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	named, crossed := 0, 0
	const experiments = 100
	for range experiments {
		a := &Analysis{Arms: []ArmName{{Name: "a"}, {Name: "b"}}, Baseline: "b"}
		d, g := data{}, Group{Workload: "w", Durability: "process"}
		for load := 1000.0; load <= 6000; load += 1000 {
			by := map[who]*runs{}
			for block := range 8 {
				for _, w := range []who{{"a", false}, {"b", false}, {[]string{"a", "b"}[block%2], true}} {
					if by[w] == nil {
						by[w] = &runs{}
					}
					x := &run{CellRecord: &result.CellRecord{Block: block}}
					x.response.P50 = stats.Of(1e5 * math.Exp(0.05*random.NormFloat64()))
					by[w].all = append(by[w].all, x)
				}
			}
			d[where{g.Workload, g.Durability, load}] = by
			c, err := a.compare(quantities[0], "a", "b", nil, by)
			if err != nil {
				t.Fatal(err)
			}
			g.Points = append(g.Points, Point{LoadPerSec: load, Compared: []Comparison{c}})
		}
		a.Groups = []Group{g}
		a.crossovers(d)
		for _, c := range a.Crossovers {
			if c.Quantity == quantities[0].key && 2*c.Crossed > c.Blocks {
				crossed++
			}
		}
		if a.crossoverText() != "" {
			named++
		}
	}
	if named > experiments/20 || crossed < experiments/4 {
		t.Errorf("of %d experiments of equal arms %d had most blocks cross and %d named a load", experiments, crossed, named)
	}
}
