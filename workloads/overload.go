package workloads

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Overload is a rise of the load for a while, and what counts as having recovered
// from it. Times run from the measured window's start.
type Overload struct {
	At     time.Duration `json:"at_ns"`
	For    time.Duration `json:"for_ns"`
	Factor float64       `json:"factor"` // times the load's rate
	// Recovered: this percentile of the response time is within a factor of its own
	// level before the overload and stays there for Hold; 0 is as long as the
	// window goes on.
	Percentile string        `json:"percentile"`
	Within     float64       `json:"within"`
	Hold       time.Duration `json:"hold_ns"`
}

// End is when the load falls again.
func (o *Overload) End() time.Duration { return o.At + o.For }

// Percent is the percentile as a number.
func (o *Overload) Percent() float64 { return overloadPercentiles[o.Percentile] }

var overloadPercentiles = map[string]float64{"p50": 50, "p90": 90, "p99": 99}

// Fault is something that is done to the broker at a moment of the measured
// window: all threads that talk to clients stand still for Stall, or every part of
// a produce request takes Slow of CPU time more for a while.
type Fault struct {
	At    time.Duration `json:"at_ns"`
	Stall time.Duration `json:"stall_ns,omitempty"`
	Slow  time.Duration `json:"slow_ns,omitempty"`
	For   time.Duration `json:"for_ns,omitempty"`
}

// End is when it is over.
func (f Fault) End() time.Duration { return f.At + f.Stall + f.For }

// The bounds of overloads and faults.
const (
	minBefore  = 50 * time.Millisecond
	minFactor  = 1.01
	maxWithin  = 100
	maxStall   = 5 * time.Second
	maxFaults  = 100
	leastSlow  = time.Microsecond
	maxSlow    = time.Second
	leastStall = time.Millisecond
)

func overloadKeys() []Key {
	one := func(k Key) Key { k.Path = "workloads.*." + k.Path; return k }
	return []Key{
		one(Key{
			Path: "overload", Kind: Mapping, See: []string{"workloads.*.arrivals", "loads.per_second", "measure"},
			Doc: "A rise of the load for a while, from which the report tells the time to recover, the worst backlog and what was done meanwhile. Needs arrivals of one rate. A search for a capacity is made without it. Default: none.",
		}),
		one(Key{
			Path: "overload.at", Kind: Duration, Needed: true, Min: float64(minBefore), Max: float64(maxPhase),
			Doc: "When the load rises, from the start of the measured window; what is before is the level to come back to.",
		}),
		one(Key{Path: "overload.for", Kind: Duration, Needed: true, Min: float64(minBefore), Max: float64(maxPhase), Doc: "How long it stays up."}),
		one(Key{
			Path: "overload.factor", Kind: Number, Needed: true, Min: minFactor, Max: maxFactor, Unit: "times the load's rate",
			Doc: "How high it rises.",
		}),
		one(Key{
			Path: "overload.percentile", Kind: Word, Words: []string{"p50", "p90", "p99"}, Default: "p50",
			Doc: "The percentile of the response time that has to come back. While a backlog is there all requests wait, so the median shows it and is moved least by anything else.",
		}),
		one(Key{
			Path: "overload.within", Kind: Number, Min: minFactor, Max: maxWithin, Default: "2", Unit: "times its level before",
			Doc: "How near its level before the overload the percentile has to be.",
		}),
		one(Key{
			Path: "overload.hold", Kind: Duration, Max: float64(maxPhase), Default: "1s",
			Doc: "How long it has to stay there; 0s is to the end of the measured window.",
		}),
		one(Key{
			Path: "faults", Kind: Mapping, Count: List, See: []string{"measure"},
			Doc: "What is done to the broker at moments of the measured window, in their order, at most 100. A cell in which one could not be done is left out. Default: nothing.",
		}),
		one(Key{Path: "faults.*.at", Kind: Duration, Needed: true, Max: float64(maxWindow), Doc: "When, from the start of the measured window."}),
		one(Key{
			Path: "faults.*.stall", Kind: Duration, Min: float64(leastStall), Max: float64(maxStall), See: []string{"workloads.*.faults.*.slow"},
			Doc: "For how long every thread of the broker that talks to clients stands still. A fault has this or slow. Default: none.",
		}),
		one(Key{
			Path: "faults.*.slow", Kind: Duration, Min: float64(leastSlow), Max: float64(maxSlow), See: []string{"workloads.*.faults.*.for", setPath + ".service.time.ns"},
			Doc: "How much CPU time every part of a produce request takes more, on average by the law of service.time.law, beside what service.time.ns adds. Default: none.",
		}),
		one(Key{Path: "faults.*.for", Kind: Duration, Min: float64(leastStall), Max: float64(maxPhase), Doc: "How long requests are slow; needed with slow, and not allowed otherwise. Default: none."}),
	}
}

