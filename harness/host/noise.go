package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Noise is what disturbed the machine, as totals since boot ([Machine.Noise])
// or over a span ([Noise.Since]). A field is -1 when the kernel does not tell.
type Noise struct {
	StealMs     int64 `json:"steal_ms"`      // CPU time the hypervisor gave to others, all CPUs
	PSICPUUs    int64 `json:"psi_cpu_us"`    // some task waited for a CPU
	PSIIOUs     int64 `json:"psi_io_us"`     // some task waited for I/O
	PSIMemoryUs int64 `json:"psi_memory_us"` // some task waited for memory
	ThrottledUs int64 `json:"throttled_us"`  // the control group was over its CPU quota
	BusyMs      int64 `json:"busy_ms"`       // CPU time used by anybody, all CPUs
	AtNs        int64 `json:"at_ns"`         // moment, or length of the span
}

// Noise reads the totals.
func (m Machine) Noise() Noise {
	n := Noise{StealMs: -1, BusyMs: -1, ThrottledUs: -1, AtNs: time.Now().UnixNano()}
	n.PSICPUUs = m.pressure("cpu")
	n.PSIIOUs = m.pressure("io")
	n.PSIMemoryUs = m.pressure("memory")
	line, _, _ := strings.Cut(m.read("/proc/stat"), "\n")
	// cpu user nice system idle iowait irq softirq steal guest guest_nice, in ticks
	if f := strings.Fields(line); len(f) >= 9 && f[0] == "cpu" {
		const tickMs = tickNs / 1_000_000
		n.StealMs = atoi(f[8]) * tickMs
		n.BusyMs = (atoi(f[1]) + atoi(f[2]) + atoi(f[3]) + atoi(f[6]) + atoi(f[7])) * tickMs
	}
	for _, line := range strings.Split(m.cgroup2("cpu.stat"), "\n") {
		if v, ok := strings.CutPrefix(line, "throttled_usec "); ok {
			n.ThrottledUs = atoi(v)
		}
	}
	return n
}

func (m Machine) pressure(what string) int64 {
	line, _, _ := strings.Cut(m.read("/proc/pressure/"+what), "\n")
	_, total, ok := strings.Cut(line, "total=")
	if !ok {
		return -1
	}
	n, err := strconv.ParseInt(total, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// Since returns what happened between before and n.
func (n Noise) Since(before Noise) Noise {
	sub := func(now, then int64) int64 {
		if now < 0 || then < 0 {
			return -1
		}
		return now - then
	}
	return Noise{
		StealMs: sub(n.StealMs, before.StealMs), PSICPUUs: sub(n.PSICPUUs, before.PSICPUUs),
		PSIIOUs: sub(n.PSIIOUs, before.PSIIOUs), PSIMemoryUs: sub(n.PSIMemoryUs, before.PSIMemoryUs),
		ThrottledUs: sub(n.ThrottledUs, before.ThrottledUs), BusyMs: sub(n.BusyMs, before.BusyMs),
		AtNs: n.AtNs - before.AtNs,
	}
}

// StealShare is the stolen share of all CPU time of a span on cpus CPUs; -1
// when the kernel does not tell.
func (n Noise) StealShare(cpus int) float64 {
	if n.StealMs < 0 || n.AtNs <= 0 || cpus <= 0 {
		return -1
	}
	return float64(n.StealMs) * 1e6 / (float64(n.AtNs) * float64(cpus))
}

// OthersShare is the share of all CPU time of a span on cpus CPUs that went to
// anybody but those who used oursNs; -1 when the kernel does not tell.
func (n Noise) OthersShare(cpus int, oursNs int64) float64 {
	if n.BusyMs < 0 || n.AtNs <= 0 || cpus <= 0 {
		return -1
	}
	return max(0, float64(n.BusyMs*1e6-oursNs)/(float64(n.AtNs)*float64(cpus)))
}

// String is one line for progress and server logs.
func (n Noise) String() string {
	show := func(v int64, unit string) string {
		if v < 0 {
			return "n/a"
		}
		return strconv.FormatInt(v, 10) + unit
	}
	return fmt.Sprintf("steal %s, cpu pressure %s, io pressure %s, throttled %s",
		show(n.StealMs, "ms"), show(n.PSICPUUs, "us"), show(n.PSIIOUs, "us"), show(n.ThrottledUs, "us"))
}
