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
	// countSlack is by how much a number of late requests may be off, and
	// countSpare the requests that may beside: those due as a stall began and ended.
	countSlack, countSpare = 0.05, 2
	// peakSlack is how much above the stall the worst may be, as share of it: a
	// broker that goes on has a backlog to work off before its first answers leave.
	peakSlack = 0.1
	// beginSlack is how much later one thread may begin to stand still than another.
	beginSlack = 0.05
)

// finding is a gate of a test. More says that it fails when more is seen than was
// injected, which the machine can do of its own; the others fail when less is
// seen, for which there is no excuse: a machine never makes requests faster.
type finding struct {
	result.Gate
	More bool
}

func find(more, ok bool, name, format string, args ...any) finding {
	return finding{result.Gate{Name: name, OK: ok, Detail: fmt.Sprintf(format, args...)}, more}
}

// lateNs is the threshold for late requests.
func (s *Stalls) lateNs() float64 { return lateShare * float64(s.longest()) }

func (s *Stalls) longest() (most int64) {
	for _, n := range s.LengthsNs {
		most = max(most, n)
	}
	return most
}

// expectedAbove is how many requests have to be late by more than ns in all, when
// the broker's first answers leave restNs after it goes on: those due at equal
// steps until so much was left.
func (s *Stalls) expectedAbove(ns, restNs float64) (n float64) {
	for _, l := range s.LengthsNs {
		n += s.PerSec * max(float64(l)+restNs-ns, 0) / 1e9
	}
	return n
}

// slack is what a number of late requests may be off.
func (s *Stalls) slack(want float64) float64 {
	return countSlack*want + countSpare*float64(len(s.LengthsNs))
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
func (s *Stalls) JudgeOpen(response *hdr.Histogram) (out []finding) {
	longest, peak := float64(s.longest()), float64(response.Max())
	injected := s.injected()
	out = append(out, find(true, injected, "injected",
		"%d threads of the broker stood still, for %v to %v, asked for %v", s.Threads, round(s.ShortestNs), round(s.longest()), stallLength))

	got := late(response, s.lateNs())
	at, missing := s.missing(response)
	want := s.expectedAbove(at, 0)
	out = append(out, find(false, missing <= s.slack(want), "late",
		"%d requests were late by more than %v; by more than %v, where they are fewest beside what has to be, %d of %.0f ± %.0f",
		got, round(int64(s.lateNs())), round(int64(at)), late(response, at), want, s.slack(want)))

	rest := min(max(peak-longest, 0), peakSlack*longest)
	most := s.expectedAbove(s.lateNs(), rest)
	out = append(out, find(true, float64(got) <= most+s.slack(most), "no others",
		"%d requests were late by more than %v, expected at most %.0f ± %.0f with the %v until the first answer left",
		got, round(int64(s.lateNs())), most, s.slack(most), round(int64(rest))))

	distance, limit := s.distance(response), math.Inf(1)
	if got > 0 {
		limit = 1.628 / math.Sqrt(float64(got))
	}
	out = append(out, find(true, got > 0 && distance <= limit, "shape",
		"distance of the late requests' times from an even spread: %.3f, limit %.3f (Kolmogorov-Smirnov, 1 %%)", distance, limit))

	detail := "the worst took %v, the longest stall %v"
	out = append(out,
		find(false, peak >= longest-2e9/s.PerSec, "peak", detail, round(response.Max()), round(s.longest())),
		find(true, peak <= longest*(1+peakSlack), "no worse", detail, round(response.Max()), round(s.longest())))
	return s.excused(out)
}

// injected reports whether every thread stood still for as long as was asked.
func (s *Stalls) injected() bool {
	return s.Threads > 0 && float64(s.ShortestNs) >= float64(max(s.longest(), int64(stallLength)))*(1-beginSlack)
}

// excused is findings about stalls that a thread joined late, if one did: it served
// requests meanwhile, which is not the instrument's fault.
func (s *Stalls) excused(all []finding) []finding {
	for i := range all {
		all[i].More = all[i].More || !s.injected()
	}
	return all
}

// missing is how many requests are missing at most among those late by more than
// some time, and that time, from the threshold to the longest stall.
func (s *Stalls) missing(h *hdr.Histogram) (atNs, n float64) {
	n = math.Inf(-1)
	above := late(h, s.lateNs())
	look := func(ns float64) {
		if m := s.expectedAbove(ns, 0) - float64(above); m > n {
			atNs, n = ns, m
		}
	}
	// Between two counted times the most is missing at the earlier one.
	look(s.lateNs())
	for _, b := range h.Distribution() {
		if float64(b.From) > s.lateNs() && b.Count > 0 {
			above -= b.Count
			look(float64(b.To))
		}
	}
	return atNs, n
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
func (s *Stalls) JudgeClosed(service *hdr.Histogram) []finding {
	n, want := late(service, s.lateNs()), int64(len(s.LengthsNs))
	p99 := service.ValueAtPercentile(99)
	detail := "%d of %d requests of the closed loop were late, expected one for each of %d stalls"
	return s.excused([]finding{
		find(false, n >= want, "closed-late", detail, n, service.TotalCount(), want),
		find(true, n <= want+1, "closed-others", detail, n, service.TotalCount(), want),
		find(true, float64(p99) < s.lateNs(), "closed-hides",
			"the closed loop's p99 is %v: whoever reads it sees no stall", round(p99)),
	})
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
