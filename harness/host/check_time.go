package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

func (m Machine) checkQuota(e *Env) Check {
	const name = "quota"
	quota := e.CgroupCPU
	if quota == "" {
		return passed(name, "none")
	}
	if f := strings.Fields(quota); f[0] == "max" {
		return passed(name, "none (cpu.max "+quota+")")
	}
	return notPassed(Fail, name, quota+" µs", "the kernel stops the whole control group when its quota is used up: pauses of tens of ms", "run outside of the container, or give it no CPU limit")
}

// The shares of CPU time since boot that the hypervisor may have taken.
const stealWarn, stealFail = 0.001, 0.05

func (m Machine) checkSteal(*Env) Check {
	line, _, _ := strings.Cut(m.read("/proc/stat"), "\n")
	f := strings.Fields(line)
	if len(f) < 9 {
		return notPassed(Warn, "steal", "", "nobody tells what the hypervisor takes", "measure on a machine of its own")
	}
	var sum int64
	for _, v := range f[1:9] {
		sum += atoi(v)
	}
	share := float64(atoi(f[8])) / float64(max(sum, 1))
	found := fmt.Sprintf("%.3f %% of the CPU time since boot", 100*share)
	switch {
	case share <= stealWarn:
		return passed("steal", found)
	case share <= stealFail:
		return notPassed(Warn, "steal", found, "the hypervisor gives CPU time to others, or to what serves this disk; cells that lose too much are left out", "measure on a machine of its own, or at another hour")
	}
	return notPassed(Fail, "steal", found, "the hypervisor gives CPU time to others, or to what serves this disk", "measure on a machine of its own, or at another hour")
}

// The shares of the last ten seconds that somebody may have waited for.
const pressureWarn, pressureFail = 1.0, 10.0

func (m Machine) checkPressure(*Env) Check {
	var found []string
	worst := -1.0
	for _, what := range []string{"cpu", "io", "memory"} {
		line, _, _ := strings.Cut(m.read("/proc/pressure/"+what), "\n")
		_, rest, ok := strings.Cut(line, "avg10=")
		if !ok {
			continue
		}
		value, _, _ := strings.Cut(rest, " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			worst = max(worst, v)
			found = append(found, what+" "+value+" %")
		}
	}
	words := strings.Join(found, ", ")
	const why, mend = "something else on this machine wants what the measurement wants", "end what else runs here; top shows it"
	switch {
	case worst < 0:
		return notPassed(Warn, "pressure", "", "nobody tells who waits for what", "boot with psi=1")
	case worst < pressureWarn:
		return passed("pressure", words)
	case worst < pressureFail:
		return notPassed(Warn, "pressure", words, why, mend)
	}
	return notPassed(Fail, "pressure", words, why, mend)
}

const clockDir = "/sys/devices/system/clocksource/clocksource0/"

// dearClockNs is a reading of the clock that is dear beside what it measures.
const dearClockNs = 100

func (m Machine) checkClock(e *Env) Check {
	found := fmt.Sprintf("%s, %.0f ns a reading", orUnknown(e.Clocksource), e.ClockNs)
	switch {
	case e.Clocksource == "hpet" || e.Clocksource == "acpi_pm":
		mend := "the kernel has found the processor's own clock not to be steady (journalctl -k | grep -i clocksource): use another machine"
		for _, better := range []string{"tsc", "kvm-clock"} {
			if slices.Contains(strings.Fields(m.read(clockDir+"available_clocksource")), better) {
				mend = "echo " + better + " | sudo tee " + clockDir + "current_clocksource"
				break
			}
		}
		return notPassed(Fail, "clock", found, "each reading goes to a device and takes microseconds", mend)
	case e.Clocksource == "":
		return notPassed(Warn, "clock", found, "the clock is unknown", "boot with clocksource=tsc")
	case e.ClockNs > dearClockNs:
		mend := "boot with clocksource=tsc, where the processor has a steady one"
		if e.Clocksource == "tsc" {
			mend = "end what else runs here and look again; else the processor is no faster"
		}
		return notPassed(Warn, "clock", found, fmt.Sprintf("a reading takes more than %d ns, and every request needs some ten", dearClockNs), mend)
	}
	return passed("clock", found)
}

// openParanoia is the highest setting at which a process that is not root's may
// count its children's events, inside of the kernel, too.
const openParanoia = 1

// checkCounters goes by what trying came to: most virtual machines have no
// counters, whatever they allow.
func (m Machine) checkCounters(f *Facts) Check {
	const name, path = "counters", "/proc/sys/kernel/perf_event_paranoid"
	level := m.read(path)
	n, err := strconv.Atoi(level)
	tried, found := f.Cycles, "perf_event_paranoid "+level
	if err != nil {
		found = "no perf_event_paranoid"
	}
	refused := strings.Contains(tried, "permi") // EACCES and EPERM
	if tried == "" {
		refused = n > openParanoia
		found += ", not tried"
	}
	switch {
	case tried == "yes":
		return passed(name, "cycles and instructions; "+found)
	case refused:
		return notPassed(Warn, name, found, "only root may count cycles and instructions", fmt.Sprintf("sudo sysctl kernel.perf_event_paranoid=%d", openParanoia))
	case tried != "":
		return notPassed(Warn, name, found+"; "+tried, "cycles and instructions cannot be counted: reports show them as not told",
			"use a machine with performance counters; virtual ones have them where the one below passes them on")
	case err != nil:
		return notPassed(Warn, name, "", "cycles and instructions cannot be counted", "use a kernel with performance events")
	}
	return passed(name, found)
}
