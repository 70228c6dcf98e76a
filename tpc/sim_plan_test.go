package tpc

import (
	"fmt"
	"math/rand/v2"

	"github.com/ceteris/ceteris/models"
)

// plan is what a seed has decided before the first step.
type plan struct {
	shards     int
	shardBytes int64
	durability models.Durability
	segment    int
	inflight   int
	handoff    bool
	direct     bool // every shard is a broker of its own
	staged     bool // append chunks outlive the process
	room       int  // most bytes that a client's socket holds
	patience   int  // of 100 steps: how often shards get a turn rather than clients
	recvBudget int
	faultRate  int  // of 1000 storage operations while storage fails
	allocRate  int  // of 1000 allocations while memory is scarce
	slowDisk   bool // operations take milliseconds
	slowTasks  int  // of 100 tasks: how many may take a round's whole quota
	retainMs   int  // age at which segments go, -1: never
	retain     int  // size of a log above which they do, bytes, -1: never
	dropMs     int  // how long their files stay
	limits     limits
	heavy      bool // much of what is produced is large, and memory is scarce
	sickRate   int  // of 1000 storage operations of some starts
	perIP      int  // connections of an address, with quotas
	quota      int  // bytes a second that all clients together may produce and fetch, each; 0: no quotas
	clients    int
	steps      int
}

// drawPlan decides what kind of seed it is.
func drawPlan(rng *rand.Rand) plan {
	p := plan{
		shards: 1 + rng.IntN(4), shardBytes: int64(768+256*rng.IntN(6)) << 10, durability: models.Process,
		segment: 8192 << rng.IntN(5), inflight: 1 + rng.IntN(16), handoff: rng.IntN(2) == 0,
		room: 2000 << rng.IntN(6), patience: 40 + rng.IntN(30), recvBudget: 1 + rng.IntN(20),
		slowDisk: rng.IntN(5) == 0, clients: 1 + rng.IntN(5), steps: 300 + rng.IntN(500),
	}
	switch rng.IntN(10) {
	case 0:
		p.durability = models.Memory
	case 1, 2, 3:
		p.durability = models.Power
	}
	if rng.IntN(4) == 0 {
		p.heavy, p.shardBytes, p.segment = true, int64(512+64*rng.IntN(6))<<10, max(p.segment, 64<<10)
	}
	if rng.IntN(4) == 0 {
		p.faultRate = 1 + rng.IntN(30)
	}
	if rng.IntN(4) == 0 {
		p.allocRate = 1 + rng.IntN(200)
	}
	p.staged = rng.IntN(4) == 0
	p.direct = rng.IntN(4) == 0
	p.retainMs, p.retain, p.dropMs = -1, -1, rng.IntN(500)
	switch rng.IntN(6) {
	case 0:
		p.retainMs = 1 + rng.IntN(2000)
	case 1:
		p.segment = 8192
		p.retain = p.segment * (1 + rng.IntN(2))
	}
	if rng.IntN(3) == 0 {
		p.sickRate = 1 + rng.IntN(60)
	}
	if rng.IntN(2) == 0 {
		p.slowTasks = 1 + rng.IntN(60)
	}
	p.limits = usualLimits
	if rng.IntN(2) == 0 { // few parts are many
		p.limits = limits{
			parts: 1 + rng.IntN(3), bytes: 1 << rng.IntN(16), pieces: 1 + rng.IntN(4), room: rng.IntN(3),
			coldBytes: 1 << rng.IntN(8), coldParts: rng.IntN(8), wave: 1 + rng.IntN(3),
		}
	}
	if rng.IntN(8) == 0 {
		p.quota = 1000 << rng.IntN(8)
		p.perIP = 1 + rng.IntN(4)
	}
	return p
}

func (w *world) config() models.Config {
	m, err := models.Lookup("tpc")
	if err != nil {
		w.fail("%v", err)
	}
	cfg := models.DefaultConfig(m)
	cfg.Listen, cfg.DataDir = "127.0.0.1:9092", "/data"
	cfg.MemoryBytes = w.plan.shardBytes * int64(w.plan.shards)
	f := &cfg.Factors
	f.Durability, f.Inflight = w.plan.durability, w.plan.inflight
	if w.plan.staged {
		f.Staging = "shared"
	}
	switch {
	case w.plan.direct:
		f.Routing = "direct"
	case !w.plan.handoff:
		f.Accept = "reuseport"
	}
	for name, v := range map[string]int{
		"shards": w.plan.shards, "log.segment.bytes": w.plan.segment, "append.chunk.bytes": 16 << 10,
		"num.recovery.threads.per.data.dir": 1, "socket.request.max.bytes": 256 << 10, "log.index.interval.bytes": 1024,
		"log.index.size.max.bytes": 4096, "auto.create.topics.enable": 0,
		"log.retention.ms": w.plan.retainMs, "log.retention.bytes": w.plan.retain,
		"quota.producer.default": w.plan.quota, "quota.consumer.default": w.plan.quota,
		"log.retention.check.interval.ms": 300, "log.segment.delete.delay.ms": w.plan.dropMs,
	} {
		if err := cfg.Set(name, fmt.Sprint(v)); err != nil {
			w.fail("%v", err)
		}
	}
	if w.plan.quota > 0 {
		for name, v := range map[string]int{"max.connections.per.ip": w.plan.perIP, "max.connection.creation.rate": 1} {
			if err := cfg.Set(name, fmt.Sprint(v)); err != nil {
				w.fail("%v", err)
			}
		}
	}
	return cfg
}
