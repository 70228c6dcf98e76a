package host

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// good is a machine on which every check passes.
func good() map[string]string {
	files := map[string]string{
		cpuDir + "/online": "0-7", cpuDir + "/isolated": "2-7", cpuDir + "/nohz_full": "2-7",
		cpuDir + "/cpuidle/current_driver": haltPoll, haltPollFile: "5000000",
		cpuDir + "/intel_pstate/no_turbo":    "1",
		"/proc/sys/kernel/osrelease":         "6.12.1",
		"/proc/sys/kernel/io_uring_disabled": "0", "/proc/sys/kernel/perf_event_paranoid": "2",
		"/proc/stat":        "cpu 1000 0 500 9000 0 0 1 0 0 0\n",
		"/proc/meminfo":     "MemTotal: 1000 kB\nSwapTotal: 0 kB\n",
		"/proc/cmdline":     "isolcpus=2-7 rcu_nocbs=2-7",
		"/proc/mounts":      "",
		"/proc/cpuinfo":     "model name : X\nflags : fpu\n",
		"/proc/self/mounts": "/dev/nvme0n1p1 / ext4 rw 0 0\n",
		"/proc/self/cgroup": "4:cpu,cpuacct:/a\n0::/b\n",
		"/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
		"/sys/kernel/mm/transparent_hugepage/enabled":                      "always [madvise] never",
		"/sys/devices/system/node/node0/cpulist":                           "0-7",
		"/sys/class/block/nvme0n1p1/queue/scheduler":                       "[none] mq-deadline",
		"/sys/class/block/nvme0n1p1/queue/write_cache":                     "write back",
		cpuDir + "/vulnerabilities/spectre_v1":                             "Mitigation: x",
	}
	for _, what := range []string{"cpu", "io", "memory"} {
		files["/proc/pressure/"+what] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
	}
	for c := range 8 {
		files[fmt.Sprintf("%s/cpu%d/cpufreq/scaling_governor", cpuDir, c)] = "performance"
		files[fmt.Sprintf("%s/cpu%d/topology/thread_siblings_list", cpuDir, c)] = fmt.Sprint(c)
	}
	return files
}

var goodFacts = Facts{
	Storage: map[string]string{"disk.direct": "yes", "disk.align": "512", "disk.async.overwrite": "yes"},
	Uring:   "defer_taskrun", UringOK: true, Cycles: "yes", Limits: Limits{MemlockBytes: -1, Files: 1 << 20},
}

// examineFiles is what the checks of a machine of files say, by name. What tests
// cannot make of files is set beside them.
func examineFiles(t *testing.T, files map[string]string, facts Facts, change func(*Env)) map[string]Check {
	t.Helper()
	m := machineOf(t, files)
	e := m.Capture(t.TempDir())
	e.Allowed, e.ClockNs, e.Data.IRQCPU, e.Data.IRQ, e.Data.FreeBytes, e.Data.TotalBytes = "2-7", 20, 0, "nvme0n1", 100<<30, 200<<30
	if change != nil {
		change(&e)
	}
	out := map[string]Check{}
	for _, c := range m.Examine(&e, facts) {
		if _, twice := out[c.Name]; twice {
			t.Errorf("two checks are called %s", c.Name)
		}
		out[c.Name] = c
		if c.Found == "" || (c.Status != Pass) != (c.Why != "" && c.Mend != "") {
			t.Errorf("%s says too little, or too much: %+v", c.Name, c)
		}
	}
	return out
}

func TestExamineGood(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the checks read Linux's /proc and /sys, and this is " + runtime.GOOS)
	}
	for name, c := range examineFiles(t, good(), goodFacts, nil) {
		if c.Status != Pass {
			t.Errorf("%s: %+v, want passed", name, c)
		}
	}
}

