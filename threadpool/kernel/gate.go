package kernel

import (
	"sync/atomic"
	"time"
)

// Gate lets one thread sleep until another opens it. An opening that nobody
// waits for is remembered, once. It wakes only a thread that sleeps.
type Gate struct {
	word  atomic.Uint32 // shut, open or sleeping
	sched bool
	bell  chan struct{}
}

const (
	gateShut = iota
	gateOpen
	gateSleeping
)

// Go chooses who schedules the sleeper; call it before the first use.
func (g *Gate) Go(sched bool) {
	g.sched = sched
	if sched {
		g.bell = make(chan struct{}, 1)
	}
}

// Wait sleeps until the gate opens, for at most ns nanoseconds, and shuts it.
// Only one thread may wait.
func (g *Gate) Wait(ns int64) {
	if g.sched {
		t := time.NewTimer(time.Duration(ns))
		select {
		case <-g.bell:
		case <-t.C:
		}
		t.Stop()
		return
	}
	if g.word.CompareAndSwap(gateShut, gateSleeping) {
		Wait(&g.word, gateSleeping, ns)
	}
	g.word.Swap(gateShut) // what was done before Open is visible from here on
}

// Open opens the gate; any thread may call it.
func (g *Gate) Open() {
	if g.sched {
		select {
		case g.bell <- struct{}{}:
		default:
		}
		return
	}
	if g.word.Swap(gateOpen) == gateSleeping {
		Wake(&g.word, 1)
	}
}
