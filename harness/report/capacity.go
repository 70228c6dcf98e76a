package report

import (
	"fmt"
	"math"
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
			values := map[who]map[int]stats.Range{}
			for _, replicate := range []bool{false, true} {
				for _, arm := range a.Arms {
					if b := found[capacity.Arm{Name: arm.Name, Replicate: replicate}]; len(b) > 0 {
						x := armCapacity(arm.Name, replicate, b)
						values[who{arm.Name, replicate}] = b.Ranges()
						c.Arms = append(c.Arms, x)
					}
				}
			}
			for _, arm := range a.Arms {
				if arm.Name == a.Baseline {
					continue
				}
				effect, err := stats.CompareWithin(rangesOf(values[who{arm.Name, false}], values[who{a.Baseline, false}]), a.nullOf(values), a.Rope)
				if err != nil {
					return err
				}
				c.Compared = append(c.Compared, Comparison{Quantity: "capacity", A: arm.Name, B: a.Baseline, Effect: effect})
			}
			a.Capacity = append(a.Capacity, c)
			a.thin(search, cells, w.Name, d)
		}
	}
	return nil
}

// thin notes the probes that had too few requests for the percentile that was
// promised: they cannot be asked again, and what they answered is not shown elsewhere.
func (a *Analysis) thin(c *workloads.Capacity, cells []*result.CellRecord, workload, durability string) {
	name, need := "p99", stats.MinSamples(99)
	if c.P99 == 0 {
		name, need = "p50", stats.MinSamples(50)
	}
	few, all := 0, 0
	for _, r := range cells {
		if _, ok := capacity.Answer(c, r); !ok || r.Probe == 0 || r.Workload != workload || r.Durability != durability {
			continue
		}
		if all++; r.Load.Response.Count < need {
			few++
		}
	}
	if few > 0 {
		a.Notes = append(a.Notes, fmt.Sprintf("%d of %d probes for the capacity at %s, durability %s, had fewer than the %d requests that a %s takes: whether they kept it is partly chance. A longer window or a higher first rate mends that.",
			few, all, workload, durability, need, name))
	}
}

// nullOf is every arm's second search against its first.
func (a *Analysis) nullOf(values map[who]map[int]stats.Range) []stats.Range {
	var null []stats.Range
	for _, of := range a.Arms {
		null = append(null, rangesOf(values[who{of.Name, true}], values[who{of.Name, false}])...)
	}
	return null
}

// rangesOf is the log ratio of two arms in every block that searched for both.
func rangesOf(a, b map[int]stats.Range) []stats.Range {
	var out []stats.Range
	for _, block := range blocksOf(a, b) {
		out = append(out, a[block].Less(b[block]))
	}
	return out
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
		if x.Blocks == 0 && len(x.NotFound) > 0 {
			return x.NotFound[0]
		}
		return x.PerSec.Refusal()
	}
	text := figure.Count(v) + "/s"
	lo, okLo := x.Lo.Get()
	if hi, ok := x.Hi.Get(); ok && okLo {
		text += fmt.Sprintf(" [%s, %s] at %s %%", figure.Count(lo), figure.Count(hi), stats.Percent(x.Level))
	}
	text += " from " + plural(x.Blocks, "block")
	if n := len(x.NotFound); n > 0 {
		text += fmt.Sprintf("; beyond the rates tried in %d more", n)
	}
	return text
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
		few, gaveUp := 0, 0 // probes whose p99 is not known
		blocks := map[int]bool{}
		for _, r := range cells {
			if r.Probe == 0 || r.Workload != c.Workload || r.Durability != c.Durability {
				continue
			}
			if p, ok := capacity.Answer(search, r); ok {
				p99 := float64(max(1, r.Load.Response.P99Ns))
				switch s := (stats.Samples{Count: r.Load.Response.Count, Censored: r.Load.Censored, Class: g.a.HostClass}); {
				case s.Count < stats.MinSamples(99):
					p99 = 0
					few++
				case s.Gate(99) != "":
					p99 = math.Inf(1)
					gaveUp++
				}
				probes = append(probes, figure.CapacityProbe{
					Arm: r.Arm, Replicate: r.Replicate, Block: r.Block, PerSec: p.PerSec, P99Ns: p99, Kept: p.Kept,
				})
				n += r.Load.Response.Count
				blocks[r.Block] = true
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
		caption := "Each dot is a probe, hollow where the promise was broken or less than 99 % was acknowledged in time; the upright line is an arm's capacity over blocks, the bar at the top its signed-rank interval, no narrower than what the probes leave open; grey dots are an arm's second run in a block."
		if few+gaveUp > 0 {
			caption += fmt.Sprintf(" Of %d probes %d had too few requests for a p99 and stand on the lower edge, %d gave too many up for it to be known and stand on the upper.", len(probes), few, gaveUp)
		}
		f := g.head("capacity-"+c.Workload+"-"+c.Durability,
			fmt.Sprintf("Capacity with a %s: %s, durability %s", c.Promise, c.Workload, c.Durability),
			caption, c.Durability, len(blocks), n)
		if err := g.save("", figure.Capacity(f, g.palette, probes, marks, float64(search.P99))); err != nil {
			return err
		}
	}
	return nil
}