// TestExamine breaks the good machine in one place each.
func TestExamine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the checks read Linux's /proc and /sys, and this is " + runtime.GOOS)
	}
	cases := []struct {
		check, want string // status and, behind a space, a piece of what is found or of the mending
		file, text  string // "" text removes the file
		facts       func(*Facts)
		change      func(*Env)
	}{
		{check: "cpus", want: "warn 2 usable", change: func(e *Env) { e.Allowed = "2-3" }},
		{check: "cpus", want: "fail 1 usable", change: func(e *Env) { e.Allowed = "2" }},
		{check: "cpus", want: "fail taskset -c 0-7", change: func(e *Env) { e.Allowed = "2" }},
		{check: "cpus", want: "warn four CPUs or more", change: func(e *Env) { e.Online, e.Allowed = "2-3", "2-3" }},
		{check: "smt", want: "warn 0,4", file: cpuDir + "/cpu0/topology/thread_siblings_list", text: "0,4"},
		{check: "governor", want: "warn performance, powersave", file: cpuDir + "/cpu3/cpufreq/scaling_governor", text: "powersave"},
		{check: "turbo", want: "warn no_turbo", file: cpuDir + "/intel_pstate/no_turbo", text: "0"},
		{check: "turbo", want: "warn not told", file: cpuDir + "/intel_pstate/no_turbo"},
		{check: "idle", want: "warn not told", file: cpuDir + "/cpuidle/current_driver"},
		{check: "idle", want: "warn halts after 0 ns", file: haltPollFile, text: "0"},
		{check: "idle", want: "pass not told", file: haltPollFile},
		{check: "idle", want: "pass driver none", file: cpuDir + "/cpuidle/current_driver", text: "none"},
		{check: "idle", want: "warn halts at once", file: cpuDir + "/cpuidle/current_driver", text: "none", change: func(e *Env) { e.Hypervisor = "yes" }},
		{check: "idle", want: "pass driver none", file: cpuDir + "/cpuidle/current_driver", text: "none", change: func(e *Env) { e.Hypervisor, e.Cmdline = "yes", "idle=poll" }},
		{check: "isolation", want: "warn taskset -c 2-7", change: func(e *Env) { e.Allowed = "0-7" }},
		{check: "isolation", want: "warn isolcpus none", file: cpuDir + "/isolated", text: ""},
		{check: "interrupts", want: "warn unknown", change: func(e *Env) { e.Data.IRQCPU, e.Data.IRQ = -1, "unknown" }},
		{check: "quota", want: "fail 50000 100000", file: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", text: "50000"},
		{check: "quota", want: "fail 25000 100000", file: "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", text: "25000"},
		{check: "quota", want: "fail 20000 100000", change: func(e *Env) { e.CgroupCPU = "20000 100000" }},
		{check: "quota", want: "pass cpu.max", change: func(e *Env) { e.CgroupCPU = "max 100000" }},
		{check: "steal", want: "warn 1.", file: "/proc/stat", text: "cpu 1000 0 500 9000 0 0 1 150 0 0\n"},
		{check: "steal", want: "fail 8.", file: "/proc/stat", text: "cpu 1000 0 500 9000 0 0 1 950 0 0\n"},
		{check: "steal", want: "warn not told", file: "/proc/stat", text: "nonsense"},
		{check: "pressure", want: "warn cpu 3.20", file: "/proc/pressure/cpu", text: "some avg10=3.20 avg60=0 total=1\n"},
		{check: "pressure", want: "fail io 33.00", file: "/proc/pressure/io", text: "some avg10=33.00 avg60=0 total=1\n"},
		{check: "huge pages", want: "warn always", file: "/sys/kernel/mm/transparent_hugepage/enabled", text: "[always] madvise never"},
		{check: "swap", want: "warn 1 MiB", file: "/proc/meminfo", text: "SwapTotal: 4096 kB\nSwapFree: 3072 kB\n"},
		{check: "numa", want: "warn nodes: 2", file: "/sys/devices/system/node/node1/cpulist", text: "4-7"},
		{check: "mitigations", want: "pass 1 in force of 1"},
		{check: "clock", want: "fail hpet", file: "/sys/devices/system/clocksource/clocksource0/current_clocksource", text: "hpet"},
		{check: "clock", want: "warn 150 ns", change: func(e *Env) { e.ClockNs = 150 }},
		{check: "clock", want: "fail echo tsc |", change: func(e *Env) { e.Clocksource = "hpet" }, file: clockDir + "available_clocksource", text: "hpet tsc acpi_pm"},
		{check: "clock", want: "fail echo kvm-clock |", change: func(e *Env) { e.Clocksource = "hpet" }, file: clockDir + "available_clocksource", text: "kvm-clock hpet"},
		{check: "clock", want: "fail use another machine", change: func(e *Env) { e.Clocksource = "hpet" }, file: clockDir + "available_clocksource", text: "hpet acpi_pm"},
		{check: "counters", want: "warn perf_event_paranoid=1", facts: func(f *Facts) { f.Cycles = "performance events: permission denied" }},
		{check: "counters", want: "warn perf_event_paranoid=1", facts: func(f *Facts) { f.Cycles = "" }},
		{check: "counters", want: "warn no such file", facts: func(f *Facts) { f.Cycles = "performance events: no such file or directory" }},
		{check: "counters", want: "warn not told", file: "/proc/sys/kernel/perf_event_paranoid", facts: func(f *Facts) { f.Cycles = "" }},
		{check: "counters", want: "pass 1, not tried", file: "/proc/sys/kernel/perf_event_paranoid", text: "1", facts: func(f *Facts) { f.Cycles = "" }},
		{check: "filesystem", want: "fail tmpfs", file: "/proc/self/mounts", text: "/dev/nvme0n1p1 / tmpfs rw 0 0\n"},
		{check: "filesystem", want: "warn btrfs", file: "/proc/self/mounts", text: "/dev/nvme0n1p1 / btrfs rw 0 0\n"},
		{check: "filesystem", want: "fail fuse.sshfs", file: "/proc/self/mounts", text: "/dev/nvme0n1p1 / fuse.sshfs rw 0 0\n"},
		{check: "scheduler", want: "warn mq-deadline", file: "/sys/class/block/nvme0n1p1/queue/scheduler", text: "none [mq-deadline]"},
		{check: "write cache", want: "warn not told", file: "/sys/class/block/nvme0n1p1/queue/write_cache"},
		{check: "write cache", want: "pass write through", file: "/sys/class/block/nvme0n1p1/queue/write_cache", text: "write through"},
		{check: "space", want: "warn 1.0 GiB", change: func(e *Env) { e.Data.FreeBytes = 1 << 30 }},
		{check: "space", want: "fail 0.1 GiB", change: func(e *Env) { e.Data.FreeBytes = 100 << 20 }},
		{check: "versions", want: "warn Linux 5.15", file: "/proc/sys/kernel/osrelease", text: "5.15.0"},
		{check: "direct I/O", want: "fail EINVAL", facts: func(f *Facts) { f.Storage["disk.direct"] = "EINVAL" }},
		{check: "alignment", want: "warn not tried", facts: func(f *Facts) { delete(f.Storage, "disk.align") }},
		{check: "async writes", want: "warn overwrite: kernel worker", facts: func(f *Facts) { f.Storage["disk.async.overwrite"] = "kernel worker" }},
		{check: "io_uring", want: "warn too old", facts: func(f *Facts) { f.Uring, f.UringOK = "too old", false }},
		{check: "io_uring", want: "warn forbidden", file: "/proc/sys/kernel/io_uring_disabled", text: "2", facts: func(f *Facts) { f.UringOK = false }},
		{check: "memlock", want: "warn 64 KiB", facts: func(f *Facts) { f.Limits.MemlockBytes = 64 << 10 }},
		{check: "memlock", want: "warn not told", facts: func(f *Facts) { f.Limits.MemlockBytes = 0 }},
		{check: "files", want: "warn not told", facts: func(f *Facts) { f.Limits.Files = 0 }},
		{check: "files", want: "warn 1024", facts: func(f *Facts) { f.Limits.Files = 1024 }},
	}
	for _, c := range cases {
		t.Run(c.check+" "+c.want, func(t *testing.T) {
			files, facts := good(), goodFacts
			facts.Storage = maps.Clone(facts.Storage)
			if c.file != "" {
				files[c.file] = c.text
				if c.text == "" {
					delete(files, c.file)
				}
			}
			if c.facts != nil {
				c.facts(&facts)
			}
			got := examineFiles(t, files, facts, c.change)
			status, piece, _ := strings.Cut(c.want, " ")
			if k := got[c.check]; string(k.Status) != status || !strings.Contains(k.Found+" "+k.Mend, piece) {
				t.Errorf("%+v, want %s with %q", k, status, piece)
			}
			for name, k := range got {
				if name != c.check && k.Status != Pass {
					t.Errorf("%s does not pass either: %+v", name, k)
				}
			}
		})
	}
}

