package reactor

import (
	"math/bits"
	"sync/atomic"
)

// The buckets of [Lengths]: powers of two from 2^20 ns (1.05 ms) to 2^31 ns
// (2.1 s), and one for what is longer. Shorter ones enter the first.
const (
	lengthMinExp  = 20
	lengthMaxExp  = 31
	lengthBuckets = lengthMaxExp - lengthMinExp + 2
)

// lengths counts durations that are rare and long. One thread records, any
// thread reads.
type lengths struct {
	buckets [lengthBuckets]atomic.Uint64
	sumNs   atomic.Int64
}

// Lengths is a reading of a histogram of durations.
type Lengths struct {
	Counts [lengthBuckets]uint64 // by bucket; see LengthBoundNs
	SumNs  int64
}

// LengthBoundNs is the largest duration that bucket i counts, -1: no bound.
func LengthBoundNs(i int) int64 {
	if i == lengthBuckets-1 {
		return -1
	}
	return 1 << (lengthMinExp + i)
}

func (l *lengths) record(ns int64) {
	i := min(max(bits.Len64(uint64(max(ns, 1)-1)), lengthMinExp)-lengthMinExp, lengthBuckets-1)
	l.buckets[i].Store(l.buckets[i].Load() + 1)
	l.sumNs.Store(l.sumNs.Load() + ns)
}

func (l *lengths) read() (out Lengths) {
	for i := range l.buckets {
		out.Counts[i] = l.buckets[i].Load()
	}
	out.SumNs = l.sumNs.Load()
	return out
}

// Total is how many durations were counted.
func (l *Lengths) Total() (n uint64) {
	for _, c := range l.Counts {
		n += c
	}
	return n
}

// Overruns is what the loop noticed of its own lateness: the second tier of
// watching, between a task over its quota (a counter) and a stall (a report).
type Overruns struct {
	Tasks  Lengths // runs of ready tasks that took more than twice the quota
	Rounds Lengths // whole rounds that did
}

// Overruns may be called on any thread.
func (r *Reactor) Overruns() Overruns {
	return Overruns{Tasks: r.longTasks.read(), Rounds: r.longRounds.read()}
}
