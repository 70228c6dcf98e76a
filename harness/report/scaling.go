package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/theory"
	"github.com/ceteris/ceteris/workloads"
)

// Scaling is the universal scalability law through the throughput of one arm in a
// closed loop, over how many requests the clients keep under way.
type Scaling struct {
	Workload   string `json:"workload"` // without what is varied
	Durability string `json:"durability"`
	Arm        string `json:"arm"`
	Blocks     int    `json:"blocks"`
	Requests   int64  `json:"requests"`
	// Points are the runs.
	Points     []ScalingPoint `json:"points"`
	PerSec     Coefficient    `json:"one_request_per_sec"`
	Contention Coefficient    `json:"contention"`
	Coherency  Coefficient    `json:"coherency"`
	Peak       Coefficient    `json:"peak_concurrency"`
	// Off is the root mean square of the runs' relative distances from the law.
	Off stats.Number `json:"off_ratio"`
	Why string       `json:"refused,omitempty"` // why there are no coefficients

	law theory.USL
}

// ScalingPoint is one run.
type ScalingPoint struct {
	Block       int     `json:"block"`
	Concurrency float64 `json:"concurrency"` // connections times requests in flight on each
	PerSec      float64 `json:"achieved_per_sec"`
}

// Coefficient is an estimate and its interval over blocks at 95 %.
type Coefficient struct {
	Value stats.Number `json:"value"`
	Lo    stats.Number `json:"lo"`
	Hi    stats.Number `json:"hi"`
}

// mostOff is how far the runs may be off the law, as a root mean square, for its
// coefficients to mean anything.
const mostOff = 0.25

// scalings fits every arm of every family of workloads that varies concurrency in a
// closed loop.
func (a *Analysis) scalings(e *workloads.Experiment, d data) {
	type of struct{ workload, durability, arm string }
	at := map[of]int{}
	for i := range a.Groups {
		g := &a.Groups[i]
		w := workloadOf(e, g.Workload)
		if w == nil || w.Mark("connections")+w.Mark("inflight") == "" {
			continue
		}
		name := g.Workload
		for _, key := range []string{"connections", "inflight"} {
			name = strings.ReplaceAll(name, w.Mark(key), "")
		}
		for k := range g.Points {
			p := &g.Points[k]
			for _, arm := range a.Arms {
				if p.LoadPerSec != 0 || p.arm(arm.Name) == nil {
					continue
				}
				key := of{name, g.Durability, arm.Name}
				if _, there := at[key]; !there {
					at[key] = len(a.Scaling)
					a.Scaling = append(a.Scaling, Scaling{Workload: name, Durability: g.Durability, Arm: arm.Name})
				}
				s := &a.Scaling[at[key]]
				for _, r := range d[where{g.Workload, g.Durability, p.LoadPerSec}][who{arm.Name, false}].list() {
					// A generator has a connection to every leader, which may be more than were asked for.
					connections := max(w.Connections, r.Load.Connections)
					s.Requests += r.response.Count
					s.Points = append(s.Points, ScalingPoint{r.Block, float64(connections * w.Inflight), stats.Round(r.Load.AchievedPerSec)})
				}
			}
		}
	}
	a.Scaling = slices.DeleteFunc(a.Scaling, func(s Scaling) bool { return s.levels() < sweepValues })
	for i := range a.Scaling {
		a.Scaling[i].fit(e.Seed)
	}
}

// levels is how many different concurrencies there are.
func (s *Scaling) levels() int {
	seen := map[float64]bool{}
	for _, p := range s.Points {
		seen[p.Concurrency] = true
	}
	return len(seen)
}

