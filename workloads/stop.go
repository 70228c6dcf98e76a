package workloads

import "github.com/goccy/go-yaml/ast"

// Stop ends a run when its answer is precise enough. Precision is all that it
// looks at: to stop when a difference shows would make differences out of chance.
// What precision alone costs is that intervals are a little too narrow when they end a
// run: simulated ones of 95 to 97 % hold the truth in 92.5 to 96 (package coverage).
type Stop struct {
	// Width is how far, as a share, the interval of every declared endpoint may
	// reach to either side: half of its length on the scale of logarithms.
	Width float64
	// MaxBlocks is where the run ends whatever the intervals are.
	MaxBlocks int
}

func stopKeys() []Key {
	return []Key{
		{
			Path: "stop", Kind: Mapping, See: []string{"blocks", "endpoints.primary"},
			Doc: "Run on after blocks until the interval of every declared endpoint, at every load, is narrow. Default: end after blocks.",
		},
		{
			Path: "stop.width", Kind: Number, Min: 0.001, Max: 1, Needed: true, Unit: "relative half-width",
			Doc: "How far an interval may reach to either side of a ratio; 0.05 is 5 %. A p-value never ends a run.",
		},
		{Path: "stop.max_blocks", Kind: Integer, Min: 1, Max: maxBlocks, Unit: "blocks", Needed: true, See: []string{"blocks"}, Doc: "Where the run ends in any case; at least blocks."},
	}
}

// stop reads it; nil when the file has none.
func (f *fields) stop(e *Experiment) *Stop {
	n := f.get("stop", "a mapping with width and max_blocks")
	if n == nil {
		return nil
	}
	m := f.mapping(n, "stop")
	s := &Stop{Width: m.number("width"), MaxBlocks: int(m.integer("max_blocks"))}
	if f.err == nil {
		f.checkStop(n, s, e)
	}
	return s
}

func (f *fields) checkStop(n ast.Node, s *Stop, e *Experiment) {
	if s.MaxBlocks < e.Blocks {
		f.fail(n, "stop.max_blocks", "at least as many as blocks", describe(f.mapping(n, "stop").vals["max_blocks"]))
	}
	if e.Endpoints.Declares(timeToRecover) || e.Endpoints.Declares(overloadGoodput) {
		f.fail(n, "stop", "endpoints that every cell has: an overload's do not end a run", "one of an overload")
	}
	for _, w := range e.Workloads {
		if e.CapacityOf(w) != nil {
			f.fail(n, "stop", "rates: the width of a search's interval does not end a run", "loads of kind capacity")
			return
		}
	}
}

// mostBlocks is how many blocks the loads of the file may run in.
func (e *Experiment) mostBlocks() int {
	if e.Stop != nil {
		return e.Stop.MaxBlocks
	}
	return e.Blocks
}