// overload reads it and makes phases of it; nil where there is none.
func (f *fields) overload(w *Workload) *Overload {
	n := f.get("overload", "a mapping with at, for and factor")
	if n == nil {
		return nil
	}
	m := f.mapping(n, f.path+"overload")
	o := &Overload{
		At: m.duration("at"), For: m.duration("for"), Factor: m.number("factor"),
		Percentile: m.choice("percentile"), Within: m.number("within"), Hold: m.duration("hold"),
	}
	if !steadyLaw(w.Arrivals) {
		f.fail(n, f.path+"overload", "arrivals of one rate, poisson, constant, gamma or weibull", "arrivals "+w.Arrivals)
	}
	w.Shape.Phases = &PhaseShape{Steps: []Phase{{o.At, 1}, {o.For, o.Factor}}, Gaps: w.Arrivals}
	w.Arrivals = Phases
	return o
}

func steadyLaw(law string) bool {
	return law == Poisson || law == Constant || law == Gamma || law == Weibull
}

// faults reads what is done to the broker.
func (f *fields) faults() []Fault {
	var out []Fault
	list := f.list("faults", "mappings of at and stall, or at, slow and for")
	if len(list) > maxFaults {
		f.fail(f.vals["faults"], f.path+"faults", fmt.Sprintf("at most %d faults", maxFaults), fmt.Sprint(len(list)))
		return nil
	}
	for i, n := range list {
		m := f.mapping(n, fmt.Sprintf("%sfaults[%d]", f.path, i))
		fault := Fault{At: m.duration("at"), Stall: m.duration("stall"), Slow: m.duration("slow"), For: m.duration("for")}
		if m.has("stall") == m.has("slow") || m.has("slow") != m.has("for") {
			f.fail(n, strings.TrimSuffix(m.path, "."), "either stall, or slow and for", "another combination")
		}
		if i > 0 && f.err == nil && fault.At < out[i-1].End() {
			f.fail(m.vals["at"], m.path+"at", fmt.Sprintf("a time after the fault before, which ends at %v", out[i-1].End()), describe(m.vals["at"]))
		}
		out = append(out, fault)
	}
	return out
}

// timed refuses what does not fit into the measured window, or that a closed loop
// cannot offer.
func (d *document) timed(n ast.Node, key string, e *Experiment, w *Workload) {
	if o := w.Overload; o != nil {
		if e.loadsOf(w).Kind == Closed {
			d.fail(n, key+".overload", "a load with a rate", "a closed loop, which cannot be overloaded")
		}
		if left := e.Measure - o.End(); left <= 0 || o.Hold > left {
			d.fail(n, key+".overload", fmt.Sprintf("an end and a hold within the measured window of %v", e.Measure), fmt.Sprintf("an end at %v and a hold of %v", o.End(), o.Hold))
		}
	}
	for i, fault := range w.Faults {
		if end := fault.End(); end > e.Measure {
			d.fail(n, fmt.Sprintf("%s.faults[%d]", key, i), fmt.Sprintf("an end within the measured window of %v", e.Measure), fmt.Sprintf("one at %v", end))
		}
	}
}

// overloadEndpoints refuses an endpoint that no cell would have.
func (f *fields) overloadEndpoints(e *Experiment) {
	for _, w := range e.Workloads {
		if w.Overload != nil {
			return
		}
	}
	for _, name := range []string{timeToRecover, overloadGoodput} {
		if e.Endpoints.Declares(name) {
			f.fail(f.vals["endpoints"], "endpoints", "a workload with an overload for "+name, "none")
		}
	}
}

// Eventful reports whether something happens in the measured window at a time that
// the file says, so that a time-line shows more than noise.
func (w *Workload) Eventful() bool {
	return w.Overload != nil || len(w.Faults) > 0 || w.Shape.Phases != nil
}

// Calm is the workload without its overload and its faults.
func (w *Workload) Calm() *Workload {
	if w.Overload == nil && len(w.Faults) == 0 {
		return w
	}
	calm := *w
	if calm.Overload != nil {
		calm.Arrivals, calm.Shape.Phases = calm.Shape.Phases.Gaps, nil
	}
	calm.Overload, calm.Faults = nil, nil
	return &calm
}

// MeanFactor is how many times the load's rate a workload has on average from the
// schedule's start over a span, where that is not 1 in the long run.
func (w *Workload) MeanFactor(span time.Duration) float64 {
	if w.Arrivals != Phases || span <= 0 {
		return 1
	}
	return float64(w.Shape.Phases.warp().operational(int64(span))) / float64(span)
}
