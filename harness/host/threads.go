package host

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ThreadCost is what the kernel has counted for one thread since it started, or
// over a span. -1 where it does not tell.
type ThreadCost struct {
	ID           int    `json:"id"`
	Name         string `json:"name"`
	RunNs        int64  `json:"run_ns"`       // on a CPU
	RunDelayNs   int64  `json:"run_delay_ns"` // ready to run, and not running
	CtxVoluntary int64  `json:"ctx_voluntary"`
	CtxForced    int64  `json:"ctx_involuntary"`
	Migrations   int64  `json:"migrations"`
	MinorFaults  int64  `json:"minor_faults"`
	MajorFaults  int64  `json:"major_faults"`
	// SystemCalls is what the kernel counted if it was asked to, those of threads
	// that it made meanwhile included; nil where not.
	SystemCalls *int64 `json:"system_calls,omitempty"`
}

// ThreadCosts reads the counters of every thread of pid, by id; none when it is gone.
func (m Machine) ThreadCosts(pid int) (out []ThreadCost) {
	tasks, _ := filepath.Glob(m.path("/proc/" + strconv.Itoa(pid) + "/task/*"))
	for _, task := range tasks {
		status := keyed(task + "/status")
		if len(status) == 0 {
			continue // it has ended since
		}
		t := ThreadCost{
			ID: int(atoi(filepath.Base(task))), Name: status["Name"], RunNs: -1, RunDelayNs: -1, Migrations: -1,
			CtxVoluntary: atoi(status["voluntary_ctxt_switches"]), CtxForced: atoi(status["nonvoluntary_ctxt_switches"]),
			MinorFaults: -1, MajorFaults: -1,
		}
		if f := strings.Fields(fileText(task + "/schedstat")); len(f) == 3 {
			t.RunNs, t.RunDelayNs = atoi(f[0]), atoi(f[1])
		}
		if n, ok := keyed(task + "/sched")["se.nr_migrations"]; ok {
			t.Migrations = atoi(n)
		}
		stat := fileText(task + "/stat")
		if f := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]); len(f) > 9 {
			t.MinorFaults, t.MajorFaults = atoi(f[7]), atoi(f[9])
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b ThreadCost) int { return a.ID - b.ID })
	return out
}

// CostsSince is what each thread cost between two readings. One that was made
// meanwhile counts from its beginning, one that has ended is not in it.
func CostsSince(before, after []ThreadCost) []ThreadCost {
	was := map[int]ThreadCost{}
	for _, t := range before {
		was[t.ID] = t
	}
	sub := func(now, then int64) int64 {
		if now < 0 || then < 0 {
			return -1
		}
		return now - then
	}
	out := slices.Clone(after)
	for i := range out {
		t, b := &out[i], was[out[i].ID]
		t.RunNs, t.RunDelayNs = sub(t.RunNs, b.RunNs), sub(t.RunDelayNs, b.RunDelayNs)
		t.CtxVoluntary, t.CtxForced = t.CtxVoluntary-b.CtxVoluntary, t.CtxForced-b.CtxForced
		t.Migrations = sub(t.Migrations, b.Migrations)
		t.MinorFaults, t.MajorFaults = sub(t.MinorFaults, b.MinorFaults), sub(t.MajorFaults, b.MajorFaults)
	}
	return out
}
