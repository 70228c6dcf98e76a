package threadpool

import (
	"math"
	"sync/atomic"

	"github.com/ceteris/ceteris/models"
)

// idle decides who may poll instead of sleeping. awake counts the processors
// and handlers that are not asleep; whoever wakes a thread counts it at once,
// before it runs, so that nobody spins in its way.
type idle struct {
	awake atomic.Int32
	_     [124]byte
	cpus  int32
	spin  int64 // ns; 0 never, MaxInt64 always
}

func newIdle(f *models.Factors, cpus int) *idle {
	i := &idle{cpus: int32(cpus), spin: int64(f.Spin)}
	if f.Spin == models.SpinAlways {
		i.spin = math.MaxInt64
	}
	if f.Threads == "goroutine" {
		i.spin = 0 // Go's scheduler does its own spinning
	}
	return i
}

// crowded reports whether every processor is taken, so that a thread woken now
// could only run in place of another. The caller then wakes it when it has
// finished what it can do by itself: one wake-up serves the batch.
func (i *idle) crowded() bool { return i.awake.Load() >= i.cpus }

// block and unblock surround what takes a thread off its processor for long.
func (i *idle) block()   { i.awake.Add(-1) }
func (i *idle) unblock() { i.awake.Add(1) }

// room reports whether the caller, awake itself, may go on polling.
func (i *idle) room() bool { return i.awake.Load() <= i.cpus }

// idleClock adds up the time that one thread had nothing to do. The thread
// writes it, anyone reads it.
type idleClock struct {
	total atomic.Uint64 // ns
	since atomic.Int64  // when the present idling began, 0 when there is none
}

func (c *idleClock) begin(nowNs int64) { c.since.Store(nowNs) }

func (c *idleClock) end(nowNs int64) {
	began := c.since.Swap(0)
	c.total.Add(uint64(nowNs - began))
}

// read is the time up to now; it may be off by one idling that ends meanwhile.
func (c *idleClock) read(nowNs int64) uint64 {
	total := c.total.Load()
	if began := c.since.Load(); began > 0 && nowNs > began {
		total += uint64(nowNs - began)
	}
	return total
}
