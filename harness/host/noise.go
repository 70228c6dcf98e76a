package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Noise is what disturbed the machine, as totals since boot ([Machine.Noise])
// or over a span ([Noise.Since]). A field is -1 when the kernel does not tell.
type Noise struct {
	StealMs int64 `json:"steal_ms"` // CPU time the hypervisor gave to others, all CPUs
	// UsedStealMs is what of it was taken from the CPUs that the run uses. Where it is
	// left out it is 0; results from before December 2026 do not tell.
	UsedStealMs int64 `json:"used_steal_ms,omitempty"`
	PSICPUUs    int64 `json:"psi_cpu_us"`    // some task waited for a CPU
	PSIIOUs     int64 `json:"psi_io_us"`     // some task waited for I/O
	PSIMemoryUs int64 `json:"psi_memory_us"` // some task waited for memory
	ThrottledUs int64 `json:"throttled_us"`  // the control group was over its CPU quota
	BusyMs      int64 `json:"busy_ms"`       // CPU time used by anybody, all CPUs
	AtNs        int64 `json:"at_ns"`         // moment, or length of the span
}

// Noise reads the totals. used are the CPUs whose stolen time counts: where a run has
// few of many, the others' would hide it. None are all.
func (m Machine) Noise(used ...int) Noise {
	n := Noise{StealMs: -1, UsedStealMs: -1, BusyMs: -1, ThrottledUs: m.throttledUs(), AtNs: time.Now().UnixNano()}
	n.PSICPUUs = m.pressure("cpu")
	n.PSIIOUs = m.pressure("io")
	n.PSIMemoryUs = m.pressure("memory")
	const tickMs = tickNs / 1_000_000
	told := 0
	var stolen int64
	for line := range strings.Lines(m.read("/proc/stat")) {
		// cpu user nice system idle iowait irq softirq steal guest guest_nice, in ticks
		f := strings.Fields(line)
		if len(f) < 9 || !strings.HasPrefix(f[0], "cpu") {
			break
		}
		if f[0] == "cpu" {
			n.StealMs = atoi(f[8]) * tickMs
			n.BusyMs = (atoi(f[1]) + atoi(f[2]) + atoi(f[3]) + atoi(f[6]) + atoi(f[7])) * tickMs
		} else if slices.Contains(used, int(atoi(f[0][len("cpu"):]))) {
			stolen += atoi(f[8]) * tickMs
			told++
		}
	}
	switch told {
	case 0:
		if len(used) == 0 {
			n.UsedStealMs = n.StealMs
		}
	case len(used):
		n.UsedStealMs = stolen
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
		StealMs: sub(n.StealMs, before.StealMs), UsedStealMs: sub(n.UsedStealMs, before.UsedStealMs),
		PSICPUUs: sub(n.PSICPUUs, before.PSICPUUs),
		PSIIOUs:  sub(n.PSIIOUs, before.PSIIOUs), PSIMemoryUs: sub(n.PSIMemoryUs, before.PSIMemoryUs),
		ThrottledUs: sub(n.ThrottledUs, before.ThrottledUs), BusyMs: sub(n.BusyMs, before.BusyMs),
		AtNs: n.AtNs - before.AtNs,
	}
}

// StealShare is the stolen share of a span's CPU time on the CPUs asked about, which
// are that many; -1 when the kernel does not tell.
func (n Noise) StealShare(cpus int) float64 {
	if n.UsedStealMs < 0 || n.AtNs <= 0 || cpus <= 0 {
		return -1
	}
	return float64(n.UsedStealMs) * 1e6 / (float64(n.AtNs) * float64(cpus))
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
