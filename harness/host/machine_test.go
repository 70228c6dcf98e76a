package host

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machineOf makes a machine of files.
func machineOf(t *testing.T, files map[string]string) Machine {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the paths of /proc and /sys hold characters that this system refuses")
	}
	root := t.TempDir()
	for name, text := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Machine{Root: root}
}

const interrupts = `           CPU0       CPU1       CPU3
 28:          9          0          5  PCI-MSIX  0-edge  virtio0-config
 36:         10        300          2  PCI-MSIX  1-edge  virtio1-req.0
 37:        400          0          0  PCI-MSIX  2-edge  virtio1-req.1
LOC:      39255      39286      1  Local timer interrupts
`

func TestBlockIRQ(t *testing.T) {
	device := "/sys/devices/pci0000:00/0000:00:02.0/virtio1/block/vda"
	m := machineOf(t, map[string]string{
		"/proc/interrupts": interrupts,
		device + "/dev":    "254:0",
		"/sys/devices/pci0000:00/0000:00:02.0/msi_irqs/36": "msix",
		"/sys/devices/virtual/block/zram0/dev":             "253:0",
		"/sys/dev/block/.keep":                             "",
	})
	for number, target := range map[string]string{"254:0": device, "253:0": "/sys/devices/virtual/block/zram0"} {
		if err := os.Symlink(filepath.Join(m.Root, target), filepath.Join(m.Root, "/sys/dev/block", number)); err != nil {
			t.Fatal(err)
		}
	}
	if cpu, detail := m.blockIRQ("254:0"); cpu != 1 || !strings.Contains(detail, "served 300 of 312") {
		t.Errorf("disk: CPU %d (%s), want 1", cpu, detail)
	}
	if cpu, _ := m.blockIRQ("253:0"); cpu != -1 {
		t.Errorf("a disk without interrupts: CPU %d, want -1", cpu)
	}
	if cpu, _ := m.blockIRQ("1:1"); cpu != -1 {
		t.Errorf("no such disk: CPU %d, want -1", cpu)
	}
}

func TestBusiest(t *testing.T) {
	// Columns are named by CPU: an offline CPU leaves a gap.
	if cpu, _ := busiest(interrupts, map[string]bool{"28": true, "99": true}, "x"); cpu != 0 {
		t.Errorf("CPU %d, want 0", cpu)
	}
	if cpu, _ := busiest(interrupts, map[string]bool{"99": true}, "x"); cpu != -1 {
		t.Errorf("CPU %d for interrupts that never fired, want -1", cpu)
	}
	if cpu, _ := busiest("nonsense", map[string]bool{"28": true}, "x"); cpu != -1 {
		t.Errorf("CPU %d from nonsense, want -1", cpu)
	}
}

const status = "Name:\tceteris\nCpus_allowed_list:\t%\nvoluntary_ctxt_switches:\t10\nnonvoluntary_ctxt_switches:\t3\n"

// stat has a name with a space and a parenthesis in it; utime 7, stime 5, rss 2.
const stat = "42 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 7 5 0 0 20 0 2 0 100 1000 2 18446744073709551615\n"

