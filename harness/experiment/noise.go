package experiment

import (
	"fmt"
	"slices"
	"time"

	"github.com/ceteris/ceteris/harness/host"
)

// hiccupLimit is the worst that a thread with nothing to do may suffer in a
// window: on class C it is advice, because nothing there keeps to it.
const hiccupLimit = 5 * time.Millisecond

// probeCPU is where the noise probe of a cell runs: on a CPU that neither side
// has, else beside the generator, which is always there to be disturbed.
func (r *runner) probeCPU() (cpu int, beside bool) {
	for _, c := range r.allowed {
		if !slices.Contains(r.placement.Broker, c) && !slices.Contains(r.placement.Generator, c) {
			return c, false
		}
	}
	return r.placement.Generator[len(r.placement.Generator)-1], true
}

// listen starts the probe; a machine that has none goes without.
func (a *attempt) listen() {
	if !a.r.pinned {
		return
	}
	cpu, beside := a.r.probeCPU()
	probe, err := host.StartHiccups(cpu, beside)
	if err != nil {
		a.gate("hiccups", false, true, err.Error())
		return
	}
	a.hiccups = probe
}

// heard ends the probe, if one runs, and keeps what it heard.
func (a *attempt) heard() {
	if a.hiccups != nil {
		h := a.hiccups.Stop()
		a.rec.Hiccups, a.hiccups = &h, nil
	}
}

// quiet judges what the probe heard.
func (a *attempt) quiet() {
	h := a.rec.Hiccups
	if h == nil || h.Count == 0 {
		return
	}
	advisory := a.r.run.Manifest.HostClass == host.ClassC || !h.FirstInLine
	a.gate("hiccups", time.Duration(h.MaxNs) <= hiccupLimit, advisory, fmt.Sprintf(
		"the worst of %d wakings on CPU %d was %v late, p99 %v, limit %v", h.Count, h.CPU, time.Duration(h.MaxNs), time.Duration(h.P99Ns), hiccupLimit))
}
