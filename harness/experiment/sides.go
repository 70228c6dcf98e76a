package experiment

import (
	"path/filepath"
	"time"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/load"
)

// startBroker starts a cell's broker and returns when it serves.
func (r *runner) startBroker(c *cell, dir, data string) (*child.Broker, error) {
	return child.StartBroker(child.BrokerOptions{
		Binary: r.o.Binary, Env: r.o.Env, Model: c.spec.Arm.Model, Set: c.spec.Arm.Set, Durability: c.Durability,
		MemoryBytes: r.e.MemoryBytes, Data: data, CPUs: r.brokerCPUs(), Log: filepath.Join(dir, "server.log"),
		Hold: r.hold,
	})
}

// startLoad starts a cell's load.
func (r *runner) startLoad(c *cell, dir, addr string, on func(event string, monotonicNs int64)) (*child.Load, error) {
	w := c.spec.Workload
	if c.Probe > 0 {
		w = w.Calm() // a search is for what is kept all the time
	}
	o := load.Options{
		Addr: addr, W: w, Seed: loadSeed(r.e, c), RatePerSec: c.LoadPerSec,
		Warmup: r.e.Warmup, Measure: r.e.Measure, Driver: r.e.Driver, Topic: "ceteris", OutDir: dir,
	}
	if r.pinned {
		o.CPUs = r.placement.Generator
	}
	return child.StartLoad(r.o.Binary, r.o.Env, o, dir, r.hold, on)
}

// The generator may take this long beside its own windows: creating topics,
// draining what is in flight, letting consumers catch up.
const generatorSpare = 60 * time.Second

// spare is generatorSpare and what many partitions add to it.
func spare(c *cell) time.Duration {
	return generatorSpare + time.Duration(c.spec.Workload.Topics*c.spec.Workload.Partitions)*20*time.Millisecond
}
