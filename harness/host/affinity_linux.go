package host

import (
	"fmt"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Allowed lists the CPUs this process may run on.
func Allowed() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("reading this process's CPUs: %w", err)
	}
	var out []int
	for c := 0; c < maxCPU && len(out) < set.Count(); c++ {
		if set.IsSet(c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// SetAffinity binds the calling thread. The caller holds runtime.LockOSThread.
// A CPU that the machine or the cpuset does not have is an error, though the
// kernel would drop it silently.
func SetAffinity(cpus []int) error {
	var set, got unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("CPUs %s: %w (online: %s)", FormatCPUs(cpus), err, online())
	}
	if err := unix.SchedGetaffinity(0, &got); err != nil {
		return fmt.Errorf("reading back CPUs %s: %w", FormatCPUs(cpus), err)
	}
	for _, c := range cpus {
		if !got.IsSet(c) {
			return fmt.Errorf("CPU %d cannot be used by this process (online: %s)", c, online())
		}
	}
	return nil
}

func online() string {
	cpus, err := Machine{}.Online()
	if err != nil || len(cpus) == 0 {
		return "unknown"
	}
	return FormatCPUs(cpus)
}

// Start starts cmd with all its future threads bound to cpus: a child inherits
// the affinity of the thread that forks it, so the binding is there before the
// first instruction of the child runs. No cpus means unbound.
func Start(cmd *exec.Cmd, cpus []int) error {
	if len(cpus) == 0 {
		return cmd.Start()
	}
	result := make(chan error, 1)
	go func() {
		// The thread is never unlocked: it ends with the goroutine, and its
		// affinity with it, so that no other goroutine inherits the binding.
		runtime.LockOSThread()
		if err := SetAffinity(cpus); err != nil {
			result <- err
			return
		}
		result <- cmd.Start()
	}()
	return <-result
}

// processCPUNs reads the exact CPU time of another process from its CPU clock.
func processCPUNs(pid int) int64 {
	const schedClock = 2 // CPUCLOCK_SCHED of the kernel's dynamic clock ids
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|schedClock, &ts); err != nil {
		return -1
	}
	return ts.Nano()
}

// FileLimit is how many file descriptors a process here may have open at most.
func FileLimit() (int, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("reading the limit of file descriptors: %w", err)
	}
	return int(min(l.Max, 1<<30)), nil
}

// ProcessLimits are those of this process that bear on experiments.
func ProcessLimits() (l Limits) {
	read := func(what int, of func(*unix.Rlimit) uint64) int64 {
		var r unix.Rlimit
		if unix.Getrlimit(what, &r) != nil {
			return 0
		}
		if n := of(&r); n < 1<<62 {
			return int64(n)
		}
		return -1
	}
	l.MemlockBytes = read(unix.RLIMIT_MEMLOCK, func(r *unix.Rlimit) uint64 { return r.Cur })
	l.Files = read(unix.RLIMIT_NOFILE, func(r *unix.Rlimit) uint64 { return r.Max }) // Go raises its own to it
	return l
}

// Confine binds every thread that this process has, and by inheritance those it
// makes later: the harness keeps off the broker's CPUs.
func Confine(cpus []int) error {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	threads, err := Machine{}.Threads(unix.Getpid())
	if err != nil {
		return err
	}
	for _, t := range threads {
		if err := unix.SchedSetaffinity(t.ID, &set); err != nil && err != unix.ESRCH {
			return fmt.Errorf("binding the harness to CPUs %s: %w", FormatCPUs(cpus), err)
		}
	}
	return nil
}
