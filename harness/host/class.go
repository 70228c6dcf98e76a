package host

import (
	"fmt"
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
	isolated, _ := ParseCPUs(e.Isolated)
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
	if len(isolated) < 4 {
		notA = append(notA, fmt.Sprintf("%d isolated CPUs, 4 needed (isolcpus=)", len(isolated)))
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

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
