package selftest

import (
	"math"
)

// Slowdown is a broker before and after each request was made to take longer.
type Slowdown struct {
	ByNs int64 `json:"by_ns"`
	// Medians of the response time, ns, and broker CPU time per request, ns.
	P50Ns [2]int64   `json:"p50_ns"`
	CPUNs [2]float64 `json:"cpu_per_request_ns"`
}

// slowSlack is by how much the growth may differ from what was injected.
const slowSlack = 0.15

// Judge says whether the response time and the CPU time grew by what was injected.
// The response time before may have been the machine's too, so that its growth
// proves nothing on a noisy one. The CPU time is the broker's own, unless requests
// waited beyond the window in which it was taken: then either median is as long as
// what counts as late beside a stall, or grew by more than was injected.
func (s *Slowdown) Judge() []finding {
	want, slack := float64(s.ByNs), slowSlack*float64(s.ByNs)
	grew := func(more bool, name, what string, grown float64) finding {
		return find(more || grown > want, math.Abs(grown-want) <= slack, name,
			"%s grew by %v, expected %v ± %v", what, round(int64(grown)), round(s.ByNs), round(int64(slack)))
	}
	longer := float64(s.P50Ns[1] - s.P50Ns[0])
	waited := longer > want+slack || float64(max(s.P50Ns[0], s.P50Ns[1])) > lateShare*float64(stallLength)
	return []finding{
		grew(true, "slow-response", "the median response time", longer),
		grew(waited, "slow-cpu", "the broker's CPU time per request", s.CPUNs[1]-s.CPUNs[0]),
	}
}
