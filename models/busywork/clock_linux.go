package busywork

import "golang.org/x/sys/unix"

// threadNow is the CPU time that the calling thread has had, in ns.
func threadNow() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic("busywork: no clock of a thread's CPU time: " + err.Error())
	}
	return ts.Nano()
}
