package host

import (
	"fmt"
	"runtime"
	"strings"
)

// Status is what a check came to.
type Status string

// A warning costs precision; a failure makes numbers from this machine
// worthless, or keeps something from working.
const (
	Pass Status = "pass"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Check is one property of the machine that bears on measuring.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Why    string `json:"why,omitempty"`  // it matters; of what has not passed
	Mend   string `json:"mend,omitempty"` // the command that mends it

	// writes mend it, where that is safe and can be undone.
	writes []write
}

// Fixable says whether [Machine.Fix] can mend it.
func (c *Check) Fixable() bool { return len(c.writes) > 0 }

// write is a file of the kernel's and what belongs into it.
type write struct{ path, want string }

// Facts are what was found out by trying, beside what files tell; see disk.Probe
// and tpc.ProbeAsync. The zero value says that nothing was tried.
type Facts struct {
	Storage map[string]string
	Uring   string // what io_uring offers, or why it cannot be used
	UringOK bool
	Cycles  string // "yes", or why they cannot be counted
	Limits  Limits
}

// Limits of a process. -1 is none, and 0 unknown.
type Limits struct {
	MemlockBytes int64
	Files        int64
}

// unknown is what a check says that finds nothing to read.
const unknown = "not told by this system"

// Examine checks everything that bears on measuring on this machine, with e from
// [Machine.Capture]. Nothing is changed.
func (m Machine) Examine(e *Env, f Facts) []Check {
	var out []Check
	for _, check := range []func(*Env) Check{
		m.checkCPUs, m.checkSMT, m.checkGovernor, m.checkTurbo, m.checkIdle, m.checkIsolation, m.checkInterrupts,
		m.checkQuota, m.checkSteal, m.checkPressure, m.checkHugePages, m.checkSwap, m.checkNUMA, m.checkMitigations,
		m.checkClock, m.checkFilesystem, m.checkScheduler, m.checkWriteCache, m.checkSpace, m.checkVersions,
	} {
		out = append(out, check(e))
	}
	return append(out, m.checkCounters(&f), checkDirect(&f), checkAlignment(&f), checkUring(e, &f), checkAsync(&f), checkMemlock(&f), checkFiles(&f))
}

func passed(name, found string) Check { return Check{Name: name, Status: Pass, Found: found} }

// notPassed makes a check that has not passed.
func notPassed(s Status, name, found, why, mend string) Check {
	if found == "" {
		found = unknown
	}
	return Check{Name: name, Status: s, Found: found, Why: why, Mend: mend}
}

func (m Machine) checkVersions(e *Env) Check {
	found := "Linux " + e.Kernel + ", " + runtime.Version()
	var major int
	if _, err := fmt.Sscanf(e.Kernel, "%d.", &major); err != nil || major < 6 {
		return notPassed(Warn, "versions", found, "multishot receive needs Linux 6.0: tpc falls back to epoll on older ones", "install a newer kernel")
	}
	return passed("versions", found)
}

// chosen is the value in brackets of a file that lists what it could be, or the
// whole of one that does not.
func chosen(text string) string {
	if _, rest, ok := strings.Cut(text, "["); ok {
		value, _, _ := strings.Cut(rest, "]")
		return value
	}
	return text
}
