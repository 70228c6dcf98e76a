package report

import (
	"fmt"
	"math"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/models/telemetry"
)

// Inside is what the brokers of one arm at one load say of themselves, over the
// measured windows of all its blocks together.
type Inside struct {
	Workers []WorkerShare `json:"workers"`
	// Shares of the window over the workers.
	BusyMean stats.Number `json:"busy_mean_ratio"`
	BusyMin  stats.Number `json:"busy_min_ratio"`
	BusyMax  stats.Number `json:"busy_max_ratio"`
	SpinMean stats.Number `json:"spin_mean_ratio"`

	// Idle are Kafka's NetworkProcessorAvgIdlePercent and its
	// RequestHandlerAvgIdlePercent: shares of the window, over the pool's threads
	// of that kind.
	NetworkIdle stats.Number `json:"network_processor_idle_ratio"`
	HandlerIdle stats.Number `json:"request_handler_idle_ratio"`
	// Switches are those of all the process's threads, LockWait is the time its
	// threads waited for locks; for each acknowledged request.
	Switches stats.Number `json:"context_switches_per_request"`
	LockWait stats.Number `json:"lock_wait_ns_per_request"`
	Locks    []LockClass  `json:"locks,omitempty"`

	Remote stats.Number `json:"remote_parts_ratio"` // request parts that another shard applied
	HopP50 stats.Number `json:"hop_p50_ns"`
	HopP99 stats.Number `json:"hop_p99_ns"`
	// Device operations, queue and service together.
	WriteP50 stats.Number `json:"device_write_p50_ns"`
	WriteP99 stats.Number `json:"device_write_p99_ns"`

	// AppendWritten is bytes that appends wrote over bytes of the log that they
	// brought to the device: tail blocks are written again.
	AppendWritten stats.Number `json:"append_write_amplification"`
	// Storage is bytes that the process caused to be written to storage, as the
	// kernel counts, over bytes of acknowledged record values.
	Storage stats.Number `json:"storage_write_amplification"`

	Stalls    stats.Number `json:"stalls"`
	GCCycles  stats.Number `json:"gc_cycles"`
	GCCPU     stats.Number `json:"gc_cpu_ratio"`    // of the windows' length
	GCPauses  stats.Number `json:"gc_pauses_ratio"` // of the windows' length
	Steal     stats.Number `json:"steal_ratio"`     // of the broker's CPUs
	GoHeap    stats.Number `json:"go_heap_bytes"`   // the most at a window's end
	ArenaUsed stats.Number `json:"arena_used_bytes"`
}

// WorkerShare is where one thread's time went.
type WorkerShare struct {
	Name  string       `json:"name"`
	Busy  stats.Number `json:"busy_ratio"`
	Spin  stats.Number `json:"spin_ratio"`
	Sleep stats.Number `json:"sleep_ratio"`
}

// look is what one cell says of its inside; sums of it are an [Inside].
type look struct {
	workers           []result.Worker
	begin, end        result.Metrics
	hops, writes      *hdr.Histogram
	windowNs          float64
	acked, switches   float64
	storage, payload  float64
	goHeap, arenaUsed float64
}

// readLook reads a cell's inside; nil when the result has none, as those of
// earlier versions.
func readLook(c *result.CellRecord) (*look, error) {
	begin, end, err := c.Window()
	if begin == nil || err != nil {
		return nil, err
	}
	x := &look{
		begin: begin, end: end, windowNs: float64(c.Server.WindowNs),
		acked: float64(c.Load.Acked) * c.Held(), switches: float64(c.Server.CtxVol + c.Server.CtxInvol),
		storage: math.NaN(), payload: float64(c.Load.PayloadBytes) * c.Held(),
	}
	if w := c.Server.WriteBytes; w != nil {
		x.storage = float64(*w)
	}
	if h := c.Server.GoHeapBytes; h != nil {
		x.goHeap = float64(*h)
	}
	x.arenaUsed, _ = end.Sum("ceteris_arena_used_bytes")
	if x.workers, err = c.Workers(); err != nil {
		return nil, err
	}
	if x.hops, err = c.Histogram("stages", telemetry.Hop.String()); err != nil {
		return nil, err
	}
	x.writes, err = c.Histogram("stages", telemetry.ProduceService.String())
	return x, err
}

// grown is how much a counter grew over the windows together.
func grown(looks []*look, name string) (sum float64, ok bool) {
	for _, x := range looks {
		end, there := x.end.Sum(name)
		begin, _ := x.begin.Sum(name)
		sum, ok = sum+end-begin, ok || there
	}
	return sum, ok
}

// grownWhere is [grown] of the series that carry a label, given as name="value".
func grownWhere(looks []*look, name, label string) (sum float64, ok bool) {
	for _, x := range looks {
		end, there := x.end.Where(name, label)
		begin, _ := x.begin.Where(name, label)
		sum, ok = sum+end-begin, ok || there
	}
	return sum, ok
}

// over is a quotient, or why there is none.
func over(n, of float64, ok bool, why string) stats.Number {
	if !ok || !(of > 0) || math.IsNaN(n) {
		return stats.Refuse("%s", why)
	}
	return stats.Of(stats.Round(n / of))
}

