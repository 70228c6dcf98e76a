package tpc

import (
	"strconv"
	"time"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/mesh"
)

// The keys of the two APIs with a path of their own.
const (
	keyProduce = int16(0)
	keyFetch   = int16(1)
)

// scrapeWait is how long a scrape waits for a shard's own answer.
const scrapeWait = 100 * time.Millisecond

// gauges publishes what a shard says of itself. Everything read here may be
// read from any thread. What happens to requests is in counters beside their
// code (newShard), what the watch sees in watchGauges.
func (b *Broker) gauges(s *shard, label string) {
	g := b.registry
	reactor := func(name, help string, pick func() int64) {
		g.CounterFunc(name, help, func() uint64 { return uint64(pick()) }, "shard", label)
	}
	times := s.r.Times
	g.AddWorker("shard-"+label, times)
	reactor("reactor_busy_ns_total", "time in rounds that did something, ns", func() int64 { return times().BusyNs })
	reactor("reactor_spin_ns_total", "time in rounds that found nothing, ns", func() int64 { return times().SpinNs })
	reactor("reactor_sleep_ns_total", "time asleep, ns", func() int64 { return times().SleepNs })
	reactor("reactor_rounds_total", "rounds of the loop", func() int64 { return s.r.Snapshot().Rounds })
	reactor("reactor_sleeps_total", "times it fell asleep", func() int64 { return s.r.Snapshot().Sleeps })
	reactor("reactor_wakes_total", "times another thread woke it", func() int64 { return s.r.Snapshot().Wakes })
	g.AddCopies("shard-"+label, &s.copies)
	g.SystemCalls("loop", "shard-"+label, s.r.SystemCalls)
	reactor("reactor_disk_ops_total", "disk operations", func() int64 { return s.r.Snapshot().DiskOps })
	reactor("reactor_disk_queued_total", "disk operations that waited for a place in the kernel", func() int64 { return s.r.Snapshot().DiskQueued })
	reactor("reactor_disk_bytes_total", "bytes read from and written to the device", func() int64 { return s.r.Snapshot().DiskBytes })
	reactor("reactor_quota_violations_total", "tasks that ran longer than the quota", func() int64 { return s.r.Snapshot().QuotaViolations })
	g.GaugeFunc("step_partitions_most", "most partitions that one step of long work has looked at", func() float64 { return float64(s.stepMost.Load()) }, "shard", label)
	g.GaugeFunc("connections", "open connections", func() float64 { return float64(s.connCount.Load()) }, "shard", label)
	g.Collect(func(r *telemetry.Readings) {
		s.groupReadings(r, label)
		s.placeReadings(r, label)
		s.arenaReadings(r, label)
	})
}

// groupReadings is how long the shard's scheduling groups waited for it.
func (s *shard) groupReadings(r *telemetry.Readings, label string) {
	for _, g := range s.r.Groups() {
		at := []string{"shard", label, "group", g.Name}
		r.Gauge("group_shares", "weight of a scheduling group, 1000 at most", float64(g.Shares), at...)
		r.Counter("group_tasks_total", "tasks and steps of a scheduling group", float64(g.Tasks), at...)
		r.Counter("group_run_ns_total", "time they took, ns", float64(g.RunNs), at...)
		r.Counter("group_wait_ns_total", "time in which the group had work and did not run, ns", float64(g.WaitNs), at...)
		r.Gauge("group_queue_length", "tasks that are ready", float64(g.QueueLen), at...)
		r.Gauge("group_queue_peak", "most tasks that ever were", float64(g.QueuePeak), at...)
	}
}

// arenaReadings is the shard's memory. One look serves all of them, because the
// shard has to take it.
func (s *shard) arenaReadings(r *telemetry.Readings, label string) {
	st, _ := s.arena.Scrape(scrapeWait, s.r.Wake)
	gauge := func(name, help string, v int64) { r.Gauge(name, help, float64(v), "shard", label) }
	counter := func(name, help string, v int64) { r.Counter(name, help, float64(v), "shard", label) }
	gauge("arena_total_bytes", "memory of the shard", st.TotalBytes)
	gauge("arena_free_bytes", "free memory of the shard", st.FreeBytes)
	gauge("arena_used_bytes", "the rest of it", st.UsedBytes)
	gauge("arena_lowest_free_bytes", "the least that was ever free", st.LowestFreeBytes)
	gauge("arena_low_water_bytes", "below this memory is reclaimed", st.LowWaterBytes)
	counter("arena_allocs_total", "requests for memory that were met", st.Allocs)
	counter("arena_frees_total", "releases", st.Frees)
	counter("arena_foreign_frees_total", "of them on another thread than the owner's", st.ForeignFrees)
	counter("arena_failures_total", "requests for memory that were refused", st.Failures)
	counter("arena_oversized_total", "requests above what the data path needs", st.Oversized)
	counter("arena_reclaims_total", "times memory was reclaimed", st.Reclaims)
	counter("arena_reclaimed_bytes_total", "memory that was reclaimed", st.ReclaimedBytes)
	s.budgetReadings(r, &st, label)
	for order := range st.FreeSpans {
		size := arena.PageBytes << order
		if int64(size) > st.TotalBytes {
			break
		}
		at := []string{"shard", label, "span_bytes", strconv.Itoa(size)}
		r.Gauge("arena_free_spans", "free spans by size", float64(st.FreeSpans[order]), at...)
		r.Gauge("arena_availability_ratio", "share of the free memory that can serve a request of the size as it lies; 1 when none is free",
			st.Availability(size), at...)
	}
}

// meshReadings is the messages of every ordered pair of shards. How long they
// were under way is in the recorders' spans.
func (b *Broker) meshReadings(r *telemetry.Readings) {
	for from := range b.shards {
		for to := range b.shards {
			if from == to {
				continue
			}
			st := b.mesh.Stats(from, to)
			at := []string{"from", strconv.Itoa(from), "to", strconv.Itoa(to)}
			r.Counter("mesh_sent_total", "messages shown to the other shard", float64(st.Sent), at...)
			r.Counter("mesh_received_total", "messages that it has handled", float64(st.Received), at...)
			r.Counter("mesh_full_total", "times a message found no room", float64(st.Full), at...)
		}
	}
}

// placeReadings is how often the shard's requests to others found no place, and
// how often others' requests waited for their group's turn here.
func (s *shard) placeReadings(r *telemetry.Readings, label string) {
	for i, g := range s.b.groups {
		var sum mesh.ServiceStats
		for to := range s.b.shards {
			if to != s.id {
				st := g.Stats(s.id, to)
				sum.Waited += st.Waited
				sum.Refused += st.Refused
			}
		}
		at := []string{"shard", label, "group", groupSpecs[i].Name}
		r.Counter("mesh_group_waited_total", "requests to other shards that waited for a place of their group", float64(sum.Waited), at...)
		r.Counter("mesh_group_refused_total", "requests to other shards that found no place of their group", float64(sum.Refused), at...)
		r.Counter("mesh_group_late_total", "requests from other shards that waited for their group's turn", float64(s.turns.late[i].pushed.Load()), at...)
	}
}
