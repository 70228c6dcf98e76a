package telemetry

import (
	"math"
	"runtime/metrics"
)

// runtimeMetrics are the explanatory variables of a Go process: what the
// collector and the scheduler did while requests waited.
var runtimeMetrics = []struct {
	from, name, help string
	kind             Kind
}{
	{"/gc/cycles/total:gc-cycles", "gc_cycles_total", "Completed collections.", KindCounter},
	{"/gc/heap/allocs:bytes", "heap_allocated_bytes_total", "Bytes allocated on the heap.", KindCounter},
	{"/gc/heap/allocs:objects", "heap_allocated_objects_total", "Objects allocated on the heap.", KindCounter},
	{"/gc/heap/live:bytes", "heap_live_bytes", "Heap that the last collection found alive.", KindGauge},
	{"/memory/classes/heap/objects:bytes", "heap_objects_bytes", "Heap in live and unswept objects.", KindGauge},
	{"/memory/classes/total:bytes", "memory_mapped_bytes", "Memory the runtime has mapped; arenas are not in it.", KindGauge},
	{"/gc/gogc:percent", "gogc_percent", "GOGC in force.", KindGauge},
	{"/gc/gomemlimit:bytes", "memory_limit_bytes", "GOMEMLIMIT in force.", KindGauge},
	{"/cpu/classes/gc/total:cpu-seconds", "gc_cpu_seconds_total", "Estimated CPU time of the collector.", KindCounter},
	{"/sync/mutex/wait/total:seconds", "mutex_wait_seconds_total", "Time goroutines waited for a mutex.", KindCounter},
	{"/sched/gomaxprocs:threads", "gomaxprocs", "GOMAXPROCS in force.", KindGauge},
	{"/sched/goroutines:goroutines", "goroutines", "Live goroutines.", KindGauge},
	{"/sched/threads/total:threads", "threads", "Threads of the runtime.", KindGauge},
	{"/sched/latencies:seconds", "sched_latency_seconds", "Time goroutines were runnable before they ran; sum from bucket middles.", KindCounter},
	{"/sched/pauses/total/gc:seconds", "gc_pause_seconds", "Stop-the-world pauses of the collector; sum from bucket middles.", KindCounter},
}

// runtimeFamilies reads the runtime. What this version of Go does not know is
// left out.
func runtimeFamilies() []family {
	samples := make([]metrics.Sample, len(runtimeMetrics))
	for i := range samples {
		samples[i].Name = runtimeMetrics[i].from
	}
	metrics.Read(samples)
	var out []family
	for i := range samples {
		m := &runtimeMetrics[i]
		var p point
		switch v := samples[i].Value; v.Kind() {
		case metrics.KindUint64:
			p.value = float64(v.Uint64())
		case metrics.KindFloat64:
			p.value = v.Float64()
		case metrics.KindFloat64Histogram:
			p.hist = coarse(v.Float64Histogram())
		default:
			continue
		}
		out = append(out, family{name: "ceteris_go_" + m.name, help: m.help, kind: m.kind, points: []point{p}})
	}
	return out
}

// coarseBounds are the bounds that runtime histograms are cut at, seconds.
var coarseBounds = []float64{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1}

// coarse folds the runtime's some 160 buckets into a few. A bucket counts at the
// first bound that its upper end does not exceed.
func coarse(h *metrics.Float64Histogram) *distribution {
	d := &distribution{bounds: coarseBounds, counts: make([]uint64, len(coarseBounds))}
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		lo, hi := h.Buckets[i], h.Buckets[i+1]
		d.count += n
		switch {
		case math.IsInf(lo, -1):
			d.sum += float64(n) * hi
		case math.IsInf(hi, 1):
			d.sum += float64(n) * lo
		default:
			d.sum += float64(n) * (lo + hi) / 2
		}
		for k, bound := range coarseBounds {
			if hi <= bound {
				d.counts[k] += n
			}
		}
	}
	return d
}
