package experiment

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/workloads"
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
	// pressureShare is how much of the window some task may wait for memory that
	// is short.
	pressureShare = 0.05
	// othersShare is how much of the machine's CPU time may go to processes
	// that are not part of the cell, the kernel's own work included.
	othersShare = 0.05
	// lagShare is how much of the window may be over when the broker's counters are
	// first read.
	lagShare = 0.05
)

// judge adds the gates that follow from the numbers and says whether the cell counts.
func (a *attempt) judge() {
	if a.rec.Error == "" {
		s := &a.rec.Load
		a.oracle(s)
		a.answers(s)
		a.faulted()
		a.slip(s, a.r.run.Manifest.HostClass)
		a.marked(s)
		a.connected(s)
		a.classes(s)
		a.gate("kept-up", s.AchievedRatio >= keptUp, true,
			fmt.Sprintf("%.4f of the offered load acknowledged in time", s.AchievedRatio))
		a.late()
		a.agrees(s)
		a.begun(s)
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
		a.mark(" "+c.Class, c.Intended, c.CapHits, c.Failed, c.Outstanding, c.Unsent)
		a.inRange(" "+c.Class, c.Clamped, c.Negative)
	}
}

// marked is advisory: at the cap an open loop is one no longer, and what was
// given up is in the histograms at a value that it did not have.
func (a *attempt) marked(s *load.Summary) {
	a.mark("", s.Intended, s.CapHits, s.Failed, s.Outstanding, s.Unsent)
	a.inRange("", s.Clamped, s.Negative)
}

// mark does so for the requests of one kind.
func (a *attempt) mark(of string, intended, capHits, failed, outstanding, unsent int64) {
	if capHits > 0 {
		a.gate("cap"+of, false, true, fmt.Sprintf("%d of %d requests found their connection at its cap of outstanding ones", capHits, intended))
	}
	if censored := failed + outstanding + unsent; censored > 0 {
		a.gate("censored"+of, false, true, fmt.Sprintf("%d of %d requests are in the histograms as censored: %d failed, %d unanswered, %d never sent",
			censored, intended, failed, outstanding, unsent))
	}
}

// inRange marks times that a histogram cannot hold, which are in it at its ends.
func (a *attempt) inRange(of string, above, below int64) {
	if above+below > 0 {
		a.gate("range"+of, false, true, fmt.Sprintf("%d times were longer than a histogram holds and %d were negative: they are in it at its ends", above, below))
	}
}

// connected marks a cell whose connections are not those that were asked for: the
// broker has more leaders, as shards with routing=direct, or has ended silent ones. Its
// load is then another than that of the other arms.
func (a *attempt) connected(s *load.Summary) {
	if w := a.c.spec.Workload; s.Connections > w.Connections {
		a.gate("connections", false, true, fmt.Sprintf("%d connections, one for every leader, where %d were asked for: up to %d requests outstanding instead of %d",
			s.Connections, w.Connections, s.Connections*w.Inflight, w.Connections*w.Inflight))
	}
	if want := a.c.spec.Workload.IdleConnections; s.Idle < want {
		a.gate("idle-connections", false, true, fmt.Sprintf("%d of %d connections that were to stay silent were still there at the end", s.Idle, want))
	}
}

// slip is advisory on class C: a late request shows in the response time, which
// runs from the intended moment, so the number is honest and the blame is not
// clear. On better machines nobody but the generator is late, and the cell is
// left out. At the cap the wait is the broker's doing, which excuses as many late
// requests as met it and no others.
func (a *attempt) slip(s *load.Summary, class host.Class) {
	limit := max(slipFloorNs, int64(slipShare*float64(s.Response.P99Ns)))
	held := heldBack(s)
	if held == 0 {
		a.gate("slip", s.Slip.P99Ns <= limit, class == host.ClassC,
			fmt.Sprintf("p99 of lateness %d ns, limit %d ns", s.Slip.P99Ns, limit))
		return
	}
	intervals, err := a.intervals("slip")
	if err != nil {
		a.gate("slip", false, true, err.Error())
		return
	}
	late, others := lateBeside(intervals, limit, held)
	a.gate("slip", !often(late, others), class == host.ClassC,
		fmt.Sprintf("%d requests waited for their connection's cap; of %d others at least %d were more than %d ns late", held, others, late, limit))
}

// heldBack is how many requests waited for their connection's cap before they were
// sent. A client library takes requests at any time; there the wait is in the service.
func heldBack(s *load.Summary) int64 {
	if s.Driver == workloads.Franz {
		return 0
	}
	return s.CapHits
}

// lateBeside is how many requests there are beside some that were held back, and how
// many of them, if those were the latest, were later than a limit.
func lateBeside(intervals []*hdr.Histogram, limitNs, held int64) (late, others int64) {
	for _, h := range intervals {
		others += h.TotalCount()
		for _, bar := range h.Distribution() {
			if bar.From > limitNs {
				late += bar.Count
			}
		}
	}
	return max(0, late-held), max(0, others-held)
}

// often is more than one in a hundred: p99 is beyond the limit.
func often(late, of int64) bool { return 100*late > of }

// toldBy is advisory: threads of the broker that were kept from answering have their
// latest requests in no stage of its log.
func (a *attempt) toldBy(stages []byte) {
	if _, after, ok := bytes.Cut(stages, []byte("[Stale threads: ")); ok {
		n, _, _ := bytes.Cut(after, []byte("]"))
		a.gate("stages", string(n) == "0", true, fmt.Sprintf("%s threads did not say in time how long their requests took", n))
	}
}

// late is advisory: what messages cost is over what was counted, and the more of the
// window was not the less it is known.
func (a *attempt) late() {
	missed := max(0, 1-a.rec.Share())
	a.gate("counters", missed <= lagShare, true, fmt.Sprintf("the counters' window lacks %.4f of the load's, limit %.4f", missed, lagShare))
}

// disturbed: what others did to the machine meanwhile.
func (a *attempt) disturbed() {
	limit := stealC
	if a.r.run.Manifest.HostClass != host.ClassC {
		limit = stealB
	}
	if share := a.rec.Noise.StealShare(len(a.r.placement.Used())); share >= 0 {
		a.gate("steal", share <= limit, false, fmt.Sprintf("%.4f of the time of the CPUs in use, limit %.4f", share, limit))
	}
	online, _ := a.r.machine.Online() // none: the share is unknown
	if share := a.rec.Noise.OthersShare(len(online), a.ours()); share >= 0 {
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

// ours is the CPU time of both sides while the noise was read. That begins with the
// counters, ahead of the load's window, and the generator works then as it does in it:
// one that polls uses all of its CPU.
func (a *attempt) ours() int64 {
	return a.rec.Server.CPUNs() + int64(float64(a.rec.Load.CPUNs)*max(1, a.rec.Share()))
}
