package theory

import (
	"math/rand/v2"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Window is what a run measures of a station.
type Window struct {
	WarmupNs, MeasureNs float64 // requests that arrive in the first count for nothing
	DelayNs             float64 // that every request meets outside queues and servers
}

// Expected is a quantile of response times, ns: that of many windows together, and
// between what that of one window lies in 95 of 100.
type Expected struct{ Ns, LoNs, HiNs float64 }

// windows is how many are simulated: the ends of 95 in 100 are then the third and
// the third but last.
const windows = 100

// Predict simulates windows of a station, each from empty, and reads quantiles off
// them. Equal seeds give stations that differ in nothing but their organisation the
// same requests.
func (s *Station) Predict(w Window, seed uint64, quantiles []float64) []Expected {
	n := int((w.WarmupNs + w.MeasureNs) / 1e9 * s.PerSec)
	skip := int(w.WarmupNs / 1e9 * s.PerSec)
	const leastNs, mostNs, digits = 1, 3600e9, 3
	all, one := hdr.New(leastNs, mostNs, digits), hdr.New(leastNs, mostNs, digits)
	spread := make([][]float64, len(quantiles))
	for k := range windows {
		one.Reset()
		s.Simulate(n, rand.New(rand.NewPCG(seed, uint64(k))), func(i int, ns float64) {
			if i >= skip {
				_ = one.RecordValue(int64(min(max(ns+w.DelayNs, leastNs), mostNs))) // clamped, so it fits
			}
		})
		all.Merge(one)
		for q, p := range quantiles {
			spread[q] = append(spread[q], float64(one.ValueAtPercentile(100*p)))
		}
	}
	out := make([]Expected, len(quantiles))
	for q, p := range quantiles {
		slices.Sort(spread[q])
		out[q] = Expected{float64(all.ValueAtPercentile(100 * p)), spread[q][windows/40], spread[q][windows-1-windows/40]}
	}
	return out
}
