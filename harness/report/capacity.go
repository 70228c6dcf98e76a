package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ceteris/ceteris/harness/capacity"
	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// Capacity is how much each arm carries under a promise.
type Capacity struct {
	Workload   string        `json:"workload"`
	Durability string        `json:"durability"`
	Promise    string        `json:"promise"`
	Arms       []ArmCapacity `json:"arms"`
	Compared   []Comparison  `json:"comparisons"`
}

// ArmCapacity is one arm's, in requests per second.
type ArmCapacity struct {
	Arm       string       `json:"arm"`
	Replicate bool         `json:"replicate"`
	Blocks    int          `json:"blocks"` // that found one
	PerSec    stats.Number `json:"per_sec"`
	Lo        stats.Number `json:"lo"`
	Hi        stats.Number `json:"hi"`
	Level     float64      `json:"level"`
	// Steps is the share of kept promises by rate over all blocks, made monotone.
	Steps []CapacityStep `json:"steps"`
	// NotFound says why a block found none.
	NotFound []string `json:"not_found,omitempty"`
}

// CapacityStep is one rate.
type CapacityStep struct {
	PerSec float64 `json:"per_sec"`
	Probes int     `json:"probes"`
	Kept   float64 `json:"kept_share"`
}

// capacities sums the searches up and compares what they found.
func (a *Analysis) capacities(e *workloads.Experiment, cells []*result.CellRecord) error {
	for _, w := range e.Workloads {
		search := e.CapacityOf(w)
		if search == nil {
			continue
		}
		for _, d := range w.Durability {
			c := Capacity{Workload: w.Name, Durability: d, Promise: promise(search)}
			found := capacity.Gather(search, cells, w.Name, d)
			values := map[who]map[int]float64{}
			for _, replicate := range []bool{false, true} {
				for _, arm := range a.Arms {
					if b := found[capacity.Arm{Name: arm.Name, Replicate: replicate}]; len(b) > 0 {
						x := armCapacity(arm.Name, replicate, b)
						values[who{arm.Name, replicate}], _ = b.Values()
						c.Arms = append(c.Arms, x)
					}
				}
			}
			for _, arm := range a.Arms {
				if arm.Name == a.Baseline {
					continue
				}
				effect, err := stats.Compare(stats.PairBlocks(values[who{arm.Name, false}], values[who{a.Baseline, false}]), a.nullOf(values), a.Rope)
				if err != nil {
					return err
				}
				c.Compared = append(c.Compared, Comparison{Quantity: "capacity", A: arm.Name, B: a.Baseline, Effect: effect})
			}
			a.Capacity = append(a.Capacity, c)
		}
	}
	return nil
}

// nullOf pairs every arm's second run with its first.
func (a *Analysis) nullOf(values map[who]map[int]float64) []stats.Pair {
	var null []stats.Pair
	for _, of := range a.Arms {
		null = append(null, stats.PairBlocks(values[who{of.Name, true}], values[who{of.Name, false}])...)
	}
	return null
}

func armCapacity(arm string, replicate bool, b capacity.Blocks) ArmCapacity {
	found, not := b.Values()
	x := ArmCapacity{Arm: arm, Replicate: replicate, Blocks: len(found)}
	x.PerSec, x.Lo, x.Hi, x.Level = b.Estimate()
	var all []capacity.Probe
	for block := range maxBlock(b) + 1 {
		all = append(all, b[block]...)
		if err := not[block]; err != nil {
			x.NotFound = append(x.NotFound, fmt.Sprintf("block %d: %v", block, err))
		}
	}
	for _, s := range capacity.Monotone(all) {
		x.Steps = append(x.Steps, CapacityStep{s.PerSec, s.N, stats.Round(s.Kept)})
	}
	return x
}

func maxBlock(b capacity.Blocks) int {
	most := 0
	for block := range b {
		most = max(most, block)
	}
	return most
}

