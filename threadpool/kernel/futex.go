package kernel

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
)

// calls counts the system calls by which threads of this process wait for each
// other and wake each other, by the word or the descriptor that they do it at.
var calls telemetry.StripedCounter

// Calls is how many there were. Any thread.
func Calls() uint64 { return calls.Load() }

// line is the cache line that a word lies on.
func line(word *atomic.Uint32) uintptr { return uintptr(unsafe.Pointer(word)) >> 6 }

// NapNs is how long a thread waits with its scheduler slot in hand before it
// gives the slot away: shorter than the 10 ms after which Go preempts.
const NapNs = 5_000_000

const (
	futexWaitPrivate = 0 | 128
	futexWakePrivate = 1 | 128
)

// CPUs is how many processors this process may run on, read at start. With one,
// nothing may spin for another thread: that thread cannot run meanwhile.
var CPUs = runtime.NumCPU()

// futexNap waits by raw call until the word differs from old, a wake, a signal,
// or ns have passed.
func futexNap(word *atomic.Uint32, old uint32, ns int64) {
	calls.Inc(line(word))
	ts := unix.NsecToTimespec(ns)
	_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWaitPrivate, uintptr(old),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// futexSleep is futexNap through the scheduler: the slot may go elsewhere.
func futexSleep(word *atomic.Uint32, old uint32, ns int64) {
	calls.Inc(line(word))
	ts := unix.NsecToTimespec(ns)
	_, _, _ = syscall.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWaitPrivate, uintptr(old),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// Wait blocks a locked thread while *word == old, for at most ns nanoseconds
// (which must be positive). It may return early for no reason.
func Wait(word *atomic.Uint32, old uint32, ns int64) {
	futexNap(word, old, min(ns, NapNs))
	if ns > NapNs && word.Load() == old {
		futexSleep(word, old, ns-NapNs)
	}
}

// Wake wakes up to n threads that wait on word.
func Wake(word *atomic.Uint32, n int) {
	calls.Inc(line(word))
	_, _, _ = syscall.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWakePrivate, uintptr(n), 0, 0, 0)
}
