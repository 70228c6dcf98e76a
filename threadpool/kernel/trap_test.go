package kernel

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cpuNs is the processor time that this process has used.
func cpuNs(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkCollectWhileWaiting is a garbage collection while waiters, whose
// stacks have been deep, queue for one lock. Shrinking the stack of a goroutine
// that waits for a sync.Mutex walks the whole queue behind it (golang/go#81957),
// so n waiters cost n². In the pool only threads wait for locks, 14 in the
// preset, however many connections and long polls there are: those are entries
// in lists. Two collections each, three runs, Go 1.26.8, 2 virtual processors,
// other work beside it:
//
//	                 waiters   ms per collection   CPU ms
//	sync.Mutex            16         0.6 –   1.6    0.6 –   1.7   threads=goroutine
//	sync.Mutex          2500         8   –  16       11 –  19     the trap
//	sync.Mutex          5000        25   –  49       42 –  56
//	sync.Mutex         10000       101   – 142      135 – 182
//	Mutex, locked         16         7   –  17       11 –  18     threads=os
//	sync.Mutex, locked    16         4   –  11        5 –  14
//
// What 16 locked threads cost is the same for either lock: there is a scheduler
// slot for each, and the collector starts workers by the number of slots.
func BenchmarkCollectWhileWaiting(b *testing.B) {
	for _, waiters := range []int{16, 2500, 5000, 10000} {
		b.Run(fmt.Sprintf("sync.Mutex of goroutines/waiters=%d", waiters), func(b *testing.B) {
			var m sync.Mutex
			collect(b, waiters, false, &m)
		})
	}
	b.Run("sync.Mutex of threads/waiters=16", func(b *testing.B) {
		var m sync.Mutex
		collect(b, 16, true, &m)
	})
	b.Run("Mutex of threads/waiters=16", func(b *testing.B) {
		var m Mutex
		collect(b, 16, true, &m)
	})
}

// collect measures collections while waiters wait for m, and then lets them go.
func collect(b *testing.B, waiters int, locked bool, m sync.Locker) {
	if locked {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(waiters + 1))
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // none but the measured ones, which find the stacks deep
	m.Lock()
	var done sync.WaitGroup
	for range waiters {
		done.Go(func() {
			if locked {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
			}
			deep(12)
			m.Lock()
			defer m.Unlock()
		})
	}
	time.Sleep(200 * time.Millisecond) // until they all wait
	before := cpuNs(b)
	n := 0
	for b.Loop() {
		runtime.GC()
		n++
	}
	b.ReportMetric(float64(cpuNs(b)-before)/float64(n)/1e6, "cpu-ms/collection")
	m.Unlock()
	done.Wait()
}

// deep makes the stack grow by n kilobytes, which collections take back, half
// of it at a time.
func deep(n int) {
	var frame [1024]byte
	touch(&frame, n)
	if n > 0 {
		deep(n - 1)
	}
	touch(&frame, n)
}

// touch keeps the compiler from doing without a frame.
//
//go:noinline
func touch(frame *[1024]byte, n int) { frame[n]++ }

// BenchmarkHandOver passes a token to another thread and back. Between locked
// threads a channel hands the scheduler slot from thread to thread at each wake,
// a Gate is a futex; between free goroutines a channel is a function call, and
// there a Gate is a channel with a timer. 20000 round trips, three runs, same
// machine:
//
//	                     µs per round trip   CPU µs
//	chan, locked            48.6 – 52.9      46.9 – 50.7   the trap
//	Gate, locked            22.5 – 27.5      15.1 – 18.1   threads=os
//	chan, goroutines        0.26 – 0.37      0.27 – 0.41
//	Gate, goroutines         1.3 –  1.4       1.4 –  1.7   threads=goroutine
func BenchmarkHandOver(b *testing.B) {
	for _, locked := range []bool{true, false} {
		b.Run(fmt.Sprintf("chan/locked=%v", locked), func(b *testing.B) {
			there, back := make(chan struct{}), make(chan struct{})
			handOver(b, locked, func() { there <- struct{}{}; <-back }, func() bool {
				_, ok := <-there
				if ok {
					back <- struct{}{}
				}
				return ok
			}, func() { close(there) })
		})
		b.Run(fmt.Sprintf("Gate/locked=%v", locked), func(b *testing.B) {
			var there, back Gate
			there.Go(!locked)
			back.Go(!locked)
			const second = 1_000_000_000
			over := false
			handOver(b, locked, func() { there.Open(); back.Wait(second) }, func() bool {
				there.Wait(second)
				if over {
					return false
				}
				back.Open()
				return true
			}, func() { over = true; there.Open() })
		})
	}
}

// handOver measures call against answer on two threads.
func handOver(b *testing.B, locked bool, call func(), answer func() bool, stop func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	if locked {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	var done sync.WaitGroup
	done.Go(func() {
		if locked {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
		}
		for answer() {
		}
	})
	before := cpuNs(b)
	n := 0
	for b.Loop() {
		call()
		n++
	}
	b.ReportMetric(float64(cpuNs(b)-before)/float64(n)/1e3, "cpu-µs/op")
	stop()
	done.Wait()
}