// promise is the service-level objective in words.
func promise(c *workloads.Capacity) string {
	var parts []string
	for _, l := range []struct {
		name  string
		limit time.Duration
	}{{"p50", c.P50}, {"p99", c.P99}} {
		if l.limit > 0 {
			parts = append(parts, l.name+" of at most "+figure.Duration(float64(l.limit)))
		}
	}
	return strings.Join(parts, " and ")
}

// capacityText is the capacities for the headline.
func (a *Analysis) capacityText() string {
	var b strings.Builder
	for _, c := range a.Capacity {
		fmt.Fprintf(&b, "\n%s, durability %s: capacity with a %s\n", c.Workload, c.Durability, c.Promise)
		for _, x := range c.Arms {
			name := x.Arm
			if x.Replicate {
				name += " again"
			}
			fmt.Fprintf(&b, "    %-30s%s\n", name, x.text())
		}
		for _, r := range c.Compared {
			fmt.Fprintf(&b, "    %-30s%s\n", r.A+" / "+r.B, effectText(r.Effect))
		}
	}
	return b.String()
}

func (x *ArmCapacity) text() string {
	v, ok := x.PerSec.Get()
	if !ok {
		if len(x.NotFound) > 0 {
			return x.NotFound[0]
		}
		return x.PerSec.Refusal()
	}
	text := figure.Count(v) + "/s"
	lo, okLo := x.Lo.Get()
	if hi, ok := x.Hi.Get(); ok && okLo {
		text += fmt.Sprintf(" [%s, %s] at %s %%", figure.Count(lo), figure.Count(hi), stats.Percent(x.Level))
	}
	return text + " from " + plural(x.Blocks, "block")
}

func capacityRows(a *Analysis) [][]string {
	rows := [][]string{{"workload", "durability", "promise", "arm", "replicate", "blocks", "capacity_per_sec", "lo", "hi", "level"}}
	for _, c := range a.Capacity {
		for _, x := range c.Arms {
			rows = append(rows, []string{
				c.Workload, c.Durability, c.Promise, x.Arm, strconv.FormatBool(x.Replicate), strconv.Itoa(x.Blocks), field(x.PerSec), field(x.Lo), field(x.Hi), plain(x.Level),
			})
		}
	}
	return rows
}

// capacityFigures draws every search.
func (g *gallery) capacityFigures(cells []*result.CellRecord, e *workloads.Experiment) error {
	for _, c := range g.a.Capacity {
		w := workloadOf(e, c.Workload)
		search := e.CapacityOf(w)
		var probes []figure.CapacityProbe
		var marks []figure.CapacityMark
		var n int64
		blocks := 0
		for _, r := range cells {
			if r.Probe == 0 || r.Workload != c.Workload || r.Durability != c.Durability {
				continue
			}
			if p, ok := capacity.Answer(search, r); ok {
				probes = append(probes, figure.CapacityProbe{
					Arm: r.Arm, Replicate: r.Replicate, Block: r.Block, PerSec: p.PerSec, P99Ns: float64(r.Load.Response.P99Ns), Kept: p.Kept,
				})
				n, blocks = n+r.Load.Response.Count, max(blocks, r.Block+1)
			}
		}
		for _, x := range c.Arms {
			if !x.Replicate {
				marks = append(marks, figure.CapacityMark{Arm: x.Arm, PerSec: x.PerSec, Lo: x.Lo, Hi: x.Hi})
			}
		}
		if len(probes) == 0 {
			continue
		}
		f := g.head("capacity-"+c.Workload+"-"+c.Durability,
			fmt.Sprintf("Capacity with a %s: %s, durability %s", c.Promise, c.Workload, c.Durability),
			"Each dot is a probe, hollow where the promise was broken or less than 99 % was acknowledged in time; the upright line is an arm's capacity over blocks, the bar at the top its signed-rank interval; grey dots are an arm's second run in a block.",
			c.Durability, blocks, n)
		if err := g.save("", figure.Capacity(f, g.palette, probes, marks, float64(search.P99))); err != nil {
			return err
		}
	}
	return nil
}
