package experiment

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/steady"
)

// The thresholds are fixed here, before anything is measured.
const (
	// slipShare is how much of the response time at p99 may be the generator's
	// own lateness while no connection is at its cap.
	slipShare = 0.10
	// slipFloorNs is lateness that no measurement here resolves.
	slipFloorNs = 20_000
	// keptUp is the share of the offered load that must be acknowledged within
	// the window; below it the point is saturated.
	keptUp = 0.99
	// stealB and stealC are how much of the CPU time the hypervisor may take,
	// on dedicated machines and on others.
	stealB, stealC = 0.001, 0.05
	// pressureShare is how much of the window some task may wait for I/O or
	// memory that is short.
	pressureShare = 0.05
	// othersShare is how much of the machine's CPU time may go to processes
	// that are not part of the cell, the kernel's own work included.
	othersShare = 0.05
)

// judge adds the gates that follow from the numbers and says whether the cell counts.
func (a *attempt) judge() {
	if a.rec.Error == "" {
		s := &a.rec.Load
		a.oracle(s)
		a.answers(s)
		a.slip(s, a.r.run.Manifest.HostClass)
		a.marked(s)
		a.classes(s)
		a.gate("kept-up", s.AchievedRatio >= keptUp, true,
			fmt.Sprintf("%.4f of the offered load acknowledged in time", s.AchievedRatio))
		a.steady()
		a.disturbed()
		a.quiet()
	}
	a.rec.Valid = a.rec.Error == ""
	for _, g := range a.rec.Gates {
		if !g.OK && !g.Advisory {
			a.rec.Valid = false
		}
	}
}

// oracle: nothing acknowledged may be lost, twice, out of order or damaged.
func (a *attempt) oracle(s *load.Summary) {
	c := &s.Consumer
	if c.Consumers == 0 {
		return
	}
	bad := c.Lost + c.Duplicated + c.Reordered + c.Corrupt
	a.gate("oracle", bad == 0, false, fmt.Sprintf("%d records fetched: %d lost, %d duplicated, %d reordered, %d corrupt (drained: %v)",
		c.Records, c.Lost, c.Duplicated, c.Reordered, c.Corrupt, c.Drained))
}

// answers: a cell in which requests failed measured something else.
func (a *attempt) answers(s *load.Summary) {
	a.gate("answers", s.Failed == 0 && s.Acked > 0, false, acknowledged(s.Acked, s.Intended, s.Errors))
}

// acknowledged says how many requests were and what happened to others.
func acknowledged(acked, intended int64, errors map[string]int64) string {
	detail := fmt.Sprintf("%d of %d requests acknowledged", acked, intended)
	for i, name := range slices.Sorted(maps.Keys(errors)) {
		detail += fmt.Sprintf("%s %s × %d", [...]string{";", ","}[min(i, 1)], name, errors[name])
	}
	return detail
}

// classes: what holds for the produce load holds for the rest of it.
func (a *attempt) classes(s *load.Summary) {
	for i := range s.Classes {
		c := &s.Classes[i]
		a.gate("class "+c.Class, c.Failed == 0 && (c.Acked > 0 || c.Intended == 0), false, acknowledged(c.Acked, c.Intended, c.Errors))
	}
}

// marked is advisory: at the cap an open loop is one no longer, and what was
// given up is in the histograms at a value that it did not have.
func (a *attempt) marked(s *load.Summary) {
	if s.CapHits > 0 {
		a.gate("cap", false, true, fmt.Sprintf("%d of %d requests found their connection at its cap of outstanding ones", s.CapHits, s.Intended))
	}
	if s.Censored > 0 {
		a.gate("censored", false, true, fmt.Sprintf("%d of %d requests are in the histograms as censored: %d failed, %d unanswered, %d never sent",
			s.Censored, s.Intended, s.Failed, s.Outstanding, s.Unsent))
	}
}

// slip is advisory on class C: a late request shows in the response time, which
// runs from the intended moment, so the number is honest and the blame is not
// clear. On better machines nobody but the generator is late, and the cell is
// left out. At the cap the wait is the broker's doing.
func (a *attempt) slip(s *load.Summary, class host.Class) {
	if s.CapHits > 0 {
		a.gate("slip", true, true, fmt.Sprintf("%d requests waited for their connection's cap", s.CapHits))
		return
	}
	limit := max(slipFloorNs, int64(slipShare*float64(s.Response.P99Ns)))
	a.gate("slip", s.Slip.P99Ns <= limit, class == host.ClassC,
		fmt.Sprintf("p99 of lateness %d ns, limit %d ns", s.Slip.P99Ns, limit))
}

// steady is advisory: a window that moved is still what was asked for, and its
// numbers are those of that window.
func (a *attempt) steady() {
	intervals, err := result.ReadLog(filepath.Join(a.dir, "response.hlog"))
	if err == nil {
		intervals, err = steady.ByTime(intervals)
	}
	if err != nil {
		a.gate("steady", false, true, err.Error())
		return
	}
	v := steady.Judge(intervals)
	a.gate("steady", v.OK(), true, v.String())
}

// disturbed: what others did to the machine meanwhile.
func (a *attempt) disturbed() {
	limit := stealC
	if a.r.run.Manifest.HostClass != host.ClassC {
		limit = stealB
	}
	online, err := a.r.machine.Online()
	if share := a.rec.Noise.StealShare(len(online)); err == nil && share >= 0 {
		a.gate("steal", share <= limit, false, fmt.Sprintf("%.4f of the CPU time, limit %.4f", share, limit))
	}
	if share := a.rec.Noise.OthersShare(len(online), a.rec.Server.CPUNs()+a.rec.Load.CPUNs); share >= 0 {
		a.gate("others", share <= othersShare, true, fmt.Sprintf("%.4f of the machine's CPU time went elsewhere, limit %.4f", share, othersShare))
	}
	if n := a.rec.Noise; n.ThrottledUs >= 0 {
		a.gate("throttled", n.ThrottledUs == 0, false, fmt.Sprintf("%d µs over the CPU quota", n.ThrottledUs))
	}
	if n := a.rec.Noise; n.PSIMemoryUs >= 0 && n.AtNs > 0 {
		share := float64(n.PSIMemoryUs) * 1e3 / float64(n.AtNs)
		a.gate("memory-pressure", share <= pressureShare, true, fmt.Sprintf("%.4f of the window", share))
	}
}
