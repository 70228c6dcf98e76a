package host

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const cpuDir = "/sys/devices/system/cpu"

func (m Machine) checkCPUs(e *Env) Check {
	cpus, _ := ParseCPUs(e.Allowed)
	found := fmt.Sprintf("%d usable (%s) of %s online", len(cpus), e.Allowed, e.Online)
	online, _ := ParseCPUs(e.Online) // unknown: no more than are usable
	mend := func(need string) string {
		if len(online) > len(cpus) && len(online) >= 4 {
			return "taskset -c " + e.Online + " ceteris …, or a container with more CPUs (--cpuset-cpus)"
		}
		return "use a machine with " + need + " CPUs or more"
	}
	switch {
	case len(cpus) >= 4:
		return passed("cpus", found)
	case len(cpus) >= 2:
		return notPassed(Warn, "cpus", found, "broker and generator get one each: shard per core has one shard, and nothing is left for the system", mend("four"))
	}
	return notPassed(Fail, "cpus", found, "broker and generator share a CPU: response times hold the generator's work", mend("two"))
}

func (m Machine) checkSMT(e *Env) Check {
	var shared []string
	for _, list := range slices.Sorted(maps.Values(e.Siblings)) {
		if cpus, err := ParseCPUs(list); err == nil && len(cpus) > 1 && !slices.Contains(shared, list) {
			shared = append(shared, list)
		}
	}
	if len(shared) == 0 {
		return passed("smt", "one hardware thread a core")
	}
	return notPassed(Warn, "smt", "cores with several hardware threads: "+strings.Join(shared, "; "),
		"a thread's speed depends on what its sibling does; the harness keeps both sides on cores of their own where it can",
		"echo off | sudo tee /sys/devices/system/cpu/smt/control")
}

// perCPU reads a file of every online CPU; those that lack it are left out.
func (m Machine) perCPU(file string) map[int]string {
	out := map[int]string{}
	online, _ := m.Online() // none: nothing is told
	for _, c := range online {
		if v := m.read(fmt.Sprintf("%s/cpu%d/%s", cpuDir, c, file)); v != "" {
			out[c] = v
		}
	}
	return out
}

const governorFile = "cpufreq/scaling_governor"

// distinct are the values that CPUs have.
func distinct(of map[int]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(of)))
}

func (m Machine) checkGovernor(e *Env) Check {
	governors := m.perCPU(governorFile)
	if len(governors) == 0 {
		return notPassed(Warn, "governor", "", "the frequency is not this system's to set, and may change under a measurement", "ask whoever runs the machine below this one")
	}
	var writes []write
	for _, c := range slices.Sorted(maps.Keys(governors)) {
		if governors[c] != "performance" {
			writes = append(writes, write{fmt.Sprintf("%s/cpu%d/%s", cpuDir, c, governorFile), "performance"})
		}
	}
	if len(writes) == 0 {
		return passed("governor", e.Governor)
	}
	c := notPassed(Warn, "governor", e.Governor, "the frequency follows the load, so that a light load looks slower than it is", "sudo cpupower frequency-set --governor performance")
	c.writes = writes
	return c
}

func (m Machine) checkTurbo(e *Env) Check {
	switch e.Turbo {
	case "off":
		return passed("turbo", "off")
	case "":
		return notPassed(Warn, "turbo", "", "the frequency may depend on what other cores do", "ask whoever runs the machine below this one")
	}
	w := write{cpuDir + "/cpufreq/boost", "0"}
	if m.read(cpuDir+"/intel_pstate/no_turbo") != "" {
		w = write{cpuDir + "/intel_pstate/no_turbo", "1"}
	}
	c := notPassed(Warn, "turbo", "on", "the frequency depends on temperature and on what other cores do", "echo "+w.want+" | sudo tee "+w.path)
	c.writes = []write{w}
	return c
}

// idleLatencyUs is how long waking from an idle state may take before it is more
// than what is being measured resolves.
const idleLatencyUs = 10

