package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// twoToFix is a machine with two things to mend, and the checks that say so.
func twoToFix(t *testing.T) (Machine, []Check) {
	const turbo, numa = cpuDir + "/intel_pstate/no_turbo", "/proc/sys/kernel/numa_balancing"
	m := machineOf(t, map[string]string{turbo: "0", numa: "1"})
	return m, []Check{
		{Name: "turbo", Status: Warn, writes: []write{{turbo, "1"}}},
		{Name: "numa", Status: Warn, writes: []write{{numa, "0"}}},
	}
}

// TestFixKilled: wherever the process ends, what was kept by then undoes all that
// was done, and undoing it again does no harm.
func TestFixKilled(t *testing.T) {
	for at := range 3 {
		m, checks := twoToFix(t)
		var kept []Change
		killed := func() (died bool) {
			defer func() { died = recover() != nil }()
			n := 0
			_, err := m.Fix(checks, func(all []Change) error {
				if n == at {
					panic("killed before it was kept")
				}
				n, kept = n+1, all
				return nil
			})
			return err != nil
		}()
		if killed != (at < 2) || len(kept) != at {
			t.Fatalf("killed at change %d: %t, %d changes kept", at, killed, len(kept))
		}
		for range 2 {
			if err := m.Undo(kept); err != nil {
				t.Error(err)
			}
			if turbo, numa := m.read(checks[0].writes[0].path), m.read(checks[1].writes[0].path); turbo != "0" || numa != "1" {
				t.Errorf("killed at change %d and undone: %q and %q, want 0 and 1", at, turbo, numa)
			}
		}
	}
}

// TestFixKeeps: a change that cannot be kept is not made, one that the kernel
// refuses is not kept, and one that it made something else of is.
func TestFixKeeps(t *testing.T) {
	m, checks := twoToFix(t)
	full := errors.New("no space left")
	n := 0
	made, err := m.Fix(checks, func([]Change) error {
		if n++; n == 2 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || len(made) != 1 || m.read(checks[1].writes[0].path) != "1" {
		t.Errorf("%v, %v: want the first change only", made, err)
	}

	m, checks = twoToFix(t)
	if err := os.RemoveAll(m.path(cpuDir + "/intel_pstate")); err != nil {
		t.Fatal(err)
	}
	var kept []Change
	made, err = m.Fix(checks[:1], func(all []Change) error { kept = all; return nil })
	if err == nil || len(made) != 0 || len(kept) != 0 {
		t.Errorf("what was refused: %v, %v kept, %v", made, kept, err)
	}

	// The value in brackets is what such a file holds, whatever was written beside it.
	m, checks = twoToFix(t)
	checks[0].writes[0].want = "x [2]"
	made, err = m.Fix(checks[:1], func(all []Change) error { kept = all; return nil })
	if err == nil || len(made) != 1 {
		t.Errorf("a file that kept another value: %v, %v", made, err)
	}
	if diff := cmp.Diff(made, kept); diff != "" {
		t.Error(diff)
	}
}

// TestUndoElsewhere: a record is a file, and whoever wrote it does not choose what
// root overwrites.
func TestUndoElsewhere(t *testing.T) {
	for _, path := range []string{
		"/etc/passwd", "/proc/sys/kernel/core_pattern", "/sys/kernel/../../etc/passwd",
		"/sys/class/block/../../../etc/queue/scheduler", haltPollFile + "/x", cpuDir + "/cpu0/online",
	} {
		m := machineOf(t, map[string]string{path: "before"})
		err := m.Undo([]Change{{Check: "turbo", Path: path, Was: "after"}})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want refused by name", path, err)
		}
		if got, _ := os.ReadFile(filepath.Join(m.Root, path)); string(got) != "before" {
			t.Errorf("%s was overwritten", path)
		}
	}
	for _, path := range []string{
		cpuDir + "/cpu12/cpufreq/scaling_governor", cpuDir + "/cpufreq/boost", cpuDir + "/cpu0/cpuidle/state3/disable",
		"/proc/irq/35/smp_affinity_list", "/sys/kernel/mm/transparent_hugepage/enabled", haltPollFile,
		"/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda/queue/scheduler",
	} {
		m := machineOf(t, map[string]string{path: "after"})
		if err := m.Undo([]Change{{Path: path, Was: "before"}}); err != nil || m.read(path) != "before" {
			t.Errorf("%s is %q: %v", path, m.read(path), err)
		}
	}
}
