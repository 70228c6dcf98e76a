package selftest

import (
	"fmt"
	"math"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
)

// Stalls is what was injected into a load.
type Stalls struct {
	// PerSec is the open loop's rate of requests, due at equal steps.
	PerSec float64 `json:"requests_per_sec"`
	// LengthsNs are the stalls that the broker says it made; ShortestNs is the
	// least that any of its threads stood still in any of them.
	LengthsNs  []int64 `json:"lengths_ns"`
	ShortestNs int64   `json:"shortest_ns"`
	Threads    int     `json:"threads"`
}

const (
	// lateShare is the share of a stall above which a request counts as late:
	// the machine's own disturbances are below it, most of the stall's above.
	lateShare = 0.1
	// countSlack is by how much the number of late requests may be off, and
	// countSpare the requests that may beside: those due as it began and ended,
	// and those that waited for the backlog to be worked off.
	countSlack, countSpare = 0.05, 2
	// peakSlack is how much above the stall the worst may be, as share of it.
	peakSlack = 0.1
	// beginSlack is how much later one thread may begin to stand still than another.
	beginSlack = 0.05
)

// lateNs is the threshold for late requests.
func (s *Stalls) lateNs() float64 { return lateShare * float64(s.longest()) }

func (s *Stalls) longest() (most int64) {
	for _, n := range s.LengthsNs {
		most = max(most, n)
	}
	return most
}

// ExpectedLate is how many requests have to be late in all.
func (s *Stalls) ExpectedLate() (n float64) {
	for _, l := range s.LengthsNs {
		n += s.PerSec * (float64(l) - s.lateNs()) / 1e9
	}
	return n
}

// expectedBelow is the share of the late requests that have to be late by at
// most ns: the law of the mixture of uniform laws, one for each stall.
func (s *Stalls) expectedBelow(ns float64) float64 {
	sum, all := 0.0, 0.0
	for _, l := range s.LengthsNs {
		sum += min(max(ns-s.lateNs(), 0), float64(l)-s.lateNs())
		all += float64(l) - s.lateNs()
	}
	return sum / all
}

// late counts the values of h above ns.
func late(h *hdr.Histogram, ns float64) (n int64) {
	for _, b := range h.Distribution() {
		if float64(b.From) > ns {
			n += b.Count
		}
	}
	return n
}

// JudgeOpen says whether an open loop's response times show the stalls and
// nothing else.
func (s *Stalls) JudgeOpen(response *hdr.Histogram) []result.Gate {
	longest := float64(s.longest())
	var out []result.Gate
	gate := func(name string, ok bool, format string, args ...any) {
		out = append(out, result.Gate{Name: name, OK: ok, Detail: fmt.Sprintf(format, args...)})
	}
	gate("injected", s.Threads > 0 && float64(s.ShortestNs) >= longest*(1-beginSlack),
		"%d threads of the broker stood still, for %v to %v", s.Threads, round(s.ShortestNs), round(s.longest()))

	want, got := s.ExpectedLate(), late(response, s.lateNs())
	slack := countSlack*want + countSpare*float64(len(s.LengthsNs))
	gate("late", math.Abs(float64(got)-want) <= slack,
		"%d requests were late by more than %v, expected %.0f ± %.0f", got, round(int64(s.lateNs())), want, slack)

	distance := s.distance(response)
	limit := math.Inf(1)
	if got > 0 {
		limit = 1.628 / math.Sqrt(float64(got))
	}
	gate("shape", got > 0 && distance <= limit,
		"distance of the late requests' times from an even spread: %.3f, limit %.3f (Kolmogorov-Smirnov, 1 %%)", distance, limit)

	peak := float64(response.Max())
	gate("peak", peak >= longest-2e9/s.PerSec && peak <= longest*(1+peakSlack),
		"the worst took %v, the longest stall %v", round(response.Max()), round(s.longest()))
	return out
}

// distance is Kolmogorov and Smirnov's between the late requests' times and
// what they have to be spread like; 1 when none is late.
func (s *Stalls) distance(h *hdr.Histogram) (worst float64) {
	n := late(h, s.lateNs())
	if n == 0 {
		return 1
	}
	seen := int64(0)
	for _, b := range h.Distribution() {
		if float64(b.From) <= s.lateNs() || b.Count == 0 {
			continue
		}
		f := s.expectedBelow(float64(b.To))
		before := float64(seen) / float64(n)
		seen += b.Count
		worst = max(worst, f-before-1/float64(n), float64(seen)/float64(n)-f)
	}
	return worst
}

// JudgeClosed says whether a closed loop on one connection, with one request
// under way, hides the stalls: one late answer each, and none at its p99.
func (s *Stalls) JudgeClosed(service *hdr.Histogram) []result.Gate {
	n, want := late(service, s.lateNs()), int64(len(s.LengthsNs))
	p99 := service.ValueAtPercentile(99)
	return []result.Gate{
		{Name: "closed-late", OK: n >= want && n <= want+1, Detail: fmt.Sprintf(
			"%d of %d requests of the closed loop were late, expected one for each of %d stalls", n, service.TotalCount(), want)},
		{Name: "closed-hides", OK: float64(p99) < s.lateNs(), Detail: fmt.Sprintf(
			"the closed loop's p99 is %v: whoever reads it sees no stall", round(p99))},
	}
}

// round makes a duration short.
func round(ns int64) time.Duration {
	d := time.Duration(ns)
	for _, unit := range []time.Duration{time.Second, time.Millisecond, time.Microsecond} {
		if d >= 10*unit {
			return d.Round(unit / 10)
		}
	}
	return d
}
