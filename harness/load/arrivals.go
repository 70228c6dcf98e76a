package load

import (
	"math"
	"slices"

	"github.com/ceteris/ceteris/workloads"
)

// maxArrivals bounds how many of the window's first requests are compared with
// the law, 8 bytes each.
const maxArrivals = 1 << 20

// sends keeps the actual send times of a window's first requests.
type sends struct {
	first int64 // index of the first request of the window; -1 before
	at    []int64
}

func newSends(expected int64) *sends {
	return &sends{first: -1, at: make([]int64, 0, min(expected+expected/8+1024, maxArrivals))}
}

// note records the send of a measured request. Requests count by index, so that
// several threads keep the same stretch of the schedule.
func (s *sends) note(index, sentNs int64) {
	if s.first < 0 {
		s.first = index
	}
	if len(s.at) < cap(s.at) && index-s.first < maxArrivals {
		s.at = append(s.at, sentNs)
	}
}

// dispersionWindowNs is the window in which arrivals are counted, and leastWindows
// how many of them a variance needs.
const (
	dispersionWindowNs = 100_000_000
	leastWindows       = 10
)

// checkArrivals compares realised send times, in ns after the schedule's start,
// with the law asked for. first is the index of the first of them; a closed loop
// has no schedule, and then nothing to compare with.
func checkArrivals(law string, perSec float64, s *workloads.Schedule, first int64, sent []int64) Arrivals {
	slices.Sort(sent)
	a := Arrivals{Law: law}
	if len(sent) < 2 {
		return a
	}
	gaps := gapsOf(sent, nil)
	a.N = len(gaps)
	a.GapMeanNs, a.GapCV = meanAndCV(gaps)
	a.Dispersion = dispersion(sent)
	if a.Dispersion != nil {
		a.DispersionWindowNs = dispersionWindowNs
	}
	if s == nil {
		return a
	}
	intended := make([]int64, len(sent))
	for i := range intended {
		intended[i] = s.At(first + int64(i))
	}
	a.DispersionIntended = dispersion(intended)
	if cdf := s.GapCDF(); cdf != nil {
		n := float64(len(gaps))
		gaps = gapsOf(sent, s.Operational)
		slices.Sort(gaps)
		for i, g := range gaps {
			f := cdf(g * perSec / 1e9)
			a.KS = max(a.KS, f-float64(i)/n, float64(i+1)/n-f)
		}
		a.KSCritical = 1.628 / math.Sqrt(n)
	}
	return a
}

// gapsOf is the differences of ascending times, which bend may turn into others.
func gapsOf(at []int64, bend func(int64) int64) []float64 {
	gaps := make([]float64, len(at)-1)
	last := int64(0)
	for i, t := range at {
		if bend != nil {
			t = bend(t)
		}
		if i > 0 {
			gaps[i-1] = float64(t - last)
		}
		last = t
	}
	return gaps
}

func meanAndCV(gaps []float64) (mean, cv float64) {
	n := float64(len(gaps))
	for _, g := range gaps {
		mean += g / n
	}
	squares := 0.0
	for _, g := range gaps {
		squares += (g - mean) * (g - mean)
	}
	if mean > 0 {
		cv = math.Sqrt(squares/n) / mean
	}
	return mean, cv
}

// dispersion is the variance of the counts of ascending times in windows over
// their mean; nil where too few windows are whole.
func dispersion(at []int64) *float64 {
	windows := int((at[len(at)-1] - at[0]) / dispersionWindowNs)
	if windows < leastWindows {
		return nil
	}
	counts := make([]float64, windows)
	total := 0.0
	for _, t := range at {
		if k := int((t - at[0]) / dispersionWindowNs); k < windows {
			counts[k]++
			total++
		}
	}
	mean, squares := total/float64(windows), 0.0
	for _, c := range counts {
		squares += (c - mean) * (c - mean)
	}
	d := squares / float64(windows-1) / mean
	return &d
}
