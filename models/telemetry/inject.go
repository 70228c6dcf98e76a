package telemetry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// maxInjected bounds an injected stall; the broker is useless meanwhile.
const maxInjected = 10 * time.Second

// Injected is what a stall came to that was asked for.
type Injected struct {
	Threads int `json:"threads"` // that stood still
	// LongestNs and ShortestNs are how long: all threads go on at one moment, and
	// one that was asleep or at work begins a little later than the others.
	LongestNs  int64 `json:"longest_ns"`
	ShortestNs int64 `json:"shortest_ns"`
}

// stand keeps the thread from its work until a moment of [Now]. It polls: a
// sleeper would be woken late by an amount nobody knows.
func (r *Recorder) stand(untilNs int64) {
	begun := Now()
	for Now() < untilNs {
	}
	r.stoodNs.Store(max(Now()-begun, 1))
	r.untilNs.Store(0)
}

// Stall makes every thread that talks to clients stand still for d and returns
// when they go on: the harness proves with it that it sees what a broker does.
// Both models obey, because both poll their recorders between two rounds.
func (g *Registry) Stall(d time.Duration) (Injected, error) {
	if d <= 0 || d > maxInjected {
		return Injected{}, fmt.Errorf("a stall of %v is not between 0 and %v", d, maxInjected)
	}
	g.scraping.Lock()
	defer g.scraping.Unlock()
	g.mu.Lock()
	recorders := g.recorders[:len(g.recorders):len(g.recorders)]
	g.mu.Unlock()
	until := Now() + int64(d)
	for _, x := range recorders {
		x.r.stoodNs.Store(0)
		x.r.untilNs.Store(until)
	}
	for _, x := range recorders {
		if x.wake != nil {
			x.wake()
		}
	}
	var out Injected
	giveUp := until + int64(time.Second)
	for _, x := range recorders {
		for x.r.untilNs.Load() != 0 && Now() < giveUp {
			time.Sleep(time.Millisecond)
		}
		// A thread that never came by must not stand still later.
		x.r.untilNs.Store(0)
		if n := x.r.stoodNs.Load(); n > 0 {
			if out.Threads == 0 || n < out.ShortestNs {
				out.ShortestNs = n
			}
			out.Threads++
			out.LongestNs = max(out.LongestNs, n)
		}
	}
	return out, nil
}

// serveStall answers POST /inject/stall?for=100ms.
func (g *Registry) serveStall(w http.ResponseWriter, r *http.Request) {
	d, err := time.ParseDuration(r.URL.Query().Get("for"))
	if err == nil {
		var done Injected
		if done, err = g.Stall(d); err == nil {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(done) // a client that went away is not our error
			return
		}
	}
	http.Error(w, "for: "+err.Error(), http.StatusBadRequest)
}
