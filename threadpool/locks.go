package threadpool

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// locks are the classes of the pool's locks besides the purgatories'.
type locks struct {
	requestQueue kernel.Class
	log          kernel.Class // UnifiedLog's, of every partition
	leader       kernel.Class // leaderIsrUpdateLock, of every partition
	sessions     kernel.Class
	quotas       kernel.Class
}

// instrumentLocks adds what every class of locks says.
func (b *Broker) instrumentLocks() {
	add := func(class string, c *kernel.Class) {
		g := b.registry
		g.CounterFunc("lock_contended_total", "takings of a lock that had to wait", c.Contended.Load, "class", class)
		g.CounterFunc("lock_wait_nanoseconds_total", "time threads of the pool waited for a lock", c.WaitNs.Load, "class", class)
		g.CounterFunc("lock_held_sampled_total", "takings of a lock whose length was sampled, one in 1024 of each", c.Held.Load, "class", class)
		g.CounterFunc("lock_held_sampled_nanoseconds_total", "sum of these lengths", c.HeldNs.Load, "class", class)
	}
	add("requestQueue", &b.locks.requestQueue)
	add("log", &b.locks.log)
	add("leaderIsrUpdate", &b.locks.leader)
	add("fetchSessions", &b.locks.sessions)
	add("clientQuotas", &b.locks.quotas)
	for name, p := range map[string]*purgatory.Purgatory{"produce": b.produces, "fetch": b.fetches} {
		add(name+"PurgatoryShard", &p.Locks.Shards)
		add(name+"PurgatoryTimer", &p.Locks.Timer)
		add(name+"Operation", &p.Locks.Operations)
	}
}

// readSwitches tells how often each thread of the pool was switched off its
// processor, because it waited or because another was to run. It reads /proc and
// costs the threads nothing; with threads=goroutine no thread belongs to anybody.
func (b *Broker) readSwitches(r *telemetry.Readings) {
	if b.gogo {
		return
	}
	for _, t := range b.crew.list() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", t.tid))
		if err != nil {
			continue // it has ended
		}
		for line := range bytes.Lines(status) {
			key, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
			kind := map[string]string{"voluntary_ctxt_switches": "voluntary", "nonvoluntary_ctxt_switches": "forced"}[string(key)]
			if n, err := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64); kind != "" && err == nil {
				r.Counter("thread_context_switches_total", "switches of a thread off its processor", n, "thread", t.name, "kind", kind)
			}
		}
	}
}
