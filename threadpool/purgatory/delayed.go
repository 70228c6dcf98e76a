package purgatory

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/threadpool/kernel"
)

// Operation is a request that waits for a condition. The implementation embeds
// a Delayed, which decides that it completes once.
type Operation interface {
	// TryComplete looks at the condition and, when it is met, calls
	// ForceComplete and returns its result. It runs under the operation's lock.
	TryComplete() bool
	// OnComplete does what the operation waited to do. It runs once, on the
	// thread that completed it. expired says whether time ran out.
	OnComplete(expired bool)
	delayed() *Delayed
}

// Delayed is the state every operation has. The zero value is ready.
type Delayed struct {
	lock      kernel.Mutex
	completed atomic.Bool
	self      Operation
	home      *Purgatory
	entry     Entry
}

func (d *Delayed) delayed() *Delayed { return d }

// Completed reports whether somebody has completed the operation.
func (d *Delayed) Completed() bool { return d.completed.Load() }

// ForceComplete completes the operation unless somebody has. The winner runs
// OnComplete and learns true.
func (d *Delayed) ForceComplete() bool { return d.finish(false) }

func (d *Delayed) finish(expired bool) bool {
	if !d.completed.CompareAndSwap(false, true) {
		return false
	}
	d.home.forget(d)
	d.self.OnComplete(expired)
	return true
}

// try is TryComplete under the operation's lock, skipped when it is over.
func (d *Delayed) try() bool {
	if d.completed.Load() {
		return false
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	if d.completed.Load() {
		return false
	}
	return d.self.TryComplete()
}