func (m Machine) checkIdle(e *Env) Check {
	driver := m.read(cpuDir + "/cpuidle/current_driver")
	if driver == haltPoll {
		return m.checkHaltPoll()
	}
	states, _ := filepath.Glob(m.path(cpuDir + "/cpu*/cpuidle/state*"))
	if len(states) == 0 {
		if driver == "" {
			return notPassed(Warn, "idle", "", "how long a sleeping CPU takes to wake is not this system's to set", "ask whoever runs the machine below this one")
		}
		if driver == "none" && e.Hypervisor == "yes" && !strings.Contains(" "+e.Cmdline+" ", " idle=poll ") {
			return notPassed(Warn, "idle", "driver none: a CPU of a virtual machine halts at once", haltCost,
				"sudo modprobe cpuidle_haltpoll force=1, or boot with idle=poll")
		}
		return passed("idle", "driver "+driver+", no states")
	}
	slices.Sort(states)
	var deep []string
	var writes []write
	for _, s := range states {
		latency, disabled := atoi(fileText(s+"/latency")), fileText(s+"/disable")
		if latency <= idleLatencyUs || disabled == "1" {
			continue
		}
		name := fmt.Sprintf("%s (%d µs)", fileText(s+"/name"), latency)
		if !slices.Contains(deep, name) {
			deep = append(deep, name)
		}
		writes = append(writes, write{strings.TrimPrefix(s, m.Root) + "/disable", "1"})
	}
	if len(deep) == 0 {
		return passed("idle", "no state takes longer than "+strconv.Itoa(idleLatencyUs)+" µs to leave")
	}
	c := notPassed(Warn, "idle", "deep states allowed: "+strings.Join(deep, ", "),
		"a CPU that has slept wakes late, so that a light load looks slower than it is", fmt.Sprintf("sudo cpupower idle-set --disable-by-latency %d", idleLatencyUs))
	c.writes = writes
	return c
}

// The idle driver of guests. Its state costs nothing to leave by its own account,
// which leaves out the hypervisor: a guest's CPU that has nothing to do polls for a
// while, then halts, and whoever wakes it pays for the way through the hypervisor.
const (
	haltPoll     = "haltpoll"
	haltPollFile = "/sys/module/haltpoll/parameters/guest_halt_poll_ns"
	// haltPollNs is how long to poll: longer than a pause between requests that is
	// of interest, shorter than one that is idleness.
	haltPollNs = 5_000_000

	haltCost = "sending to a CPU that has halted costs the sender tens of µs: light loads look slower, and requests leave later, than they would elsewhere"
)

func (m Machine) checkHaltPoll() Check {
	text := m.read(haltPollFile)
	if text == "" {
		return passed("idle", "driver "+haltPoll+", how long it polls is not told")
	}
	if atoi(text) >= haltPollNs {
		return passed("idle", fmt.Sprintf("driver %s, polls for %s ns before it halts", haltPoll, text))
	}
	c := notPassed(Warn, "idle", fmt.Sprintf("driver %s, halts after %s ns", haltPoll, text),
		haltCost,
		fmt.Sprintf("echo %d | sudo tee %s", haltPollNs, haltPollFile))
	c.writes = []write{{haltPollFile, strconv.Itoa(haltPollNs)}}
	return c
}