// TestFix mends a machine of files, finds it mended, and undoes it to the byte.
func TestFix(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the checks read Linux's /proc and /sys, and this is " + runtime.GOOS)
	}
	files := good()
	files[cpuDir+"/cpuidle/current_driver"] = "intel_idle"
	files[cpuDir+"/cpu3/cpufreq/scaling_governor"] = "powersave"
	files[cpuDir+"/intel_pstate/no_turbo"] = "0"
	files[cpuDir+"/cpu1/cpuidle/state2/latency"] = "133"
	files[cpuDir+"/cpu1/cpuidle/state2/name"] = "C6"
	files[cpuDir+"/cpu1/cpuidle/state2/disable"] = "0"
	files["/sys/devices/system/node/node1/cpulist"] = "4-7"
	files["/proc/sys/kernel/numa_balancing"] = "1"
	files["/sys/devices/pci0/0/block/sdx/dev"] = "x"
	files["/sys/devices/pci0/0/msi_irqs/35"] = "msix"
	files["/proc/irq/35/smp_affinity_list"] = "0-7"
	m := machineOf(t, files)
	data := t.TempDir()
	major, minor, err := deviceOf(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(m.path("/sys/dev/block"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.path("/sys/devices/pci0/0/block/sdx"), m.path(fmt.Sprintf("/sys/dev/block/%d:%d", major, minor))); err != nil {
		t.Fatal(err)
	}
	e := m.Capture(data)
	e.Allowed, e.Data.IRQCPU = "0-7", 0
	var kept []Change
	keep := func(all []Change) error { kept = all; return nil }
	made, err := m.Fix(m.Examine(&e, goodFacts), keep)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, kept); diff != "" {
		t.Errorf("kept is something else than what was made: %s", diff)
	}
	want := []Change{
		{"governor", cpuDir + "/cpu3/cpufreq/scaling_governor", "powersave", "performance"},
		{"turbo", cpuDir + "/intel_pstate/no_turbo", "0", "1"},
		{"idle", cpuDir + "/cpu1/cpuidle/state2/disable", "0", "1"},
		{"interrupts", "/proc/irq/35/smp_affinity_list", "0-7", "0-3"},
		{"numa", "/proc/sys/kernel/numa_balancing", "1", "0"},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
	e = m.Capture(data)
	e.Allowed, e.Data.IRQCPU = "0-7", 0
	if again, err := m.Fix(m.Examine(&e, goodFacts), keep); err != nil || len(again) > 0 {
		t.Errorf("mended twice: %v, %v", again, err)
	}
	if err := m.Undo(made); err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if got, err := os.ReadFile(filepath.Join(m.Root, path)); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(text) {
			t.Errorf("%s is %q after all was undone, was %q (%v)", path, got, text, err)
		}
	}
	// What cannot be written is named, and the rest is mended.
	if err := os.RemoveAll(m.path(cpuDir + "/intel_pstate")); err != nil {
		t.Fatal(err)
	}
	checks := []Check{
		{Name: "turbo", Status: Warn, writes: []write{{cpuDir + "/intel_pstate/no_turbo", "1"}}},
		{Name: "numa", Status: Warn, writes: []write{{"/proc/sys/kernel/numa_balancing", "0"}}},
	}
	made, err = m.Fix(checks, keep)
	if err == nil || !strings.Contains(err.Error(), "turbo: ") || len(made) != 1 || made[0].Check != "numa" {
		t.Errorf("made %v, %v", made, err)
	}
}
