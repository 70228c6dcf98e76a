package telemetry

import "sync/atomic"

// Counter has one writer and any number of readers. It fills a cache line and
// its neighbour (the prefetcher fetches pairs), so counters of different
// threads do not share one. The zero value is ready.
type Counter struct {
	v atomic.Uint64
	_ [120]byte
}

// Inc adds one. Writer only.
func (c *Counter) Inc() { c.v.Store(c.v.Load() + 1) }

// Add adds n. Writer only.
func (c *Counter) Add(n uint64) { c.v.Store(c.v.Load() + n) }

// Load reads the count. Any thread.
func (c *Counter) Load() uint64 { return c.v.Load() }

// SharedCounter may be written by any thread, at the price of a locked
// instruction and of moving its cache line. The zero value is ready.
type SharedCounter struct {
	v atomic.Uint64
	_ [120]byte
}

// Inc adds one. Any thread.
func (c *SharedCounter) Inc() { c.v.Add(1) }

// Add adds n. Any thread.
func (c *SharedCounter) Add(n uint64) { c.v.Add(n) }

// Load reads the count. Any thread.
func (c *SharedCounter) Load() uint64 { return c.v.Load() }