func (m Machine) checkIsolation(e *Env) Check {
	isolated, _ := ParseCPUs(e.Isolated)
	full := m.read(cpuDir + "/nohz_full")
	if full == "(null)" {
		full = ""
	}
	found := fmt.Sprintf("isolcpus %s, nohz_full %s", orNone(e.Isolated), orNone(full))
	if boot := e.Cmdline; strings.Contains(boot, "rcu_nocbs") {
		found += ", rcu_nocbs"
	}
	allowed, _ := ParseCPUs(e.Allowed)
	if enough := len(isolatedCores(e, isolated)) >= leastIsolated; enough && Subset(allowed, isolated) {
		return passed("isolation", found)
	} else if enough {
		// The kernel puts no process there by itself, and automatic halves are of all that may be used.
		return notPassed(Warn, "isolation", found+"; this process may use "+e.Allowed, "both sides are put on CPUs that are not isolated, unless host.broker_cpus and host.generator_cpus say otherwise",
			"taskset -c "+e.Isolated+" ceteris …")
	}
	return notPassed(Warn, "isolation", found, "other processes, timer ticks and callbacks of the kernel run on the CPUs of both sides; class A needs four cores without",
		"boot with isolcpus=2-7 nohz_full=2-7 rcu_nocbs=2-7, for CPUs that are there")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (m Machine) checkInterrupts(e *Env) Check {
	const name = "interrupts"
	if e.Data.IRQCPU < 0 {
		return notPassed(Warn, name, e.Data.IRQ, "where the disk's interrupts are served is unknown: they may disturb the generator", "keep the data on a disk with interrupts of its own (--data)")
	}
	allowed, _ := ParseCPUs(e.Allowed)
	place, err := Split("auto", "auto", allowed, e.Data.IRQCPU, m.Siblings())
	if err != nil || place.Shared {
		return passed(name, e.Data.IRQ)
	}
	var writes []write
	var stray, movable, fixed []string
	for _, irq := range m.diskIRQs(e.Data.Path) {
		dir := "/proc/irq/" + irq
		cpus, err := ParseCPUs(m.read(dir + "/smp_affinity_list"))
		if err != nil || Subset(cpus, place.Broker) {
			continue
		}
		at := FormatCPUs(cpus)
		if st, err := os.Stat(m.path(dir + "/smp_affinity_list")); err == nil && st.Mode()&0o200 == 0 {
			// The kernel gave each queue CPUs of its own, and takes no other: what the
			// broker asks for is a matter of those that are the broker's, too.
			now, err := ParseCPUs(m.read(dir + "/effective_affinity_list"))
			if len(minus(cpus, place.Broker)) == len(cpus) || err == nil && len(now) > 0 && Subset(now, place.Broker) {
				continue
			}
			at = orUnknown(FormatCPUs(now))
			fixed = append(fixed, at)
		} else {
			movable = append(movable, irq)
			writes = append(writes, write{dir + "/smp_affinity_list", FormatCPUs(place.Broker)})
		}
		stray = append(stray, irq+" on "+at)
	}
	if len(stray) == 0 {
		return passed(name, e.Data.IRQ)
	}
	mend := "host.broker_cpus with CPU " + strings.Join(fixed, ", ") + ": the kernel moves them nowhere else"
	if len(writes) > 0 {
		mend = fmt.Sprintf("for i in %s; do echo %s | sudo tee /proc/irq/$i/smp_affinity_list; done", strings.Join(movable, " "), writes[0].want)
	}
	c := notPassed(Warn, name, e.Data.IRQ+"; may be served elsewhere: "+strings.Join(stray, ", "),
		"an interrupt of the disk on the generator's CPU delays requests and completions alike", mend)
	c.writes = writes
	return c
}

func (m Machine) checkMitigations(e *Env) Check {
	var on []string
	for _, name := range slices.Sorted(maps.Keys(e.Mitigations)) {
		if strings.HasPrefix(e.Mitigations[name], "Mitigation") {
			on = append(on, name)
		}
	}
	// They are part of the machine, and turning them off is nobody's advice.
	return passed("mitigations", fmt.Sprintf("%d in force of %d known: %s", len(on), len(e.Mitigations), orNone(strings.Join(on, ", "))))
}

func (m Machine) checkNUMA(*Env) Check {
	nodes, _ := filepath.Glob(m.path("/sys/devices/system/node/node[0-9]*"))
	found := fmt.Sprintf("nodes: %d", max(len(nodes), 1))
	if len(nodes) < 2 {
		return passed("numa", found)
	}
	const balancing = "/proc/sys/kernel/numa_balancing"
	c := notPassed(Warn, "numa", found, "memory of another node is slower; keep each side on CPUs of one node with host.broker_cpus and host.generator_cpus", "lscpu --extended")
	if m.read(balancing) == "1" {
		c.Found += ", pages move by themselves"
		c.Mend = "sudo sysctl kernel.numa_balancing=0"
		c.writes = []write{{balancing, "0"}}
	}
	return c
}
