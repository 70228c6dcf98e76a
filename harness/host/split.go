package host

import (
	"fmt"
	"slices"
	"sort"
)

// Placement says which CPUs the two sides of an experiment run on, and why.
type Placement struct {
	Broker    []int  `json:"broker"`
	Generator []int  `json:"generator"`
	Why       string `json:"why"`
	// Shared is true when both sides have a CPU in common: latencies then
	// include the generator's own work and the result says so.
	Shared bool `json:"shared"`
}

// Used are the CPUs of both sides, each once, in order.
func (p Placement) Used() []int {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(p.Broker, p.Generator))))
}

// Split divides the allowed CPUs. Each side is "auto" or a CPU list. With auto
// the machine is cut in halves along physical cores; the broker's half holds
// the CPU that serves the disk's interrupts (irqCPU, -1 when unknown), because
// a generator that spins there holds up the completion of every durable write.
// siblings names for each CPU its hardware threads; nil means one each.
func Split(broker, generator string, allowed []int, irqCPU int, siblings map[int][]int) (Placement, error) {
	var p Placement
	var err error
	if len(allowed) == 0 {
		return p, fmt.Errorf("this process may use no CPU")
	}
	if p.Broker, err = side("host.broker_cpus", broker, allowed); err != nil {
		return p, err
	}
	if p.Generator, err = side("host.generator_cpus", generator, allowed); err != nil {
		return p, err
	}
	switch {
	case p.Broker != nil && p.Generator != nil:
		p.Why = "as given"
	case p.Broker != nil:
		p.Generator, p.Why = minus(allowed, p.Broker), "broker as given, generator the rest"
	case p.Generator != nil:
		p.Broker, p.Why = minus(allowed, p.Generator), "generator as given, broker the rest"
	default:
		p.Broker, p.Generator, p.Why = halves(allowed, irqCPU, siblings)
	}
	if len(p.Broker) == 0 || len(p.Generator) == 0 {
		if len(allowed) > 1 {
			return p, fmt.Errorf("host: broker CPUs %q and generator CPUs %q leave one side without a CPU of %s",
				broker, generator, FormatCPUs(allowed))
		}
		p.Broker, p.Generator = allowed, allowed
		p.Why = "one CPU only: both sides share it"
	}
	p.Shared = len(minus(p.Broker, p.Generator)) < len(p.Broker)
	return p, nil
}

// side reads one side's list; nil means auto.
func side(key, value string, allowed []int) ([]int, error) {
	if value == "" || value == "auto" {
		return nil, nil
	}
	cpus, err := ParseCPUs(value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	if missing := minus(cpus, allowed); len(missing) > 0 {
		return nil, fmt.Errorf("%s: CPU %s is not among those this process may use (%s)",
			key, FormatCPUs(missing), FormatCPUs(allowed))
	}
	return cpus, nil
}

func halves(allowed []int, irqCPU int, siblings map[int][]int) (broker, generator []int, why string) {
	cores := physicalCores(allowed, siblings)
	irqCore := -1
	for i, core := range cores {
		for _, c := range core {
			if c == irqCPU {
				irqCore = i
			}
		}
	}
	why = "halves along physical cores; which CPU serves the disk's interrupts is unknown"
	if irqCore >= 0 {
		// The disk's core comes first, so that the broker's half has it.
		cores[0], cores[irqCore] = cores[irqCore], cores[0]
		why = fmt.Sprintf("halves along physical cores; CPU %d serves the disk's interrupts and goes to the broker", irqCPU)
	}
	if len(cores) == 1 && len(cores[0]) > 1 {
		// Two threads of one core: the best that can be had, and worth saying.
		core := append([]int(nil), cores[0]...)
		if irqCore >= 0 {
			sort.SliceStable(core, func(i, j int) bool { return core[i] == irqCPU && core[j] != irqCPU })
		}
		half := (len(core) + 1) / 2
		broker, generator = core[:half], core[half:]
		why += "; both sides are hardware threads of one core"
	} else {
		half := (len(cores) + 1) / 2
		for i, core := range cores {
			if i < half {
				broker = append(broker, core...)
			} else {
				generator = append(generator, core...)
			}
		}
	}
	sort.Ints(broker)
	sort.Ints(generator)
	return broker, generator, why
}

// physicalCores groups CPUs by core, in order of their lowest CPU.
func physicalCores(allowed []int, siblings map[int][]int) [][]int {
	seen := map[int]bool{}
	var cores [][]int
	for _, c := range allowed {
		if seen[c] {
			continue
		}
		core := []int{c}
		seen[c] = true
		for _, s := range siblings[c] {
			if !seen[s] && Subset([]int{s}, allowed) {
				core = append(core, s)
				seen[s] = true
			}
		}
		cores = append(cores, core)
	}
	return cores
}
