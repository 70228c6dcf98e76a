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

// checkArrivals compares realised send times with the law of a rate.
func checkArrivals(law string, perSec float64, sent []int64) Arrivals {
	slices.Sort(sent)
	a := Arrivals{Law: law}
	if len(sent) < 2 {
		return a
	}
	gaps := make([]float64, len(sent)-1)
	sum, squares := 0.0, 0.0
	for i := range gaps {
		g := float64(sent[i+1] - sent[i])
		gaps[i] = g
		sum += g
	}
	n := float64(len(gaps))
	a.N, a.GapMeanNs = len(gaps), sum/n
	for _, g := range gaps {
		squares += (g - a.GapMeanNs) * (g - a.GapMeanNs)
	}
	if a.GapMeanNs > 0 {
		a.GapCV = math.Sqrt(squares/n) / a.GapMeanNs
	}
	if law == workloads.Poisson && perSec > 0 {
		slices.Sort(gaps)
		for i, g := range gaps {
			f := -math.Expm1(-g * perSec / 1e9)
			a.KS = max(a.KS, f-float64(i)/n, float64(i+1)/n-f)
		}
		a.KSCritical = 1.628 / math.Sqrt(n)
	}
	return a
}