func TestProcess(t *testing.T) {
	m := machineOf(t, map[string]string{
		"/proc/42/stat":           stat,
		"/proc/42/io":             "rchar: 9\nread_bytes: 4096\nwrite_bytes: 12288\ncancelled_write_bytes: 8192\n",
		"/proc/42/task/42/status": strings.ReplaceAll(status, "%", "1"),
		"/proc/42/task/43/status": strings.ReplaceAll(status, "%", "0-1"),
		"/proc/42/task/43/sched":  "se.nr_migrations : 4\n",
	})
	got, err := m.Process(42)
	if err != nil {
		t.Fatal(err)
	}
	if n, none := m.Dirtied(42), m.Dirtied(7); n != 12288 || none >= 0 {
		t.Errorf("dirtied %d and, of no process, %d bytes, want 12288 and less than none", n, none)
	}
	want := Process{
		UserNs: 70_000_000, SysNs: 50_000_000, RunNs: -1, CtxVoluntary: 20, CtxForced: 6,
		Migrations: 4, RSSBytes: 2 * int64(os.Getpagesize()), Threads: 2, ReadBytes: 4096, WriteBytes: 4096,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := m.Process(7); err == nil || !strings.Contains(err.Error(), "process 7 is gone") {
		t.Errorf("a process that is not there: %v", err)
	}
	if got, err := m.ReadBack(42, []int{0, 1}); err != nil || FormatCPUs(got) != "0-1" {
		t.Errorf("read back %v, %v", got, err)
	}
	if _, err := m.ReadBack(42, []int{1}); err == nil || !strings.Contains(err.Error(), "thread 43 (ceteris)") {
		t.Errorf("a thread that strays: %v", err)
	}
}

func TestNoise(t *testing.T) {
	m := machineOf(t, map[string]string{
		"/proc/stat":         "cpu  100 0 50 1000 0 0 1 2 0 0\ncpu0 1 1 1 1\n",
		"/proc/pressure/cpu": "some avg10=0.00 avg60=0.04 avg300=0.32 total=8504373\nfull avg10=0 total=1\n",
	})
	n := m.Noise()
	if n.StealMs != 20 {
		t.Errorf("steal %d ms, want 20", n.StealMs)
	}
	if n.BusyMs != 1510 {
		t.Errorf("busy %d ms, want 1510: neither idle nor stolen time", n.BusyMs)
	}
	if n.PSICPUUs != 8504373 || n.PSIIOUs != -1 || n.ThrottledUs != -1 {
		t.Errorf("pressure %d, %d, throttled %d: want 8504373 and what cannot be read as -1", n.PSICPUUs, n.PSIIOUs, n.ThrottledUs)
	}
	d := Noise{StealMs: 50, UsedStealMs: 50, PSICPUUs: -1, AtNs: 2e9}.Since(Noise{StealMs: 10, UsedStealMs: 10, PSICPUUs: 5, AtNs: 1e9})
	if d.StealMs != 40 || d.PSICPUUs != -1 || d.AtNs != 1e9 {
		t.Errorf("difference %+v: unknown must stay unknown", d)
	}
	if got := d.StealShare(2); got != 0.02 {
		t.Errorf("40 ms of two CPUs in a second are %v, want 0.02", got)
	}
	if got := (Noise{BusyMs: 1500, AtNs: 1e9}).OthersShare(2, 1e9); got != 0.25 {
		t.Errorf("1.5 s of two CPUs, of which 1 s ours: others %v, want 0.25", got)
	}
	if got := (Noise{UsedStealMs: -1, AtNs: 1}).StealShare(2); got != -1 {
		t.Errorf("share of an unknown steal: %v, want -1", got)
	}
}

// TestNoiseOfFew: what the hypervisor takes from the CPUs in use is not thinned out by
// those that nobody uses.
func TestNoiseOfFew(t *testing.T) {
	m := machineOf(t, map[string]string{"/proc/stat": "cpu  9 0 0 9 0 0 0 8 0 0\ncpu0 9 0 0 9 0 0 0 0 0 0\n" +
		"cpu1 0 0 0 0 0 0 0 5 0 0\ncpu2 0 0 0 0 0 0 0 1 0 0\ncpu10 0 0 0 0 0 0 0 2 0 0\nintr 1 2 3 4 5 6 7 8 9\n"})
	for _, c := range []struct {
		used []int
		want int64
	}{{nil, 80}, {[]int{0}, 0}, {[]int{1, 2}, 60}, {[]int{10, 1}, 70}, {[]int{1, 3}, -1}} {
		if n := m.Noise(c.used...); n.UsedStealMs != c.want || n.StealMs != 80 {
			t.Errorf("CPUs %v: %d of %d ms, want %d of 80", c.used, n.UsedStealMs, n.StealMs, c.want)
		}
	}
	p := Placement{Broker: []int{3, 1}, Generator: []int{1, 0}}
	if got := FormatCPUs(p.Used()); got != "0-1,3" {
		t.Errorf("both sides use %s, want 0-1,3", got)
	}
}

func TestMemory(t *testing.T) {
	files := map[string]string{"/proc/meminfo": "MemTotal:       1000 kB\nDirty: 4 kB\n"}
	if got := machineOf(t, files).MemoryBytes(); got != 1000<<10 {
		t.Errorf("memory %d", got)
	}
	files["/proc/self/cgroup"] = "0::/a\n"
	files["/sys/fs/cgroup/a/memory.max"] = "2048\n"
	if got := machineOf(t, files).MemoryBytes(); got != 2048 {
		t.Errorf("memory %d, want the group's limit", got)
	}
	files["/sys/fs/cgroup/a/memory.max"] = "max\n"
	if got := machineOf(t, files).MemoryBytes(); got != 1000<<10 {
		t.Errorf("memory %d with a group that has no limit", got)
	}
}

func TestClassify(t *testing.T) {
	isolated := Env{
		OS: "linux", Allowed: "0-7", Isolated: "2-7", Clocksource: "tsc", Hypervisor: "no",
		Governor: "performance", Turbo: "off", CgroupCPU: "max 100000",
	}
	if c, why := Classify(&isolated); c != ClassA || len(why) > 0 {
		t.Errorf("class %s %v, want A", c, why)
	}
	cases := map[string]struct {
		change func(*Env)
		class  Class
		why    string
	}{
		"turbo":    {func(e *Env) { e.Turbo = "" }, ClassB, "turbo is unknown"},
		"governor": {func(e *Env) { e.Governor = "powersave" }, ClassB, "powersave"},
		"shared":   {func(e *Env) { e.Isolated = "" }, ClassB, "0 isolated"},
		"others'":  {func(e *Env) { e.Online, e.Allowed, e.Isolated = "0-15", "0-7", "8-15" }, ClassB, "0 isolated"},
		"threads": {func(e *Env) {
			e.Isolated = "2-5"
			e.Siblings = map[string]string{"2": "2-3", "3": "2-3", "4": "4-5", "5": "4-5"}
		}, ClassB, "2 isolated"},
		"mixed":    {func(e *Env) { e.Governor = "performance, powersave" }, ClassB, "powersave"},
		"guest":    {func(e *Env) { e.Hypervisor = "yes" }, ClassC, "virtual machine"},
		"unknown":  {func(e *Env) { e.Hypervisor = "" }, ClassC, "virtual machine"},
		"small":    {func(e *Env) { e.Allowed = "0-1" }, ClassC, "CPUs: 2"},
		"quota":    {func(e *Env) { e.CgroupCPU = "50000 100000" }, ClassC, "quota"},
		"clock":    {func(e *Env) { e.Clocksource = "hpet" }, ClassC, "hpet"},
		"no Linux": {func(e *Env) { e.OS = "darwin" }, ClassC, "not Linux"},
	}
	for name, c := range cases {
		e := isolated
		c.change(&e)
		class, why := Classify(&e)
		if class != c.class || !strings.Contains(strings.Join(why, "; "), c.why) {
			t.Errorf("%s: class %s because %q, want %s because of %q", name, class, why, c.class, c.why)
		}
	}
}

// TestPlace: isolated CPUs make the class of those who run on them.
func TestPlace(t *testing.T) {
	for _, c := range []struct {
		was               Class
		broker, generator []int
		want              Class
	}{
		{ClassA, []int{2, 3, 4}, []int{5, 6, 7}, ClassA},
		{ClassA, []int{0, 1, 2, 3}, []int{4, 5, 6, 7}, ClassB},
		{ClassA, []int{4, 5, 6, 7}, []int{1, 2, 3}, ClassB},
		{ClassC, []int{0}, []int{1}, ClassC},
	} {
		e := Env{Class: c.was, Isolated: "2-7"}
		if e.Place(Placement{Broker: c.broker, Generator: c.generator}); e.Class != c.want || len(e.Reasons) > 0 != (c.was != c.want) {
			t.Errorf("broker %v, generator %v: class %s because %q, want %s", c.broker, c.generator, e.Class, e.Reasons, c.want)
		}
	}
}

// TestGovernors: one CPU that goes slow is enough not to be class A.
func TestGovernors(t *testing.T) {
	files := good()
	files[cpuDir+"/cpu5/"+governorFile] = "powersave"
	if e := machineOf(t, files).Capture(t.TempDir()); e.Governor != "performance, powersave" {
		t.Errorf("governors %q", e.Governor)
	}
}

func TestBootOptions(t *testing.T) {
	got := bootOptions("BOOT_IMAGE=/boot/x root=/dev/sda1 isolcpus=2-7 quiet mitigations=off secret=1")
	if want := "isolcpus=2-7 mitigations=off"; got != want {
		t.Errorf("got %q, want %q: what bears on timing and nothing else", got, want)
	}
}
