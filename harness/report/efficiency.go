package report

import (
	"slices"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// Efficiency is an arm at one load beside the arm that the experiment declared
// as its baseline.
type Efficiency struct {
	Workload   string `json:"workload"`
	Durability string `json:"durability"`
	Load       string `json:"load"`
	Arm        string `json:"arm"`
	Blocks     int    `json:"blocks"`
	// Requests acknowledged per second of the broker's CPU time: the median of
	// the blocks and their range.
	PerCPUSecond Range        `json:"requests_per_cpu_second"`
	P50          stats.Number `json:"p50_ns"`
	P99          stats.Number `json:"p99_ns"`
	// BytesPerSec are of acknowledged record values.
	BytesPerSec Range `json:"payload_bytes_per_sec"`
	// Switches are the broker's context switches and LockWait the time its
	// threads waited for locks, for each acknowledged request.
	Switches stats.Number `json:"context_switches_per_request"`
	LockWait stats.Number `json:"lock_wait_ns_per_request"`
	// Ratio is requests per CPU-second over the baseline's, paired by block.
	Ratio stats.Number `json:"ratio"`
	Lo    stats.Number `json:"ratio_lo"`
	Hi    stats.Number `json:"ratio_hi"`
	Level float64      `json:"level"`
	Words string       `json:"words"`
	// OfLimit is bytes per second over the smaller of the machine's limits, both
	// medians; not a number where none was probed.
	OfLimit stats.Number `json:"of_limit_ratio"`
}

// Range is a median and what lies about it.
type Range struct {
	Median stats.Number `json:"median"`
	Min    stats.Number `json:"min"`
	Max    stats.Number `json:"max"`
	N      int          `json:"n"`
}

func rangeOf(values []float64) Range {
	if len(values) == 0 {
		none := stats.Refuse("not measured")
		return Range{none, none, none, 0}
	}
	at := func(v float64) stats.Number { return stats.Of(stats.Round(v)) }
	return Range{at(figure.Median(values)), at(slices.Min(values)), at(slices.Max(values)), len(values)}
}

// Limits is what the machine itself did, over the blocks.
type Limits struct {
	Disk     Range        `json:"disk_bytes_per_sec"`
	Loopback Range        `json:"loopback_bytes_per_sec"`
	Smaller  stats.Number `json:"smaller_bytes_per_sec"`
	Which    string       `json:"which"`
}

// limits sums the probes up; nil when there were none.
func limits(r *result.Run) (*Limits, error) {
	all, err := r.Limits()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var disk, loopback []float64
	for _, l := range all {
		if l.DiskPerSec > 0 {
			disk = append(disk, l.DiskPerSec)
		}
		if l.LoopbackPerSec > 0 {
			loopback = append(loopback, l.LoopbackPerSec)
		}
	}
	out := &Limits{Disk: rangeOf(disk), Loopback: rangeOf(loopback)}
	out.Smaller, out.Which = out.Disk.Median, "the disk"
	d, okDisk := out.Disk.Median.Get()
	if l, ok := out.Loopback.Median.Get(); ok && (!okDisk || l < d) {
		out.Smaller, out.Which = out.Loopback.Median, "loopback"
	}
	return out, nil
}

// efficiencies sets every arm beside the declared baseline. The ratio is that of
// CPU time per message turned over: messages and requests of one workload are in
// proportion.
func (a *Analysis) efficiencies(d data) {
	a.each(func(g *Group, p *Point) {
		for _, arm := range p.Arms {
			if arm.Replicate {
				continue
			}
			row := Efficiency{
				Workload: g.Workload, Durability: g.Durability, Load: p.Load, Arm: arm.Arm, Blocks: arm.Blocks,
				P50: arm.Response.P50, P99: arm.Response.P99,
			}
			if contains(p.Saturated, arm.Arm) {
				none := stats.Refuse("saturated: it would be how long the run was")
				row.P50, row.P99 = none, none
			}
			var perCPU, bytes []float64
			for _, r := range d[where{g.Workload, g.Durability, p.LoadPerSec}][who{arm.Arm, false}].list() {
				if ns := r.Server.CPUNs(); ns > 0 {
					perCPU = append(perCPU, float64(r.Load.Acked)*r.Held()*1e9/float64(ns))
				}
				if ns := r.Load.EndMonotonicNs - r.Load.StartMonotonicNs; ns > 0 {
					bytes = append(bytes, float64(r.Load.PayloadBytes)*r.InTime()*1e9/float64(ns))
				}
			}
			row.Switches, row.LockWait = stats.Refuse("not told"), stats.Refuse("not told")
			if in := arm.Inside; in != nil {
				row.Switches, row.LockWait = in.Switches, in.LockWait
			}
			row.PerCPUSecond, row.BytesPerSec = rangeOf(perCPU), rangeOf(bytes)
			row.Ratio, row.Lo, row.Hi = stats.Refuse("the baseline"), stats.Refuse("the baseline"), stats.Refuse("the baseline")
			for _, c := range p.Compared {
				if c.A == arm.Arm && c.Quantity == "cpu_per_message" {
					row.Ratio, row.Lo, row.Hi = inverse(c.Ratio), inverse(c.Hi), inverse(c.Lo)
					row.Level, row.Words = c.Level, c.Words
					if c.Verdict == stats.Resolved { // of the ratio that was turned over
						row.Words = map[string]string{"lower": "higher", "higher": "lower"}[c.Words]
					}
				}
			}
			row.OfLimit = stats.Refuse("no limit was probed")
			if a.Limits != nil {
				b, ok := row.BytesPerSec.Median.Get()
				l, _ := a.Limits.Smaller.Get()
				row.OfLimit = over(b, l, ok, "not measured")
			}
			a.Efficiency = append(a.Efficiency, row)
		}
	})
}

func inverse(n stats.Number) stats.Number {
	v, ok := n.Get()
	if !ok || v == 0 {
		return n
	}
	return stats.Of(stats.Round(1 / v))
}

func efficiencyRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load", "arm", "blocks", "requests_per_cpu_second", "min", "max", "response_p50_ns", "response_p99_ns",
		"payload_bytes_per_sec", "payload_min", "payload_max", "context_switches_per_request", "lock_wait_ns_per_request", "ratio_to_" + a.Baseline, "lo", "hi", "level", "of_limit_ratio",
	}}
	for _, e := range a.Efficiency {
		rows = append(rows, []string{
			e.Workload, e.Durability, e.Load, e.Arm, plain(float64(e.Blocks)), field(e.PerCPUSecond.Median), field(e.PerCPUSecond.Min), field(e.PerCPUSecond.Max),
			field(e.P50), field(e.P99), field(e.BytesPerSec.Median), field(e.BytesPerSec.Min), field(e.BytesPerSec.Max),
			field(e.Switches), field(e.LockWait), field(e.Ratio), field(e.Lo), field(e.Hi), plain(e.Level), field(e.OfLimit),
		})
	}
	return rows
}

