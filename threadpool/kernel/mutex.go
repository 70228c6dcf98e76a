package kernel

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/telemetry"
)

// States of a Mutex's word.
const (
	unlocked  = 0
	locked    = 1
	contended = 2 // locked, and somebody may wait in the kernel
)

// mutexSpins bounds the polls of a held mutex before the thread waits in the
// kernel: about 1 µs, the length of the sections it guards.
const mutexSpins = 300

// lockWaitNs is how long one wait lasts; the wait is repeated, it only has to
// end now and then so that signals get through.
const lockWaitNs = 100_000_000

// Mutex is a lock between threads of the pool. The zero value is for locked
// threads and waits on a futex; Go(true) makes it Go's own, for goroutines.
type Mutex struct {
	word  atomic.Uint32
	sched bool
	std   sync.Mutex
	held  sample
}

// Go chooses who schedules the waiters; call it before the first Lock.
func (m *Mutex) Go(sched bool) { m.sched = sched }

// Of says which class the mutex belongs to; call it before the first Lock.
func (m *Mutex) Of(c *Class) { m.held.class = c }

// Lock takes the mutex on a thread of the pool.
func (m *Mutex) Lock() {
	if !m.TryLock() {
		m.wait()
	}
}

// wait takes the mutex after a first try has failed.
func (m *Mutex) wait() {
	since := telemetry.Now()
	if m.sched {
		m.std.Lock()
	} else {
		m.poll()
	}
	m.held.class.waited(since)
	m.held.taken()
}

// poll tries for a moment and then waits in the kernel.
func (m *Mutex) poll() {
	if CPUs > 1 {
		for range mutexSpins {
			if m.word.Load() == unlocked && m.word.CompareAndSwap(unlocked, locked) {
				return
			}
		}
	}
	for m.word.Swap(contended) != unlocked {
		Wait(&m.word, contended, lockWaitNs)
	}
}

// LockAside takes the mutex on a goroutine that is not a thread of the pool. It
// never holds a scheduler slot while it waits, because the holder may be
// another goroutine that needs one. Its waits are not the pool's and count in no
// class.
func (m *Mutex) LockAside() {
	if m.sched {
		m.std.Lock()
		return
	}
	for m.word.Swap(contended) != unlocked {
		futexSleep(&m.word, contended, 1_000_000)
		runtime.Gosched()
	}
}

// TryLock takes the mutex if nobody holds it.
func (m *Mutex) TryLock() bool {
	if m.sched {
		if !m.std.TryLock() {
			return false
		}
	} else if !m.word.CompareAndSwap(unlocked, locked) {
		return false
	}
	m.held.taken()
	return true
}

// Unlock releases the mutex; any thread may call it.
func (m *Mutex) Unlock() {
	m.held.over()
	if m.sched {
		m.std.Unlock()
		return
	}
	switch old := m.word.Swap(unlocked); old {
	case contended:
		Wake(&m.word, 1)
	case locked:
	default:
		panic(fmt.Sprintf("kernel: unlock of a mutex in state %d, want %d or %d", old, locked, contended))
	}
}
