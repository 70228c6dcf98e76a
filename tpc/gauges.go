package tpc

import "time"

// The keys of the two APIs with a path of their own.
const (
	keyProduce = int16(0)
	keyFetch   = int16(1)
)

// scrapeWait is how long a scrape waits for a shard's own answer.
const scrapeWait = 100 * time.Millisecond

// gauges publishes what a shard says of itself. Everything read here may be
// read from any thread.
func (b *Broker) gauges(s *shard, label string) {
	g := b.registry
	reactor := func(name, help string, pick func() int64) {
		g.CounterFunc(name, help, func() uint64 { return uint64(pick()) }, "shard", label)
	}
	reactor("reactor_busy_ns_total", "time in rounds that did something, ns", func() int64 { return s.r.Snapshot().BusyNs })
	reactor("reactor_spin_ns_total", "time in rounds that found nothing, ns", func() int64 { return s.r.Snapshot().SpinNs })
	reactor("reactor_sleep_ns_total", "time asleep, ns", func() int64 { return s.r.Snapshot().SleepNs })
	reactor("reactor_rounds_total", "rounds of the loop", func() int64 { return s.r.Snapshot().Rounds })
	reactor("reactor_syscalls_total", "system calls of the loop's own I/O", func() int64 { return s.r.Snapshot().Syscalls })
	reactor("reactor_disk_ops_total", "disk operations", func() int64 { return s.r.Snapshot().DiskOps })
	reactor("reactor_disk_bytes_total", "bytes read from and written to the device", func() int64 { return s.r.Snapshot().DiskBytes })
	reactor("reactor_quota_violations_total", "tasks that ran longer than the quota", func() int64 { return s.r.Snapshot().QuotaViolations })
	g.GaugeFunc("arena_free_bytes", "free memory of the shard", func() float64 {
		st, _ := s.arena.Scrape(scrapeWait, s.r.Wake)
		return float64(st.FreeBytes)
	}, "shard", label)
	g.GaugeFunc("connections", "open connections", func() float64 { return float64(s.connCount.Load()) }, "shard", label)
}
