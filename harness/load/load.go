package load

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/ceteris/ceteris/workloads"
)

// Run creates the topic, waits for its leaders, warms up, measures, drains, and
// writes the interval histograms. It returns an error when the load could not be
// offered; a broker that answers badly is in the Summary.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	cl, err := prepare(ctx, &o)
	if err != nil {
		return nil, err
	}
	if o.Driver == workloads.Franz {
		return runFranz(ctx, &o, cl)
	}
	return runRaw(ctx, &o, cl)
}

// memoryLimit is where the collector would run after all; a load that gets there
// shows it in GCCycles.
const memoryLimit = 2 << 30

// quietCollector cleans up and turns the garbage collector off; the returned
// function turns it on again.
func quietCollector() (restore func()) {
	runtime.GC()
	percent := debug.SetGCPercent(-1)
	limit := debug.SetMemoryLimit(memoryLimit)
	return func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}
}

// judge counts what the consumers should have seen and did not.
func (t *tally) judge(audits []*auditor, ledgers []*ledger) error {
	for _, a := range audits {
		n, err := a.lost(ledgers)
		if err != nil {
			return err
		}
		t.lost += n
		t.duplicated += a.duplicated
		t.reordered += a.reordered
		t.bad += a.corrupt
	}
	return nil
}
