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
		WindowNs: 1e9, CtxVol: 200, CtxInvol: 50, EventCounts: host.EventCounts{NoEvents: "no such counter", NoL1D: "no such cache"},
		PerThread: []host.ThreadCost{
			{ID: 1, Name: "shard-0", RunNs: 5e8, RunDelayNs: 1e6, CtxVoluntary: 150, CtxForced: 50, Migrations: 3, MinorFaults: 10},
			{ID: 2, Name: "ceteris", RunNs: 1e8, RunDelayNs: 2e6, CtxVoluntary: 50, Migrations: 1, MinorFaults: 0, MajorFaults: 2},
			{ID: 3, Name: "ceteris", RunNs: 1e8, RunDelayNs: 2e6},
		},
	}, Hiccups: &host.Hiccups{Count: 368, MaxNs: 5000, P99Ns: 700}}
	c.Load.Records = 100
	if change != nil {
		change(c)
	}
	return &run{CellRecord: c, look: &look{
		payload: 50,
		begin: result.Metrics{
			"ceteris_hops_total": 10, "ceteris_go_gc_cpu_seconds_total": 1, "ceteris_go_sched_latency_seconds_sum": 2,
			`ceteris_system_calls_total{kind="loop",thread="shard-0"}`: 100, `ceteris_system_calls_total{kind="file",thread="all"}`: 1,
		},
		end: result.Metrics{
			"ceteris_hops_total": 60, "ceteris_go_gc_cpu_seconds_total": 1.5, "ceteris_go_sched_latency_seconds_sum": 2.25,
			`ceteris_system_calls_total{kind="loop",thread="shard-0"}`: 300, `ceteris_system_calls_total{kind="file",thread="all"}`: 51,
			`ceteris_copied_bytes_total{place="receive",thread="shard-0"}`: 10, `ceteris_copied_bytes_total{place="append",thread="shard-0"}`: 55,
			`ceteris_copied_bytes_total{place="append",thread="shard-1"}`: 10,
		},
	}}
}

// TestCost: counts are per message over all blocks, and what is not told is
// refused with its reason instead of being 0.
func TestCost(t *testing.T) {
	cycles, misses, calls := int64(5000), int64(70), int64(900)
	told := func(c *result.CellRecord) {
		c.Server.Cycles, c.Server.CacheMisses, c.Server.SystemCalls = &cycles, &misses, &calls
		c.Server.PerThread[0].SystemCalls = &calls
	}
	c := cost([]*run{costly(told), costly(told)})
	for name, x := range map[string]struct {
		got  stats.Number
		want float64
	}{
		"cycles": {c.Cycles, 50}, "cache misses": {c.CacheMisses, 0.7}, "system calls": {c.KernelCalls, 9},
		"own system calls": {c.Syscalls, 2.5}, "copied": {c.Copied, 1.5}, "copied in appending": {c.Copies[1].PerByte, 1.3},
		"own system calls of a shard": {c.Threads[1].OwnCalls, 2}, "system calls of a shard": {c.Threads[1].Syscalls, 9},
		"voluntary": {c.Voluntary, 2}, "forced": {c.Forced, 0.5},
		"migrations": {c.Migrations, 8}, "minor faults": {c.MinorFaults, 0.1}, "major faults": {c.MajorFaults, 4},
		"run delay": {c.RunDelay, 5e4}, "hops": {c.Hops, 0.5}, "GC": {c.GCCPU, 5e6}, "goroutines' waits": {c.GoDelay, 2.5e6}, "hiccup": {c.Hiccup, 5000}, "hiccup p99": {c.HiccupP99, 700},
	} {
		if v, ok := x.got.Get(); !ok || math.Abs(v-x.want) > 1e-9*x.want {
			t.Errorf("%s: %v (%s), want %v", name, v, x.got.Refusal(), x.want)
		}
	}
	for name, x := range map[string]struct {
		got stats.Number
		why string
	}{
		"instructions": {c.Instructions, "no such counter"}, "L1 misses": {c.L1DMisses, "no such cache"},
		"system calls of other threads": {c.Threads[0].Syscalls, "not asked"}, "their own": {c.Threads[0].OwnCalls, "no thread"},
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
	// A p99 of the machine's hiccups takes as many as any other.
	c = cost([]*run{costly(nil), costly(func(c *result.CellRecord) { c.Hiccups.Count = 205 })})
	if !c.Hiccup.OK() || c.HiccupP99.OK() || !strings.Contains(c.HiccupP99.Refusal(), "needs 368 samples, 205 there") {
		t.Errorf("hiccups: worst %v, p99 %v (%s)", c.Hiccup, c.HiccupP99, c.HiccupP99.Refusal())
	}
	// Results of earlier versions know a shard's own loop, and no copies.
	old := costly(nil)
	old.look.begin, old.look.end = result.Metrics{}, result.Metrics{`ceteris_reactor_syscalls_total{shard="0"}`: 400}
	c = cost([]*run{old})
	if v, _ := c.Syscalls.Get(); v != 4 || c.Copied.OK() || c.Copies != nil || c.KernelCalls.OK() {
		t.Errorf("an earlier result: %v system calls, by the kernel %v, copied %v", v, c.KernelCalls.OK(), c.Copied.OK())
	}
	if cost([]*run{costly(func(c *result.CellRecord) { c.Server.PerThread = nil })}) != nil {
		t.Error("a result of an earlier version has costs")
	}
}
