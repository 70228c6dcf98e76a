package theory

import (
	"slices"
	"testing"

	"github.com/ceteris/ceteris/models/busywork"
)

// TestPredict: over many windows the quantiles are the formula's, shifted by the
// delay; that of one window scatters about them, and less in a longer one.
func TestPredict(t *testing.T) {
	s := at(0.7, Station{Service: Service{Law: busywork.Exponential, MeanNs: 200e3}, Servers: 1})
	w := Window{WarmupNs: 0.5e9, MeasureNs: 2e9, DelayNs: 40e3}
	short := s.Predict(w, seed, []float64{0.5, 0.99})
	w.MeasureNs = 20e9
	long := s.Predict(w, seed, []float64{0.5, 0.99})
	for k, p := range []float64{0.5, 0.99} {
		exact, _ := s.Exact(p)
		for _, e := range []Expected{short[k], long[k]} {
			if !near(e.Ns, exact+w.DelayNs, 0.06) || e.LoNs >= e.Ns || e.HiNs <= e.Ns {
				t.Errorf("seed %d: %v-quantile %+v, formula %.0f", seed, p, e, exact+w.DelayNs)
			}
		}
		if a, b := short[k].HiNs-short[k].LoNs, long[k].HiNs-long[k].LoNs; b > 0.5*a {
			t.Errorf("seed %d: %v-quantile scatters by %.0f in a window, by %.0f in one ten times as long", seed, p, a, b)
		}
	}
	if again := s.Predict(w, seed, []float64{0.5}); again[0] != long[0] {
		t.Errorf("a second time %+v, first %+v", again[0], long[0])
	}
	if other := s.Predict(w, seed+1, []float64{0.5}); other[0] == long[0] {
		t.Error("the seed changes nothing")
	}
}

// TestPredictShares: of windows with other requests, nearly 95 of 100 lie between
// the ends, which 100 windows give to within some hundredths.
func TestPredictShares(t *testing.T) {
	s := at(0.6, Station{Service: Service{Law: busywork.Bimodal, MeanNs: 200e3}, Servers: 2, Shared: true, Connections: 16, Limit: 1})
	w := Window{WarmupNs: 0.1e9, MeasureNs: 0.5e9}
	const p = 0.99
	e := s.Predict(w, seed, []float64{p})[0]
	n, skip := int(0.6*s.PerSec), int(0.1*s.PerSec)
	inside := 0
	const tries = 400
	for k := range uint64(tries) {
		var window []float64
		s.Simulate(n, source(1000+k), func(i int, ns float64) {
			if i >= skip {
				window = append(window, ns)
			}
		})
		slices.Sort(window)
		if q := window[int(p*float64(len(window)))]; e.LoNs <= q && q <= e.HiNs {
			inside++
		}
	}
	if share := float64(inside) / tries; share < 0.88 || share > 0.985 {
		t.Errorf("seed %d: %.1f %% of windows between the ends, want about 95", seed, 100*share)
	}
}