// insideRows is the report's table of the same name.
func insideRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load", "arm", "replicate", "threads", "busy_mean_ratio", "busy_min_ratio", "busy_max_ratio", "spin_mean_ratio",
		"network_processor_idle_ratio", "request_handler_idle_ratio", "context_switches_per_request", "lock_wait_ns_per_request",
		"remote_parts_ratio", "hop_p50_ns", "hop_p99_ns", "device_write_p50_ns", "device_write_p99_ns", "append_write_amplification",
		"storage_write_amplification", "stalls", "gc_cycles", "gc_cpu_ratio", "gc_pauses_ratio", "steal_ratio", "go_heap_bytes", "arena_used_bytes",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			in := x.Inside
			if in == nil {
				continue
			}
			row := []string{g.Workload, g.Durability, p.Load, x.Arm, map[bool]string{false: "false", true: "true"}[x.Replicate], plain(float64(len(in.Workers)))}
			for _, n := range []stats.Number{
				in.BusyMean, in.BusyMin, in.BusyMax, in.SpinMean, in.NetworkIdle, in.HandlerIdle, in.Switches, in.LockWait, in.Remote, in.HopP50, in.HopP99, in.WriteP50, in.WriteP99, in.AppendWritten,
				in.Storage, in.Stalls, in.GCCycles, in.GCCPU, in.GCPauses, in.Steal, in.GoHeap, in.ArenaUsed,
			} {
				row = append(row, field(n))
			}
			rows = append(rows, row)
		}
	})
	return rows
}
