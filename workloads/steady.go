package workloads

import (
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Steady is what was declared, before the run, about windows that are not steady:
// one rule for all arms.
type Steady struct {
	Truncate string // NoCut | MSER
	Moved    string // Mark | LeaveOut
	// Backlog is how many requests may be queued or outstanding as measurement
	// begins, as a share of those of the window; Slip is how late the generator may
	// be in its first interval, at p99.
	Backlog float64
	Slip    time.Duration
}

// The rules.
const (
	NoCut    = "none"
	MSER     = "mser"
	Mark     = "mark"
	LeaveOut = "leave-out"
)

func steadyKeys() []Key {
	return []Key{
		{Path: "steady", Kind: Mapping, See: []string{"warmup", "measure"}, Doc: "What becomes of windows that are not steady."},
		{
			Path: "steady.truncate", Kind: Word, Words: []string{NoCut, MSER}, Default: NoCut, See: []string{"warmup"},
			Doc: "Whether the beginning of windows is dropped from response times: by MSER's rule, as much in all cells of a block as in the one that needs most. Costs, rates and searches stay those of whole windows. It costs a steady queue a quarter of its window, so by default warmup alone decides.",
		},
		{
			Path: "steady.moved", Kind: Word, Words: []string{Mark, LeaveOut}, Default: Mark,
			Doc: "Whether cells that warm up into the second half of their window, drift, or begin with a backlog or late, are marked, or left out of every number.",
		},
		{
			Path: "steady.backlog", Kind: Number, Min: 0, Max: 1, Default: "0.0025", Unit: "share of the window's requests",
			Doc: "How many requests, and never fewer than ten, may be queued or outstanding as measurement begins in an open loop.",
		},
		{
			Path: "steady.slip", Kind: Duration, Max: float64(time.Minute), Default: "1ms",
			Doc: "How late requests may leave in the first interval of the window, at p99, in an open loop whose connections are not at their cap.",
		},
	}
}

// steady reads it; all of it has defaults.
func (f *fields) steady() Steady {
	m := f.within("steady")
	return Steady{Truncate: m.choice("truncate"), Moved: m.choice("moved"), Backlog: m.number("backlog"), Slip: m.duration("slip")}
}

// checkSteady refuses to truncate what moves on purpose: the beginning of a ramp
// is no warm-up.
func (f *fields) checkSteady(n ast.Node, e *Experiment) {
	if e.Steady.Truncate == NoCut {
		return
	}
	for _, w := range e.Workloads {
		why := ""
		switch {
		case w.Arrivals == Ramp || w.Arrivals == Sine || w.Arrivals == Trace:
			why = "arrivals of " + w.Arrivals
		case w.ConsumersPause > 0:
			why = "consumers_pause"
		case w.Eventful():
			f.fail(n, "workloads", "no phases, overload or faults beside steady.truncate: "+e.Steady.Truncate, "them in workload "+w.Name)
			return
		}
		if why != "" {
			f.fail(n, "steady.truncate", "none where a window moves on purpose", e.Steady.Truncate+" and "+why+" of workload "+w.Name)
			return
		}
	}
}