// fit fills in the coefficients, or why there are none.
func (s *Scaling) fit(seed uint64) {
	var n, x []float64
	byBlock := map[int]int{}
	var ns, xs [][]float64
	most := 0.0
	for _, p := range s.Points {
		n, x, most = append(n, p.Concurrency), append(x, p.PerSec), max(most, p.Concurrency)
		k, there := byBlock[p.Block]
		if !there {
			k = len(ns)
			byBlock[p.Block], ns, xs = k, append(ns, nil), append(xs, nil)
		}
		ns[k], xs[k] = append(ns[k], p.Concurrency), append(xs[k], p.PerSec)
	}
	s.Blocks = len(ns)
	none := func(why string) Coefficient {
		return Coefficient{stats.Refuse("%s", why), stats.Refuse("%s", why), stats.Refuse("%s", why)}
	}
	u, err := theory.FitUSL(n, x, theory.Relative)
	if err != nil {
		s.Why, s.Off = err.Error(), stats.Refuse("%s", err)
		s.PerSec, s.Contention, s.Coherency, s.Peak = none(s.Why), none(s.Why), none(s.Why), none(s.Why)
		return
	}
	sum := 0.0
	for i := range n {
		d := x[i]/u.At(n[i]) - 1
		sum += d * d
	}
	off := math.Sqrt(sum / float64(len(n)))
	if s.Off = stats.Of(stats.Round(off)); off > mostOff {
		s.Why = "the runs are " + figure.Percent(off) + " off the nearest law, which is not theirs"
		s.PerSec, s.Contention, s.Coherency, s.Peak = none(s.Why), none(s.Why), none(s.Why), none(s.Why)
		return
	}
	s.law = u
	again, few := []theory.USL(nil), fmt.Sprintf("%s, an interval at 95 %% takes %d", plural(s.Blocks, "block"), stats.MinBlocks)
	if s.Blocks >= stats.MinBlocks {
		again, few = theory.ResampleUSL(ns, xs, theory.Relative, seed), ""
	}
	of := func(value func(theory.USL) float64) Coefficient {
		c := none(few)
		c.Value = stats.Of(stats.Round(value(u)))
		if few == "" {
			c.Lo, c.Hi = interval(again, s.Blocks, value)
		}
		return c
	}
	s.PerSec = of(func(u theory.USL) float64 { return u.PerSec })
	s.Contention = of(func(u theory.USL) float64 { return u.Contention })
	s.Coherency = of(func(u theory.USL) float64 { return u.Coherency })
	s.Peak = of(theory.USL.Peak)
	low, told := s.Coherency.Lo.Get()
	switch {
	case u.Coherency == 0 || told && low <= 0:
		s.Peak = none("the points do not tell the coherency from 0, and without it there is no peak")
	case u.Peak() > most:
		s.Peak = none(fmt.Sprintf("it lies beyond %s, the highest concurrency measured", plain(most)))
	}
}

// interval is that of a value at 95 %, over fits to draws of so many blocks.
func interval(fits []theory.USL, blocks int, value func(theory.USL) float64) (lo, hi stats.Number) {
	const least = theory.Resamples * 4 / 5 // what could be fitted must not be a choice
	if len(fits) < least {
		why := stats.Refuse("%d of %d draws of blocks could be fitted", len(fits), theory.Resamples)
		return why, why
	}
	var v []float64
	for _, u := range fits {
		v = append(v, value(u))
	}
	slices.Sort(v)
	cut := int(float64(len(v)) * stats.DrawnTail(blocks))
	return stats.Of(stats.Round(v[cut])), stats.Of(stats.Round(v[len(v)-1-cut]))
}

// Coefficients are those of the table, in its order.
func (s *Scaling) Coefficients() []Coefficient {
	return []Coefficient{s.PerSec, s.Contention, s.Coherency, s.Peak}
}

// scalingFigures draws the arms of each family with their laws.
func (g *gallery) scalingFigures() error {
	type of struct{ workload, durability string }
	var order []of
	curves := map[of][]figure.ScalingCurve{}
	blocks, requests := map[of]int{}, map[of]int64{}
	for i := range g.a.Scaling {
		s := &g.a.Scaling[i]
		k := of{s.Workload, s.Durability}
		if curves[k] == nil {
			order = append(order, k)
		}
		c := figure.ScalingCurve{Arm: s.Arm}
		for _, p := range s.Points {
			c.Points = append(c.Points, figure.ScalingPoint(p))
		}
		if s.law.PerSec > 0 {
			c.Law = s.law.At
		}
		curves[k], blocks[k] = append(curves[k], c), max(blocks[k], s.Blocks)
		requests[k] += s.Requests
	}
	for _, k := range order {
		f := g.head("scaling-"+k.workload+"-"+k.durability,
			fmt.Sprintf("Throughput over concurrency, closed loop: %s, durability %s", k.workload, k.durability),
			"Dots: runs. Markers: medians of the blocks. Lines: the universal scalability law fitted to each arm's runs, to the highest concurrency measured and no further; none where the runs are on no such law.",
			k.durability, blocks[k], requests[k])
		if err := g.save("scaling", figure.Scaling(f, g.palette, curves[k])); err != nil {
			return err
		}
	}
	return nil
}

func scalingRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "arm", "blocks", "runs", "concurrencies", "one_request_per_sec", "lo", "hi", "contention", "contention_lo", "contention_hi",
		"coherency", "coherency_lo", "coherency_hi", "peak_concurrency", "peak_lo", "peak_hi", "off_ratio", "refused",
	}}
	for _, s := range a.Scaling {
		row := []string{s.Workload, s.Durability, s.Arm, strconv.Itoa(s.Blocks), strconv.Itoa(len(s.Points)), strconv.Itoa(s.levels())}
		for _, c := range s.Coefficients() {
			row = append(row, field(c.Value), field(c.Lo), field(c.Hi))
		}
		rows = append(rows, append(row, field(s.Off), s.Why))
	}
	return rows
}
