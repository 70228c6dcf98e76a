package host

import (
	"runtime"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// StartHiccups starts a probe on a CPU; beside says that a load runs there too.
func StartHiccups(cpu int, beside bool) (*HiccupProbe, error) {
	p := &HiccupProbe{stop: make(chan struct{}), done: make(chan Hiccups, 1)}
	period := hiccupAlone
	if beside {
		period = hiccupBeside
	}
	h := Hiccups{CPU: cpu, PeriodNs: int64(period)}
	ready := make(chan error, 1)
	go func() {
		// Never unlocked: the thread dies with its binding and its priority.
		runtime.LockOSThread()
		if err := SetAffinity([]int{cpu}); err != nil {
			ready <- err
			return
		}
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // the finest that there is, where it can be had
		h.FirstInLine = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0) == nil
		ready <- nil
		late := newLateness()
		p.run(int64(period), late)
		h.sum(late)
		p.done <- h
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return p, nil
}

// run sleeps to each multiple of the period and notes how late it wakes. What it
// slept through is not made up for: each waking is one reading.
func (p *HiccupProbe) run(periodNs int64, late *hdr.Histogram) {
	next := monotonicNs() + periodNs
	for {
		select {
		case <-p.stop:
			return
		default:
		}
		ts := unix.NsecToTimespec(next)
		for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
		}
		now := monotonicNs()
		_ = late.RecordValue(min(max(now-next, 1), int64(time.Minute))) // in range
		for next += periodNs; next <= now; next += periodNs {
		}
	}
}

// monotonicNs is CLOCK_MONOTONIC; 0 on the kernel that has none, which is none.
func monotonicNs() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return ts.Nano()
}
