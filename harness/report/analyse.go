package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/ceteris/ceteris/harness/capacity"
	"github.com/ceteris/ceteris/harness/load"
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
		return perMessage(r.Server.CPUNs(), r.Counted())
	}},
	{throughput, "achieved requests per second", false, func(r *run) stats.Number { return stats.Of(r.Load.AchievedPerSec) }},
	{"switches_per_message", "context switches per message", false, func(r *run) stats.Number {
		return perMessage(r.Server.CtxVol+r.Server.CtxInvol, r.Counted())
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
	a.uneven()
	if r.Narrow != "" {
		a.Planned = a.Ended
		a.Notes = append(a.Notes, "The run ended by its stop: "+r.Narrow+". "+
			"Intervals that end a run by being narrow are narrow by chance, too: they hold the true ratio in up to 3 % of experiments less than the level beside them says.")
	}
	if r.Before != "" {
		a.Notes = append(a.Notes, "As it began, the ledger had "+r.Before+".")
	}
	if a.Ended < a.Planned {
		a.Notes = append(a.Notes, fmt.Sprintf("The run is not complete: %d of %d cells have ended.", a.Ended, a.Planned))
	}
	for _, e := range r.Retried {
		a.Notes = append(a.Notes, fmt.Sprintf("Cell %s failed before the run was resumed, and was run again: %s.", e.Cell, e.Detail))
	}
	for _, again := range r.Repeats {
		a.Notes = append(a.Notes, fmt.Sprintf("Block %03d was disturbed and was run again as block %03d. Both are kept: the cells of either that count are in the numbers.", again.Block, again.As))
	}
	if a.SharedCPUs {
		a.Notes = append(a.Notes, "Broker and load generator share CPUs: response times include the generator's own work.")
	}
	cuts, err := a.truncate(e, r.Cells)
	if err != nil {
		return nil, nil, err
	}
	d, err := gather(r, e, cuts)
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
		if err := a.theories(e, d); err != nil {
			return nil, nil, err
		}
		a.scalings(e, d)
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
	a.variances(d, r.Cells)
	a.Headline = a.headline()
	return a, d, nil
}

// cell enters a cell into the counts, or into the list of those left out.
func (a *Analysis) cell(c *result.CellRecord) {
	name := fmt.Sprintf("%03d/%s", c.Block, c.ID)
	// A probe whose requests failed says that the promise was broken.
	counts := c.Valid || c.Probe > 0 && capacity.Says(c)
	of := a.leftOutOf(c.Arm)
	of.Cells++
	if counts {
		a.Valid++
		a.Driver = c.Load.Driver
	}
	why, first := []string{}, "no reason"
	if c.Error != "" {
		why, first = append(why, c.Error), "failed"
	}
	for _, g := range c.Gates {
		switch {
		case g.OK:
		case !g.Advisory && !counts:
			if len(why) == 0 {
				first = g.Name
			}
			why = append(why, g.Name+": "+g.Detail)
		case counts:
			a.Warnings = append(a.Warnings, LeftOut{name, g.Name + ": " + g.Detail})
		}
	}
	if counts {
		a.arrivals(name, "", &c.Load.Arrivals)
		for i := range c.Load.Classes {
			k := &c.Load.Classes[i]
			a.arrivals(name, " of "+k.Class, &k.Arrivals)
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
	of.LeftOut++
	if of.By == nil {
		of.By = map[string]int{}
	}
	of.By[first]++
}

// arrivals warns of requests that did not follow the law asked for.
func (a *Analysis) arrivals(cell, of string, k *load.Arrivals) {
	if k.KSCritical > 0 && k.KS > k.KSCritical {
		a.Warnings = append(a.Warnings, LeftOut{cell, fmt.Sprintf(
			"arrivals%s: distance %.4f from the law asked for, 1 %% critical value %.4f", of, k.KS, k.KSCritical)})
	}
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
		if p.Overloaded() {
			over, err := a.compareOverload(arm.Name, by)
			if err != nil {
				return p, fmt.Errorf("%s %s %s: %w", at.workload, at.durability, p.Load, err)
			}
			p.Compared = append(p.Compared, over...)
		}
	}
	return p, a.shifts(&p, by)
}

// compare estimates one quantity of arm over base's. The floor comes from
// the replicates of every arm, of latencies every one that kept up: they take turns,
// and what they show is how well this machine repeats itself.
func (a *Analysis) compare(q quantity, arm, base string, saturated []string, by map[who]*runs) (Comparison, error) {
	c := Comparison{Quantity: q.key, A: arm, B: base}
	refused := ""
	values := func(w who) map[int]stats.Range {
		out := map[int]stats.Range{}
		for _, r := range by[w].list() {
			switch n := q.of(r); {
			case n.OK():
				v, _ := n.Get()
				if out[r.Block] = q.logOf(r, v); v <= 0 { // no ratio, and no reason to leave the block out
					out[r.Block], refused = stats.Anything(), "it is 0, and has no ratio"
				}
			case q.hides(r):
				out[r.Block] = stats.Anything()
				fallthrough
			case refused == "":
				refused = n.Refusal()
			}
		}
		return out
	}
	pairs := rangesOf(values(who{arm, false}), values(who{base, false}))
	if !slices.ContainsFunc(pairs, func(r stats.Range) bool { return !math.IsNaN(r.Mid) }) {
		pairs = nil
	}
	var null []stats.Range
	for _, of := range a.Arms {
		if q.latency && contains(saturated, of.Name) {
			continue // how alike two runs of one length are
		}
		null = append(null, rangesOf(values(who{of.Name, true}), values(who{of.Name, false}))...)
	}
	e, err := stats.CompareWithin(pairs, null, a.Rope)
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

// logOf is the logarithm of a run's value v, as far as it is known: a time to recover
// is read off in steps, the last of which may have been over at any moment.
func (q *quantity) logOf(r *run, v float64) stats.Range {
	x := stats.Exactly(math.Log(v))
	if q.key == timeToRecover {
		x.Lo = math.Log(max(0, v-float64(r.overload.StepNs)))
	}
	return x
}

// hides reports whether a run has none of the quantity because of what it gave up: its
// requests were too slow, or never sent, or it did not come back from an overload.
// Leaving such a run out would choose the blocks that went well.
func (q *quantity) hides(r *run) bool {
	gaveUp := q.latency && r.Load.Censored > 0 || slices.ContainsFunc(overloadQuantities, func(o quantity) bool { return o.key == q.key })
	return gaveUp && !q.of(r).OK()
}

// drawn is a run's value for a figure of medians over blocks, in which one that hides
// it is longer than any that does not; false where there is none.
func (q *quantity) drawn(r *run) (float64, bool) {
	if q.hides(r) {
		return math.Inf(1), true
	}
	return q.of(r).Get()
}

// hiding is whether one of the arms' runs does.
func (q *quantity) hiding(by map[who]*runs, arms ...string) bool {
	for _, arm := range arms {
		if slices.ContainsFunc(by[who{arm, false}].list(), q.hides) {
			return true
		}
	}
	return false
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
