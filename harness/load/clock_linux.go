package load

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/telemetry"
)

// clockOffsets returns what to add to telemetry.Now for CLOCK_MONOTONIC and for
// UTC. Of several readings the one with the least delay counts.
func clockOffsets() (monotonicNs, wallNs int64) {
	best := int64(never)
	for range 16 {
		var ts unix.Timespec
		before := telemetry.Now()
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			return 0, time.Now().UnixNano() - telemetry.Now()
		}
		wall := time.Now().UnixNano()
		after := telemetry.Now()
		if after-before < best {
			best = after - before
			mid := before + best/2
			monotonicNs, wallNs = ts.Nano()-mid, wall-mid
		}
	}
	return monotonicNs, wallNs
}

// Monotonic is CLOCK_MONOTONIC, which every process of the machine shares; 0 where
// there is none.
func Monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}

// cpuTimes is the CPU time of the process so far.
func cpuTimes() (userNs, systemNs int64) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	return u.Utime.Nano(), u.Stime.Nano()
}

// earlyNs is how long before a deadline a sleeper wakes to spin: waking costs 20
// to 60 us on virtual machines.
const earlyNs = 60_000

// sleep waits for a time of CLOCK_MONOTONIC, which signals cannot lengthen.
func sleep(monotonicNs int64) {
	ts := unix.NsecToTimespec(monotonicNs)
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
	}
}

// tight asks for the finest timers the kernel gives this thread.
func tight() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(time.Nanosecond), 0, 0, 0) }
