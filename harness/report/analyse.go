package report

import (
	"fmt"
	"math"

	"github.com/ceteris/ceteris/harness/capacity"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// quantity is something of a run that arms are compared by.
type quantity struct {
	key, title string
	latency    bool // means nothing on a saturated run
	of         func(r *run) stats.Number
}

// throughput is what a closed loop is for; elsewhere it is the load that was offered.
const throughput = "achieved_per_sec"

// headlines is how many of the quantities, from the first, make the headline.
const headlines = 3

var quantities = []quantity{
	{"p50_response", "p50 response time", true, func(r *run) stats.Number { return r.response.P50 }},
	{"p99_response", "p99 response time", true, func(r *run) stats.Number { return r.response.P99 }},
	{"cpu_per_message", "broker CPU per message", false, func(r *run) stats.Number {
		return perMessage(r.Server.CPUNs(), r.Load.Records)
	}},
	{throughput, "achieved requests per second", false, func(r *run) stats.Number { return stats.Of(r.Load.AchievedPerSec) }},
	{"switches_per_message", "context switches per message", false, func(r *run) stats.Number {
		return perMessage(r.Server.CtxVol+r.Server.CtxInvol, r.Load.Records)
	}},
	{"p50_end_to_end", "p50 end to end", true, func(r *run) stats.Number { return r.endToEnd.P50 }},
	{"p99_end_to_end", "p99 end to end", true, func(r *run) stats.Number { return r.endToEnd.P99 }},
}

// analyse computes everything that the report says. later, where it is not nil,
// declares other endpoints and claims than the run's own file.
func analyse(r *result.Run, later *workloads.Experiment) (*Analysis, data, error) {
	m := &r.Manifest
	hash, err := hashRaw(r.Dir)
	if err != nil {
		return nil, nil, err
	}
	a := &Analysis{
		Schema: Schema, Experiment: m.Experiment, ResultHash: hash, HostClass: string(m.HostClass),
		HostReasons: r.Env.Reasons, SharedCPUs: m.Placement.Shared, Planned: len(r.Planned), Ended: len(r.Cells),
		LeftOut: []LeftOut{}, Warnings: []LeftOut{}, Notes: []string{}, Groups: []Group{},
	}
	e, err := workloads.Parse("experiment.yaml", []byte(m.ExperimentText))
	if err != nil {
		e = nil
		a.Notes = append(a.Notes, "The experiment file cannot be read by this version, so its question and smallest difference of interest are missing: "+err.Error())
	} else {
		if later != nil {
			e.Endpoints, e.Claims = later.Endpoints, later.Claims
			a.Exploratory = true
			a.Notes = append(a.Notes, "Endpoints and claims were declared after the run, in "+later.Name+": everything here is exploratory.")
		}
		a.Question, a.Rope = e.Question, e.Endpoints.Rope
	}
	var arms []workloads.Arm
	for _, arm := range m.Arms {
		a.Arms = append(a.Arms, ArmName{arm.Name, arm.Model})
		arms = append(arms, workloads.Arm{Name: arm.Name, Model: arm.Model})
	}
	a.Baseline = workloads.BaselineOf(arms)
	if e != nil {
		a.Baseline = e.BaselineArm()
	}
	if a.Limits, err = limits(r); err != nil {
		return nil, nil, err
	}
	for _, p := range r.Planned {
		a.Blocks = max(a.Blocks, p.Block+1)
	}
	if r.Narrow != "" {
		a.Blocks = r.Cells[len(r.Cells)-1].Block + 1
	}
	for _, c := range r.Cells {
		a.cell(c)
	}
	if r.Narrow != "" {
		a.Planned = a.Ended
		a.Notes = append(a.Notes, "The run ended by its stop: "+r.Narrow+".")
	}
	if a.Ended < a.Planned {
		a.Notes = append(a.Notes, fmt.Sprintf("The run is not complete: %d of %d cells have ended.", a.Ended, a.Planned))
	}
	for _, again := range r.Repeats {
		a.Notes = append(a.Notes, fmt.Sprintf("Block %03d was disturbed and was run again as block %03d. Both are kept: the cells of either that count are in the numbers.", again.Block, again.As))
	}
	if a.SharedCPUs {
		a.Notes = append(a.Notes, "Broker and load generator share CPUs: response times include the generator's own work.")
	}
	d, err := gather(r)
	if err != nil {
		return nil, nil, err
	}
	for _, at := range d.order(e) {
		p, err := a.point(at, d[at])
		if err != nil {
			return nil, nil, err
		}
		if n := len(a.Groups); n == 0 || a.Groups[n-1].Workload != at.workload || a.Groups[n-1].Durability != at.durability {
			a.Groups = append(a.Groups, Group{Workload: at.workload, Durability: at.durability})
		}
		g := &a.Groups[len(a.Groups)-1]
		g.Points = append(g.Points, p)
	}
	for i := range a.Groups {
		a.Groups[i].choose(len(a.Arms))
	}
	if e != nil {
		if err := a.declare(e); err != nil {
			return nil, nil, err
		}
		if err := a.factorials(e, d); err != nil {
			return nil, nil, err
		}
		if err := a.capacities(e, r.Cells); err != nil {
			return nil, nil, err
		}
	}
	if e != nil && e.Endpoints.Baseline != "" {
		a.efficiencies(d)
	}
	if e != nil && e.Endpoints.Models == workloads.Ladder {
		if err := a.rungs(d); err != nil {
			return nil, nil, err
		}
	}
	if err := a.certify(r); err != nil {
		return nil, nil, err
	}
	a.crossovers(d)
	a.Headline = a.headline()
	return a, d, nil
}

// cell enters a cell into the counts, or into the list of those left out.
func (a *Analysis) cell(c *result.CellRecord) {
	name := fmt.Sprintf("%03d/%s", c.Block, c.ID)
	// A probe whose requests failed says that the promise was broken.
	counts := c.Valid || c.Probe > 0 && capacity.Says(c)
	if counts {
		a.Valid++
		a.Driver = c.Load.Driver
	}
	why := []string{}
	if c.Error != "" {
		why = append(why, c.Error)
	}
	for _, g := range c.Gates {
		switch {
		case g.OK:
		case !g.Advisory && !counts:
			why = append(why, g.Name+": "+g.Detail)
		case counts:
			a.Warnings = append(a.Warnings, LeftOut{name, g.Name + ": " + g.Detail})
		}
	}
	if counts {
		if k := c.Load.Arrivals; k.KSCritical > 0 && k.KS > k.KSCritical {
			a.Warnings = append(a.Warnings, LeftOut{name, fmt.Sprintf(
				"arrivals: distance %.4f from the law asked for, 1 %% critical value %.4f", k.KS, k.KSCritical)})
		}
		return
	}
	text := "marked invalid without a reason"
	for i, w := range why {
		if i == 0 {
			text = w
		} else {
			text += "; " + w
		}
	}
	a.LeftOut = append(a.LeftOut, LeftOut{name, text})
}

// point sums up one load and compares its arms.
func (a *Analysis) point(at where, by map[who]*runs) (Point, error) {
	p := Point{
		Load: workloads.LoadName(at.load), LoadPerSec: at.load,
		Saturated: []string{}, Arms: []ArmPoint{}, Compared: []Comparison{},
	}
	for _, replicate := range []bool{false, true} {
		for _, arm := range a.Arms {
			w := who{arm.Name, replicate}
			if by[w] != nil {
				x, err := armPoint(w, by[w], a.HostClass)
				if err != nil {
					return p, err
				}
				p.Arms = append(p.Arms, x)
			}
		}
	}
	for _, arm := range a.Arms {
		behind, all := 0, 0
		for _, replicate := range []bool{false, true} {
			for _, r := range by[who{arm.Name, replicate}].list() {
				all++
				if r.saturated() {
					behind++
				}
			}
		}
		// Half of the runs, because a single one may have met a disturbance.
		if behind > 0 && 2*behind >= all {
			p.Saturated = append(p.Saturated, arm.Name)
		}
	}
	for _, arm := range a.Arms {
		if arm.Name == a.Baseline {
			continue
		}
		for _, q := range quantities {
			c, err := a.compare(q, arm.Name, a.Baseline, p.Saturated, by)
			if err != nil {
				return p, fmt.Errorf("%s %s %s: %w", at.workload, at.durability, p.Load, err)
			}
			p.Compared = append(p.Compared, c)
		}
	}
	return p, a.shifts(&p, by)
}

// compare estimates one quantity of arm over base's. The floor comes from
// the replicates of every arm: they take turns, and what they show is how well
// this machine repeats itself.
func (a *Analysis) compare(q quantity, arm, base string, saturated []string, by map[who]*runs) (Comparison, error) {
	c := Comparison{Quantity: q.key, A: arm, B: base}
	refused := ""
	values := func(w who) map[int]float64 {
		out := map[int]float64{}
		for _, r := range by[w].list() {
			n := q.of(r)
			if v, ok := n.Get(); ok {
				out[r.Block] = v
			} else if refused == "" {
				refused = n.Refusal()
			}
		}
		return out
	}
	pairs := stats.PairBlocks(values(who{arm, false}), values(who{base, false}))
	var null []stats.Pair
	for _, of := range a.Arms {
		null = append(null, stats.PairBlocks(values(who{of.Name, true}), values(who{of.Name, false}))...)
	}
	e, err := stats.Compare(pairs, null, a.Rope)
	if err != nil {
		return c, err
	}
	if len(pairs) == 0 && refused != "" {
		e.Ratio, e.Lo, e.Hi, e.Words = stats.Refuse("%s", refused), stats.Refuse("%s", refused), stats.Refuse("%s", refused), refused
	}
	if q.latency {
		for _, s := range saturated {
			if s == arm || s == base {
				none := stats.Refuse("%s is saturated: its latencies measure how long the run was", s)
				e = stats.Effect{
					Blocks: len(pairs), Ratio: none, Lo: none, Hi: none, Floor: none, P: none, PEqual: none,
					Verdict: stats.Absent, Words: none.Refusal(),
				}
			}
		}
	}
	e.Level = math.Round(e.Level*1e6) / 1e6
	c.Effect = e
	return c, nil
}

// choose finds the point that the headline speaks of.
func (g *Group) choose(arms int) {
	for i, p := range g.Points {
		present := 0
		for _, ap := range p.Arms {
			if !ap.Replicate {
				present++
			}
		}
		if len(p.Saturated) == 0 && present == arms {
			g.Headline = i
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
