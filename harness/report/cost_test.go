package report

import (
	"math"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// costly is a cell of 100 messages in a window of 1 s.
func costly(change func(*result.CellRecord)) *run {
	c := &result.CellRecord{Server: result.ServerCounters{
		WindowNs: 1e9, CtxVol: 200, CtxInvol: 50, NoEvents: "no such counter",
		PerThread: []host.ThreadCost{
			{ID: 1, Name: "shard-0", RunNs: 5e8, RunDelayNs: 1e6, CtxVoluntary: 150, CtxForced: 50, Migrations: 3, MinorFaults: 10},
			{ID: 2, Name: "ceteris", RunNs: 1e8, RunDelayNs: 2e6, CtxVoluntary: 50, Migrations: 1, MinorFaults: 0, MajorFaults: 2},
			{ID: 3, Name: "ceteris", RunNs: 1e8, RunDelayNs: 2e6},
		},
	}, Hiccups: &host.Hiccups{Count: 9, MaxNs: 5000, P99Ns: 700}}
	c.Load.Records = 100
	if change != nil {
		change(c)
	}
	return &run{CellRecord: c, look: &look{
		begin: result.Metrics{"ceteris_hops_total": 10, "ceteris_go_gc_cpu_seconds_total": 1},
		end:   result.Metrics{"ceteris_hops_total": 60, "ceteris_go_gc_cpu_seconds_total": 1.5},
	}}
}

// TestCost: counts are per message over all blocks, and what is not told is
// refused with its reason instead of being 0.
func TestCost(t *testing.T) {
	cycles := int64(5000)
	told := func(c *result.CellRecord) { c.Server.Cycles = &cycles }
	c := cost([]*run{costly(told), costly(told)})
	for name, x := range map[string]struct {
		got  stats.Number
		want float64
	}{
		"cycles": {c.Cycles, 50}, "voluntary": {c.Voluntary, 2}, "forced": {c.Forced, 0.5},
		"migrations": {c.Migrations, 8}, "minor faults": {c.MinorFaults, 0.1}, "major faults": {c.MajorFaults, 4},
		"run delay": {c.RunDelay, 5e4}, "hops": {c.Hops, 0.5}, "GC": {c.GCCPU, 5e6}, "hiccup": {c.Hiccup, 5000}, "hiccup p99": {c.HiccupP99, 700},
	} {
		if v, ok := x.got.Get(); !ok || math.Abs(v-x.want) > 1e-9*x.want {
			t.Errorf("%s: %v (%s), want %v", name, v, x.got.Refusal(), x.want)
		}
	}
	for name, x := range map[string]struct {
		got stats.Number
		why string
	}{
		"instructions": {c.Instructions, "no such counter"}, "system calls": {c.Syscalls, "does not count"},
		"lock wait": {c.LockWait, "no locks"}, "storage": {c.Storage, "does not tell"},
	} {
		if x.got.OK() || !strings.Contains(x.got.Refusal(), x.why) {
			t.Errorf("%s: told %v, refused with %q, want a refusal because of %q", name, x.got.OK(), x.got.Refusal(), x.why)
		}
	}
	if len(c.Threads) != 2 || c.Threads[0].Name != "ceteris" || c.Threads[0].Threads != 2 {
		t.Fatalf("threads: %+v, want ceteris twice and shard-0", c.Threads)
	}
	if v, _ := c.Threads[1].CPU.Get(); v != 0.5 {
		t.Errorf("shard-0 used %v of its CPU, want 0.5", v)
	}
	// One window that does not tell spoils the sum.
	c = cost([]*run{costly(told), costly(nil)})
	if c.Cycles.OK() {
		t.Errorf("half of the cycles were taken for all: %+v", c.Cycles)
	}
	if cost([]*run{costly(func(c *result.CellRecord) { c.Server.PerThread = nil })}) != nil {
		t.Error("a result of an earlier version has costs")
	}
}
