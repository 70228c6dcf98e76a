package selftest

import (
	"fmt"
	"math"

	"github.com/ceteris/ceteris/harness/result"
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
func (s *Slowdown) Judge() []result.Gate {
	gate := func(name, what string, grown float64) result.Gate {
		want, slack := float64(s.ByNs), slowSlack*float64(s.ByNs)
		return result.Gate{Name: name, OK: math.Abs(grown-want) <= slack, Detail: fmt.Sprintf(
			"%s grew by %v, expected %v ± %v", what, round(int64(grown)), round(s.ByNs), round(int64(slack)))}
	}
	return []result.Gate{
		gate("slow-response", "the median response time", float64(s.P50Ns[1]-s.P50Ns[0])),
		gate("slow-cpu", "the broker's CPU time per request", s.CPUNs[1]-s.CPUNs[0]),
	}
}
