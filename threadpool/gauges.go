package threadpool

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// instrument adds what Kafka publishes of its pool, under names of this suite.
func (b *Broker) instrument() {
	g := b.registry
	gauge := func(name, help string, read func() int64, labels ...string) {
		g.GaugeFunc(name, help, func() float64 { return float64(read()) }, labels...)
	}
	b.storageErrors = g.SharedCounter("storage_errors_total", "failed writes and syncs")
	gauge("request_queue_size", "Kafka's RequestQueueSize: requests waiting for a handler", b.channel.waiting)
	g.CounterFunc("request_queue_blocked_total", "offers that found the request queue full", b.channel.blocks.Load)
	g.CounterFunc("request_queue_blocked_nanoseconds_total", "time processors waited for room in it", b.channel.blockNs.Load)
	gauge("connections", "open connections", b.acceptor.open.Load)
	g.CounterFunc("connections_accepted_total", "accepted connections", b.acceptor.accepted.Load)
	g.CounterFunc("connections_refused_total", "connections closed for too many of their address", b.acceptor.crowd.refused.Load)
	g.CounterFunc("acceptor_blocked_nanoseconds_total", "time the acceptor waited for a processor", b.acceptor.blockedNs.Load)
	gauge("memory_pool_used_bytes", "request buffers in use", b.memory.used.Load)
	gauge("memory_pool_limit_bytes", "bound on request buffers", func() int64 { return b.memory.limit })
	if b.direct {
		gauge("tail_memory_bytes", "ends of logs in memory, which direct I/O writes from", b.windows.used.Load)
		g.CopiesFunc(telemetry.CopyAppend, "all", b.windows.copied.Load)
		g.CopiesFunc(telemetry.CopyTail, "all", b.windows.carried.Load)
		g.CounterFunc("append_zeroed_bytes_total", "bytes zero-filled ahead of the logs' ends", b.zeroed.Load)
	}
	for name, p := range map[string]*purgatory.Purgatory{"produce": b.produces, "fetch": b.fetches} {
		gauge("purgatory_size", "Kafka's PurgatorySize: places taken in watcher lists, by operations completed or not", p.Watched, "purgatory", name)
		gauge("delayed_operations", "Kafka's NumDelayedOperations: requests that wait", p.Waiting, "purgatory", name)
		g.CounterFunc("delayed_expires_total", "requests whose time ran out", func() uint64 { return uint64(p.Expired()) }, "purgatory", name)
	}
	g.GaugeFunc("acceptor_blocked_ratio", "Kafka's AcceptorBlockedPercent: share of time the acceptor waited for a processor, since the last reading",
		ratio(func() (ns uint64, threads int) { return b.acceptor.blockedNs.Load(), 1 }))
	b.instrumentLocks()
	g.SystemCalls("wake", "all", kernel.Calls)
	g.SystemCalls("file", "all", disk.Calls)
	gauge("threads_awake", "processors and handlers that are not asleep", b.idle.awake)
	g.GaugeFunc("request_handler_avg_idle_ratio", "Kafka's RequestHandlerAvgIdlePercent: share of time the handlers had no request, since the last reading",
		ratio(func() (ns uint64, threads int) {
			return b.staff.idleNs(telemetry.Now())
		}))
	g.GaugeFunc("network_processor_avg_idle_ratio", "Kafka's NetworkProcessorAvgIdlePercent: share of time the processors had nothing to do, since the last reading",
		ratio(func() (ns uint64, threads int) {
			for _, p := range b.processors {
				ns += p.selector.idling.read(telemetry.Now())
			}
			return ns, len(b.processors)
		}))
	for i, p := range b.processors {
		g.AddWorker(processorName(i), spent(&p.selector.idling, &p.selector.dozing))
		label := strconv.Itoa(i)
		gauge("response_queue_size", "Kafka's ResponseQueueSize: responses waiting for a processor", p.responses.n.Load, "processor", label)
		g.CounterFunc("requests_total", "requests received", p.requests.Load, "processor", label)
		g.CounterFunc("request_bytes_total", "bytes of requests", p.bytesIn.Load, "processor", label)
		g.CounterFunc("response_bytes_total", "bytes of responses", p.bytesOut.Load, "processor", label)
		g.SystemCalls("loop", processorName(i), func() uint64 { return p.calls.Load() + p.selector.epoll.Calls.Load() })
		g.AddCopies(processorName(i), &p.copies)
		g.CounterFunc("requests_refused_total", "connections closed for what they sent", p.refused.Load, "processor", label)
		g.CounterFunc("throttled_total", "responses that told a client to wait", p.throttled.Load, "processor", label)
		g.CounterFunc("connections_expired_total", "connections closed for being idle", p.expired.Load, "processor", label)
		g.AddRecorder(p.recorder, p.nudge, "processor", label)
	}
	g.Collect(b.regionReadings)
	for _, h := range b.staff.handlers {
		g.AddWorker(h.name, spent(&h.idling, &h.sleeping))
	}
	gauge("request_handlers", "handlers there are now", func() int64 { return int64(b.staff.size()) })
	g.Handle("POST /pool", http.HandlerFunc(b.resize))
}

// scrapeWait is how long a scrape waits for a network thread's own answer.
const scrapeWait = 100 * time.Millisecond

// regionReadings is the memory of each network thread, with memory=arena, under
// the names that a shard's has.
func (b *Broker) regionReadings(r *telemetry.Readings) {
	for i, p := range b.processors {
		if p.region == nil {
			continue
		}
		st, _ := p.region.arena.Scrape(scrapeWait, p.nudge)
		at := []string{"processor", strconv.Itoa(i)}
		r.Gauge("arena_total_bytes", "memory of the thread", float64(st.TotalBytes), at...)
		r.Gauge("arena_free_bytes", "free memory of the thread", float64(st.FreeBytes), at...)
		r.Gauge("arena_lowest_free_bytes", "the least that was ever free", float64(st.LowestFreeBytes), at...)
		r.Counter("arena_allocs_total", "requests for memory that were met", float64(st.Allocs), at...)
		r.Counter("arena_foreign_frees_total", "releases on another thread than the owner's", float64(st.ForeignFrees), at...)
		r.Counter("arena_failures_total", "requests for memory that were refused", float64(st.Failures), at...)
		r.Counter("arena_asides_total", "beginnings of requests kept on Go's heap until there is memory", float64(p.region.asides.Load()), at...)
	}
}

// nudge makes a sleeping processor pass by its recorder.
func (p *processor) nudge() { p.selector.wakeup() }

// spent is where a thread's time goes. What it has not spent idle counts as
// busy, waiting for locks and for a processor included.
func spent(idling, sleeping *idleClock) func() telemetry.Times {
	begunNs := telemetry.Now()
	return func() telemetry.Times {
		now := telemetry.Now()
		idle := int64(idling.read(now))
		asleep := min(int64(sleeping.read(now)), idle)
		return telemetry.Times{BusyNs: max(now-begunNs-idle, 0), SpinNs: idle - asleep, SleepNs: asleep}
	}
}

// ratio turns a sum of idle time over threads into its share since it was last
// read.
func ratio(read func() (ns uint64, threads int)) func() float64 {
	var mu sync.Mutex
	var lastNs uint64
	last := telemetry.Now()
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		now := telemetry.Now()
		ns, threads := read()
		span := float64(now-last) * float64(threads)
		idle := float64(ns - lastNs)
		last, lastNs = now, ns
		if span <= 0 {
			return 0
		}
		return min(idle/span, 1)
	}
}
