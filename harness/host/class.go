package host

import (
	"fmt"
	"slices"
	"strings"
)

// Class says what numbers from a machine may be used for; it is printed on
// every figure.
type Class string

const (
	// ClassA is isolated bare metal: absolute claims, high percentiles.
	ClassA Class = "A"
	// ClassB is a dedicated machine or virtual machine: absolute claims with
	// care, no p99.9 without repeats on another day.
	ClassB Class = "B"
	// ClassC is everything else: paired comparisons and counters only.
	ClassC Class = "C"
)

// Classify decides the class and gives the reasons against a better one. A
// machine is C until it is shown to be more: unknown counts against it.
func Classify(e *Env) (Class, []string) {
	var notA, notB []string
	allowed, _ := ParseCPUs(e.Allowed)
	if e.OS != "linux" {
		notB = append(notB, "not Linux")
	}
	if len(allowed) < 4 {
		notB = append(notB, fmt.Sprintf("usable CPUs: %d, needed: 4", len(allowed)))
	}
	if e.Clocksource != "" && e.Clocksource != "tsc" && e.Clocksource != "arch_sys_counter" && e.Clocksource != "kvm-clock" {
		notB = append(notB, "clock source "+e.Clocksource)
	}
	if e.Clocksource == "" {
		notB = append(notB, "clock source unknown")
	}
	if f := strings.Fields(e.CgroupCPU); len(f) > 0 && f[0] != "max" {
		notB = append(notB, "CPU quota "+e.CgroupCPU)
	}
	if e.Hypervisor != "no" {
		notA = append(notA, "a virtual machine, or unknown whether one")
		notB = append(notB, "a virtual machine that is not shown to have its cores to itself")
	}
	if n := len(isolatedCores(e, allowed)); n < leastIsolated {
		notA = append(notA, fmt.Sprintf("%d isolated cores that this process may use, %d needed (isolcpus=, and taskset -c)", n, leastIsolated))
	}
	if e.Governor != "performance" {
		notA = append(notA, "frequency governor is "+orUnknown(e.Governor)+", not performance")
	}
	if e.Turbo != "off" {
		notA = append(notA, "turbo is "+orUnknown(e.Turbo)+", not off")
	}
	switch {
	case len(notB) > 0:
		return ClassC, notB
	case len(notA) > 0:
		return ClassB, notA
	}
	return ClassA, nil
}

// leastIsolated is how many cores have to be free of other work.
const leastIsolated = 4

// isolatedCores are the cores of those CPUs of a list that the kernel keeps free of
// other work.
func isolatedCores(e *Env, of []int) [][]int {
	isolated, _ := ParseCPUs(e.Isolated) // none
	siblings := map[int][]int{}
	for cpu, list := range e.Siblings {
		siblings[int(atoi(cpu))], _ = ParseCPUs(list) // none: a core of its own
	}
	return physicalCores(minus(isolated, minus(isolated, of)), siblings)
}

// Place holds the class against where the two sides run: isolated CPUs beside which
// they run make nothing better.
func (e *Env) Place(p Placement) {
	isolated, _ := ParseCPUs(e.Isolated) // none
	stray := minus(append(slices.Clone(p.Broker), p.Generator...), isolated)
	if e.Class != ClassA || len(stray) == 0 {
		return
	}
	e.Class = ClassB
	e.Reasons = append(e.Reasons, fmt.Sprintf("CPUs %s that the two sides use are not isolated (taskset -c %s, or host.broker_cpus and host.generator_cpus)",
		FormatCPUs(stray), e.Isolated))
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
