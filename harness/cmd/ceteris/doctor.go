package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
)

type doctorCmd struct {
	Data   string `default:"." placeholder:"DIR" help:"Where the brokers' data would lie."`
	JSON   bool   `help:"Print everything as JSON."`
	Fix    bool   `help:"Mend what can be mended by writing to the kernel's files and undone, and say what was changed. Needs root."`
	Undo   bool   `help:"Undo what --fix has changed."`
	Record string `placeholder:"FILE" help:"Where --fix keeps what it changed. Default: ceteris-doctor.json in /run, which lasts as long as the changes do, and for others than root in the directory for temporary files."`
}

// Run says what the machine is and what stands against measuring on it.
func (c *doctorCmd) Run(std streams) error {
	m := host.Machine{}
	if c.Record == "" {
		c.Record = doctorRecord()
	}
	if c.Fix && c.Undo {
		return usage("--fix and --undo: one of them")
	}
	if c.Undo {
		return c.undo(std, m)
	}
	if _, err := os.Stat(c.Data); err != nil {
		return usage("--data: %v", err)
	}
	env := m.Capture(c.Data)
	env.Checks = m.Examine(&env, tried(c.Data))
	if place, err := automatic(m, &env); err == nil { // else the checks say why
		env.Place(place)
	}
	var err error
	if c.Fix {
		env.Fixed, err = c.fix(m, &env)
	}
	if c.JSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		return errors.Join(enc.Encode(env), err)
	}
	c.print(std.out, m, &env)
	return err
}

// doctorRecord is where changes are kept unless told otherwise: where nobody else
// writes, and until the machine forgets them, too.
func doctorRecord() string {
	dir := "/run"
	if st, err := os.Stat(dir); os.Geteuid() != 0 || err != nil || !st.IsDir() {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "ceteris-doctor.json")
}

// fix mends what is safe, and keeps each change before it makes it.
func (c *doctorCmd) fix(m host.Machine, env *host.Env) ([]host.Change, error) {
	if _, err := os.Stat(c.Record); err == nil {
		return nil, usage("--fix: %s is there: undo what it holds first, with --undo", c.Record)
	}
	return m.Fix(env.Checks, func(made []host.Change) error {
		if len(made) == 0 {
			return os.Remove(c.Record)
		}
		return result.WriteJSON(c.Record, made)
	})
}

func (c *doctorCmd) undo(std streams, m host.Machine) error {
	text, err := os.ReadFile(c.Record)
	if err != nil {
		return usage("--undo: %v", err)
	}
	var made []host.Change
	if err := json.Unmarshal(text, &made); err != nil {
		return fmt.Errorf("--undo: %s: %w", c.Record, err)
	}
	if err := m.Undo(made); err != nil {
		return fmt.Errorf("--undo: %s", asLine(err))
	}
	for _, x := range made {
		fmt.Fprintf(std.out, "%s: %s is %s again\n", x.Check, x.Path, x.Was)
	}
	return os.Remove(c.Record)
}

// automatic is how an experiment divides the CPUs that says nothing about them.
func automatic(m host.Machine, env *host.Env) (host.Placement, error) {
	allowed, err := host.ParseCPUs(env.Allowed)
	if err != nil {
		return host.Placement{}, err
	}
	return host.Split("auto", "auto", allowed, env.Data.IRQCPU, m.Siblings())
}

func (c *doctorCmd) print(out io.Writer, m host.Machine, env *host.Env) {
	fmt.Fprintf(out, "%s/%s %s, %s, virtual machine: %s\n", env.OS, env.Arch, env.Kernel, orNone(env.CPUModel), orNone(env.Hypervisor))
	if p, err := automatic(m, env); err == nil {
		fmt.Fprintf(out, "broker on CPUs %s, generator on %s: %s\n", host.FormatCPUs(p.Broker), host.FormatCPUs(p.Generator), p.Why)
	}
	counts := map[host.Status]int{}
	for _, k := range env.Checks {
		counts[k.Status]++
		fmt.Fprintf(out, "%-4s  %-13s %s\n", k.Status, k.Name, k.Found)
		if k.Status == host.Pass {
			continue
		}
		fmt.Fprintf(out, "      %-13s %s\n", "", k.Why)
		mend := k.Mend
		if k.Fixable() {
			mend += " (or ceteris doctor --fix)"
		}
		fmt.Fprintf(out, "      %-13s → %s\n", "", mend)
	}
	fmt.Fprintf(out, "%d passed, %d warnings, %d failed\n", counts[host.Pass], counts[host.Warn], counts[host.Fail])
	for _, x := range env.Fixed {
		fmt.Fprintf(out, "changed  %s: %s from %s to %s\n", x.Check, x.Path, x.Was, x.Is)
	}
	if len(env.Fixed) > 0 {
		fmt.Fprintln(out, "ceteris doctor --undo puts it back")
	}
	fmt.Fprintf(out, "host class %s\n", env.Class)
	for _, reason := range env.Reasons {
		fmt.Fprintf(out, "  not better: %s\n", reason)
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
