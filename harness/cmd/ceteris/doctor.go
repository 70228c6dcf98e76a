package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models/disk"
)

type doctorCmd struct {
	Data string `default:"." placeholder:"DIR" help:"Where the brokers' data would lie."`
	JSON bool   `help:"Print everything as JSON."`
}

// Run prints what the machine is and what stands against a better class.
func (c *doctorCmd) Run(std streams) error {
	m := host.Machine{}
	env := m.Capture(c.Data)
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return enc.Encode(env)
	}
	say := func(what, value string) {
		if value == "" {
			value = "not available"
		}
		fmt.Fprintf(std.out, "%-16s %s\n", what, value)
	}
	say("system", env.OS+"/"+env.Arch+" "+env.Kernel)
	say("processor", env.CPUModel)
	say("CPUs", fmt.Sprintf("online %s, usable %s, isolated %s", env.Online, env.Allowed, orNone(env.Isolated)))
	say("virtual machine", env.Hypervisor)
	say("governor, turbo", orNone(env.Governor)+", "+orNone(env.Turbo))
	say("clock", fmt.Sprintf("%s, %.0f ns a reading", env.Clocksource, env.ClockNs))
	say("memory", fmt.Sprintf("%d MiB, swap %d MiB", env.MemoryBytes>>20, env.Swap>>20))
	say("data", fmt.Sprintf("%s on %s (%s), %d GiB free", env.Data.Path, env.Data.Device, env.Data.Filesystem, env.Data.FreeBytes>>30))
	if facts, err := disk.Probe(c.Data); err != nil {
		say("its file system", err.Error())
	} else {
		for _, name := range slices.Sorted(maps.Keys(facts)) {
			say("  "+name, facts[name])
		}
	}
	say("disk interrupts", env.Data.IRQ)
	if allowed, err := host.Allowed(); err == nil {
		if p, err := host.Split("auto", "auto", allowed, env.Data.IRQCPU, m.Siblings()); err == nil {
			say("placement", fmt.Sprintf("broker %s, generator %s: %s", host.FormatCPUs(p.Broker), host.FormatCPUs(p.Generator), p.Why))
		}
	}
	say("since boot", m.Noise().String())
	say("class", string(env.Class))
	for _, reason := range env.Reasons {
		fmt.Fprintf(std.out, "  not better: %s\n", reason)
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
