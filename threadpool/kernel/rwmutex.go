package kernel

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/telemetry"
)

// writing is the bit of an RWMutex's word that a writer holds or waits with;
// the bits below count readers.
const writing = 1 << 31

// RWMutex is a lock that many readers share. Its writers are rare (a leader
// changes, a partition goes), so readers pay one atomic addition each way and a
// writer polls until the readers have left.
type RWMutex struct {
	word   atomic.Uint32
	writer Mutex
	class  *Class
}

// Go chooses who schedules the waiters; call it before the first use.
func (l *RWMutex) Go(sched bool) { l.writer.Go(sched) }

// Of says which class the lock belongs to; call it before the first use. Readers
// that wait for a writer count in it. How long the lock is held does not: readers
// hold it together.
func (l *RWMutex) Of(c *Class) { l.class = c }

// RLock shares the lock; a waiting writer goes first.
func (l *RWMutex) RLock() {
	if l.word.Add(1)&writing != 0 {
		l.await()
	}
}

// await gives the share back and tries again when the writer has gone.
func (l *RWMutex) await() {
	since := telemetry.Now()
	for {
		l.word.Add(^uint32(0))
		l.writer.Lock() // the writer holds it for as long as it writes
		//lint:ignore SA2001 having waited is the point
		l.writer.Unlock()
		if l.word.Add(1)&writing == 0 {
			l.class.waited(since)
			return
		}
	}
}

// RUnlock ends one RLock.
func (l *RWMutex) RUnlock() {
	if n := l.word.Add(^uint32(0)) &^ writing; n == writing-1 {
		panic(fmt.Sprintf("kernel: read unlock of a lock with %d readers, want at least 1", 0))
	}
}

// Shared reports whether somebody shares the lock, for assertions.
func (l *RWMutex) Shared() bool { return l.word.Load()&^writing != 0 }

// Lock excludes everybody. Only goroutines outside the pool and the controller
// call it; it sleeps between looks.
func (l *RWMutex) Lock() {
	l.writer.LockAside()
	l.word.Or(writing)
	for l.word.Load() != writing {
		runtime.Gosched()
	}
}

// Unlock ends Lock.
func (l *RWMutex) Unlock() {
	l.word.And(^uint32(writing))
	l.writer.Unlock()
}