// inside sums the cells of an arm up; nil when they say nothing.
func inside(runs []*run, class string) (*Inside, error) {
	var looks []*look
	for _, r := range runs {
		if r.look != nil {
			looks = append(looks, r.look)
		}
	}
	if len(looks) == 0 {
		return nil, nil
	}
	in := &Inside{}
	in.utilisation(looks)
	in.contention(looks)
	local, okLocal := grown(looks, "ceteris_parts_local_total")
	remote, _ := grown(looks, "ceteris_parts_remote_total")
	in.Remote = over(remote, local+remote, okLocal, "nothing is split between threads")
	for _, x := range []struct {
		of       func(*look) *hdr.Histogram
		p50, p99 *stats.Number
	}{
		{func(l *look) *hdr.Histogram { return l.hops }, &in.HopP50, &in.HopP99},
		{func(l *look) *hdr.Histogram { return l.writes }, &in.WriteP50, &in.WriteP99},
	} {
		var parts []*hdr.Histogram
		for _, l := range looks {
			if h := x.of(l); h != nil {
				parts = append(parts, h)
			}
		}
		h, err := result.MergeHistograms(parts)
		if err != nil {
			return nil, fmt.Errorf("spans: %w", err)
		}
		if h == nil {
			*x.p50, *x.p99 = stats.Refuse("none was timed"), stats.Refuse("none was timed")
			continue
		}
		s := spread(h, 0, class)
		*x.p50, *x.p99 = s.P50, s.P99
	}
	var windowNs, storage, payload, heap, arena float64
	for _, x := range looks {
		windowNs, storage, payload = windowNs+x.windowNs, storage+x.storage, payload+x.payload
		heap, arena = max(heap, x.goHeap), max(arena, x.arenaUsed)
	}
	appended, okAppended := grown(looks, "ceteris_append_bytes_total")
	written, _ := grown(looks, "ceteris_append_written_bytes_total")
	in.AppendWritten = over(written, appended, okAppended, "the model does not count it")
	in.Storage = over(storage, payload, true, "the kernel does not tell, or nothing was acknowledged")
	stalls, ok := grown(looks, "ceteris_reactor_stalls_total")
	in.Stalls = over(stalls, 1, ok, "the model has no stall watch")
	cycles, ok := grown(looks, "ceteris_go_gc_cycles_total")
	in.GCCycles = over(cycles, 1, ok, "not told")
	cpu, ok := grown(looks, "ceteris_go_gc_cpu_seconds_total")
	in.GCCPU = over(cpu*1e9, windowNs, ok, "not told")
	pauses, ok := grown(looks, "ceteris_go_gc_pause_seconds_sum")
	in.GCPauses = over(pauses*1e9, windowNs, ok, "not told")
	steal, ok := grown(looks, "ceteris_machine_steal_seconds_total")
	cpus := 0.0
	for s := range looks[0].end {
		if strings.HasPrefix(s, "ceteris_machine_steal_seconds_total{") {
			cpus++
		}
	}
	in.Steal = over(steal*1e9, windowNs*cpus, ok, "the kernel does not tell")
	in.GoHeap = over(heap, 1, heap > 0, "not told")
	in.ArenaUsed = over(arena, 1, arena > 0, "the model has no arena")
	return in, nil
}

// utilisation is each thread's time over the windows together.
func (in *Inside) utilisation(looks []*look) {
	var names []string
	sums := map[string]*[3]float64{}
	for _, x := range looks {
		for _, w := range x.workers {
			if sums[w.Name] == nil {
				names = append(names, w.Name)
				sums[w.Name] = &[3]float64{}
			}
			first, last := w.Samples[0], w.Samples[len(w.Samples)-1]
			s := sums[w.Name]
			s[0] += float64(last.BusyNs - first.BusyNs)
			s[1] += float64(last.SpinNs - first.SpinNs)
			s[2] += float64(last.SleepNs - first.SleepNs)
		}
	}
	none := stats.Refuse("no thread's time was sampled")
	idle := func(kind string) stats.Number {
		var idleNs, totalNs float64
		for _, name := range names {
			if s := sums[name]; strings.HasPrefix(name, kind+"-") {
				idleNs, totalNs = idleNs+s[1]+s[2], totalNs+s[0]+s[1]+s[2]
			}
		}
		return over(idleNs, totalNs, true, "the model has no such threads")
	}
	in.NetworkIdle, in.HandlerIdle = idle("network"), idle("handler")
	in.BusyMean, in.BusyMin, in.BusyMax, in.SpinMean = none, none, none, none
	var busySum, spinSum, n float64
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, name := range names {
		s := sums[name]
		total := s[0] + s[1] + s[2]
		share := func(k int) stats.Number { return over(s[k], total, true, "no time passed") }
		in.Workers = append(in.Workers, WorkerShare{name, share(0), share(1), share(2)})
		if total > 0 {
			busySum, spinSum, n = busySum+s[0]/total, spinSum+s[1]/total, n+1
			lo, hi = min(lo, s[0]/total), max(hi, s[0]/total)
		}
	}
	if n > 0 {
		in.BusyMean, in.SpinMean = over(busySum, n, true, ""), over(spinSum, n, true, "")
		in.BusyMin, in.BusyMax = stats.Of(stats.Round(lo)), stats.Of(stats.Round(hi))
	}
}

// Looked reports whether any arm of the group tells of its inside.
func (g *Group) Looked() bool {
	for _, p := range g.Points {
		for _, arm := range p.Arms {
			if arm.Inside != nil {
				return true
			}
		}
	}
	return false
}
