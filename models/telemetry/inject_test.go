package telemetry

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestStall: every thread that polls stands still until the same moment and goes
// on; one that never polls is left alone and not counted.
func TestStall(t *testing.T) {
	g := NewRegistry()
	var stop atomic.Bool
	var rounds [2]atomic.Int64
	done := make(chan struct{})
	for i := range rounds {
		r := NewRecorder()
		g.AddRecorder(r, nil)
		go func() {
			for !stop.Load() {
				r.Poll()
				rounds[i].Add(1)
				time.Sleep(100 * time.Microsecond)
			}
			done <- struct{}{}
		}()
	}
	absent := NewRecorder()
	g.AddRecorder(absent, nil)

	const d = 30 * time.Millisecond
	begun := time.Now()
	got, err := g.Stall(d)
	if err != nil {
		t.Fatal(err)
	}
	if got.Threads != 2 {
		t.Errorf("%d threads stood still, want the 2 that poll", got.Threads)
	}
	if took := time.Since(begun); took < d {
		t.Errorf("over after %v, want %v at least", took, d)
	}
	if got.ShortestNs <= 0 || got.ShortestNs > got.LongestNs {
		t.Errorf("stood for %d to %d ns", got.ShortestNs, got.LongestNs)
	}
	at := rounds[0].Load()
	for rounds[0].Load() == at {
		time.Sleep(time.Millisecond) // it goes on: the test's own limit is the judge
	}
	if absent.untilNs.Load() != 0 {
		t.Error("a thread that came late would stand still after the stall")
	}
	stop.Store(true)
	<-done
	<-done
}

func TestStallRefused(t *testing.T) {
	h := NewRegistry().handler()
	for query, want := range map[string]int{
		"for=1ms": http.StatusOK, "": http.StatusBadRequest, "for=-1s": http.StatusBadRequest,
		"for=1h": http.StatusBadRequest, "for=x": http.StatusBadRequest,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/inject/stall?"+query, nil))
		if w.Code != want {
			t.Errorf("%q: status %d, want %d (%s)", query, w.Code, want, w.Body)
		}
	}
}
