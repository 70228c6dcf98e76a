//go:build !linux

package host

import (
	"errors"
	"os/exec"
	"runtime"
)

var errLinux = errors.New("processes can be bound to CPUs on Linux only")

// Allowed lists every CPU: other systems do not tell.
func Allowed() ([]int, error) {
	out := make([]int, runtime.NumCPU())
	for i := range out {
		out[i] = i
	}
	return out, nil
}

// SetAffinity fails: only Linux binds threads.
func SetAffinity([]int) error { return errLinux }

// Start starts cmd unbound, and fails when it should be bound.
func Start(cmd *exec.Cmd, cpus []int) error {
	if len(cpus) > 0 {
		return errLinux
	}
	return cmd.Start()
}

func processCPUNs(int) int64 { return -1 }

// FileLimit knows none.
func FileLimit() (int, error) { return 1 << 30, nil }

// Confine fails: only Linux binds threads.
func Confine([]int) error { return errLinux }

// ProcessLimits are not known here.
func ProcessLimits() Limits { return Limits{} }
