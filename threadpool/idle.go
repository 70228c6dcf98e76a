package threadpool

import (
	"math"
	"sync/atomic"

	"github.com/ceteris/ceteris/models"
)

// idle decides who may poll instead of sleeping.
type idle struct {
	seats []seat
	spin  int64 // ns; 0 never, MaxInt64 always
}

// seat is where threads run: the processors that the broker has, or with
// threads=pinned one of them. awake counts its processors and handlers that are
// not asleep; whoever wakes a thread counts it at once, before it runs, so that
// nobody spins in its way.
type seat struct {
	awake atomic.Int32
	_     [124]byte
	cpus  int32
}

func newIdle(f *models.Factors, cpus int) *idle {
	i := &idle{seats: make([]seat, 1), spin: int64(f.Spin)}
	i.seats[0].cpus = int32(cpus)
	if f.Threads == "pinned" {
		i.seats = make([]seat, cpus)
		for n := range i.seats {
			i.seats[n].cpus = 1
		}
	}
	if f.Spin == models.SpinAlways {
		i.spin = math.MaxInt64
	}
	if f.Threads == "goroutine" {
		i.spin = 0 // Go's scheduler does its own spinning
	}
	return i
}

// seat is that of the n-th thread: they are dealt round robin.
func (i *idle) seat(n int) *seat { return &i.seats[n%len(i.seats)] }

// awake is how many processors and handlers are.
func (i *idle) awake() (n int64) {
	for s := range i.seats {
		n += int64(i.seats[s].awake.Load())
	}
	return n
}

// crowded reports whether every processor is taken, so that a thread woken now
// could only run in place of another. The caller then wakes it when it has
// finished what it can do by itself: one wake-up serves the batch.
func (s *seat) crowded() bool { return s.awake.Load() >= s.cpus }

// rise and rest count a thread that wakes up and one that goes to sleep. They
// also surround, the other way about, what takes one off its processor for long.
func (s *seat) rise() { s.awake.Add(1) }
func (s *seat) rest() { s.awake.Add(-1) }

// room reports whether the caller, awake itself, may go on polling.
func (s *seat) room() bool { return s.awake.Load() <= s.cpus }

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

// going reports whether the thread has nothing to do. Any thread.
func (c *idleClock) going() bool { return c.since.Load() != 0 }

// read is the time up to now; it may be off by one idling that ends meanwhile.
func (c *idleClock) read(nowNs int64) uint64 {
	total := c.total.Load()
	if began := c.since.Load(); began > 0 && nowNs > began {
		total += uint64(nowNs - began)
	}
	return total
}
