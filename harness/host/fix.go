package host

import (
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
)

// Change is something that was changed on the machine, so that it can be undone.
type Change struct {
	Check string `json:"check"`
	Path  string `json:"path"`
	Was   string `json:"was"`
	Is    string `json:"is"`
}

// Fix mends what can be mended by writing to the kernel's files and can be
// undone. Before each change keep is given all changes so far and this one, so
// that whoever ends this process in the middle can still undo what it did; a
// change that cannot be kept is not made. What the kernel refuses is in the error;
// the changes that were made are returned all the same.
func (m Machine) Fix(checks []Check, keep func([]Change) error) (made []Change, err error) {
	var errs []error
	for _, c := range checks {
		if c.Status == Pass {
			continue
		}
		for _, w := range c.writes {
			was := chosen(m.read(w.path))
			if was == w.want {
				continue
			}
			with := append(slices.Clone(made), Change{c.Name, w.path, was, w.want})
			if err := keep(with); err != nil {
				return made, errors.Join(append(errs, err)...)
			}
			err := m.set(w.path, w.want)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
			}
			// A file that took the value and made another of it was changed, too.
			if err == nil || chosen(m.read(w.path)) != was {
				made = with
			} else if err := keep(made); err != nil {
				return made, errors.Join(append(errs, err)...)
			}
		}
	}
	return made, errors.Join(errs...)
}

// fixable are the files that Fix changes, and so all that Undo may: what it is told
// to put back comes from a file, and it runs as root.
var fixable = regexp.MustCompile(`^(/sys/devices/system/cpu/(cpu\d+/(cpufreq/scaling_governor|cpuidle/state\d+/disable)|cpufreq/boost|intel_pstate/no_turbo)` +
	`|` + haltPollFile + `|/proc/irq/\d+/smp_affinity_list|/proc/sys/kernel/numa_balancing` +
	`|/sys/kernel/mm/transparent_hugepage/enabled|/sys/(class|devices|dev)/.+/queue/scheduler)$`)

// Undo puts back what was there, last change first.
func (m Machine) Undo(made []Change) error {
	var errs []error
	for _, c := range slices.Backward(made) {
		err := fmt.Errorf("%s is nothing that was changed", c.Path)
		if fixable.MatchString(c.Path) && path.Clean(c.Path) == c.Path {
			err = m.set(c.Path, c.Was)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Check, err))
		}
	}
	return errors.Join(errs...)
}

// set writes one value and reads it back: some files take a value and keep another.
func (m Machine) set(path, value string) error {
	if err := os.WriteFile(m.path(path), []byte(value), 0o644); err != nil {
		return err
	}
	if got := chosen(m.read(path)); got != value {
		return fmt.Errorf("%s is %q after %q was written", path, got, value)
	}
	return nil
}
