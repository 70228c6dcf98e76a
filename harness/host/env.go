package host

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Env is the machine as a result records it. Empty strings mean that the
// system does not tell.
type Env struct {
	Schema      string            `json:"schema"`
	OS          string            `json:"os"`
	Arch        string            `json:"arch"`
	Kernel      string            `json:"kernel"`
	Cmdline     string            `json:"cmdline"`    // boot options that bear on timing, see bootOptions
	Hypervisor  string            `json:"hypervisor"` // "yes", "no" or ""
	CPUModel    string            `json:"cpu_model"`
	Online      string            `json:"online_cpus"`
	Allowed     string            `json:"allowed_cpus"`
	Isolated    string            `json:"isolated_cpus"`
	Siblings    map[string]string `json:"siblings"`
	Governor    string            `json:"governor"` // all that CPUs have
	Turbo       string            `json:"turbo"`
	MaxMHz      string            `json:"max_mhz"`
	Clocksource string            `json:"clocksource"`
	ClockNs     float64           `json:"clock_read_ns"` // cost of one reading of the monotonic clock
	MemoryBytes int64             `json:"memory_bytes"`
	Swap        int64             `json:"swap_bytes"`
	HugePages   string            `json:"transparent_hugepage"`
	CgroupCPU   string            `json:"cgroup_cpu_max"`
	Mitigations map[string]string `json:"mitigations"`
	Data        Storage           `json:"data"`
	IOUring     string            `json:"io_uring_disabled"` // kernel.io_uring_disabled
	GoVersion   string            `json:"go_version"`
	Class       Class             `json:"class"`
	Reasons     []string          `json:"class_reasons"`
	// Checks are what bears on measuring, as it was when the run began; Fixed is
	// what the run changed for its time.
	Checks []Check  `json:"checks,omitempty"`
	Fixed  []Change `json:"fixed,omitempty"`
}

// Storage is where the brokers' data directories lie.
type Storage struct {
	Path       string `json:"path"` // as it was given
	Filesystem string `json:"filesystem"`
	Options    string `json:"options"`
	Device     string `json:"device"`
	Scheduler  string `json:"scheduler"`
	WriteCache string `json:"write_cache"`
	FreeBytes  int64  `json:"free_bytes"`
	TotalBytes int64  `json:"total_bytes"`
	IRQCPU     int    `json:"irq_cpu"` // -1 unknown
	IRQ        string `json:"irq"`
}

// Capture describes the machine and the storage below dir.
func (m Machine) Capture(dir string) Env {
	e := Env{
		Schema: "ceteris-env/1", OS: runtime.GOOS, Arch: runtime.GOARCH, GoVersion: runtime.Version(),
		Kernel: m.read("/proc/sys/kernel/osrelease"), Cmdline: bootOptions(m.read("/proc/cmdline")),
		Online:      m.read("/sys/devices/system/cpu/online"),
		Isolated:    m.read("/sys/devices/system/cpu/isolated"),
		Governor:    strings.Join(distinct(m.perCPU(governorFile)), ", "),
		Turbo:       m.turbo(),
		MaxMHz:      m.read("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
		Clocksource: m.read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
		MemoryBytes: m.MemoryBytes(), Swap: m.meminfo()["SwapTotal"],
		HugePages: m.read("/sys/kernel/mm/transparent_hugepage/enabled"),
		CgroupCPU: m.cpuQuota(), IOUring: m.read("/proc/sys/kernel/io_uring_disabled"),
		ClockNs: clockCostNs(), Siblings: map[string]string{}, Mitigations: map[string]string{},
	}
	if allowed, err := Allowed(); err == nil {
		e.Allowed = FormatCPUs(allowed)
	}
	for c, s := range m.Siblings() {
		e.Siblings[strconv.Itoa(c)] = FormatCPUs(s)
	}
	e.CPUModel, e.Hypervisor = m.cpuinfo()
	files, _ := filepath.Glob(m.path("/sys/devices/system/cpu/vulnerabilities/*"))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			e.Mitigations[filepath.Base(f)] = strings.TrimSpace(string(b))
		}
	}
	e.Data = m.storage(dir)
	e.Class, e.Reasons = Classify(&e)
	return e
}

// timing are the kernel's boot options that change how long things take. The
// others are nobody's business: a result is made to be passed on.
var timing = []string{
	"isolcpus", "nohz", "nohz_full", "rcu_nocbs", "rcu_nocb_poll", "irqaffinity", "threadirqs", "preempt",
	"mitigations", "nosmt", "idle", "intel_idle.max_cstate", "processor.max_cstate", "intel_pstate", "amd_pstate",
	"cpuidle.off", "clocksource", "tsc", "transparent_hugepage", "hugepages", "hugepagesz", "default_hugepagesz",
	"numa_balancing", "skew_tick", "nowatchdog", "psi", "maxcpus", "nr_cpus", "mem",
}

// bootOptions keeps the options of a kernel command line that bear on timing.
func bootOptions(cmdline string) string {
	var kept []string
	for _, option := range strings.Fields(cmdline) {
		name, _, _ := strings.Cut(option, "=")
		if slices.Contains(timing, name) {
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, " ")
}

func (m Machine) cpuinfo() (model, hypervisor string) {
	for _, line := range strings.Split(m.read("/proc/cpuinfo"), "\n") {
		k, v, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(k) {
		case "model name":
			if model == "" {
				model = strings.TrimSpace(v)
			}
		case "flags":
			hypervisor = "no"
			if strings.Contains(" "+v+" ", " hypervisor ") {
				return model, "yes"
			}
		}
	}
	return model, hypervisor
}

func (m Machine) turbo() string {
	switch m.read("/sys/devices/system/cpu/intel_pstate/no_turbo") {
	case "1":
		return "off"
	case "0":
		return "on"
	}
	switch m.read("/sys/devices/system/cpu/cpufreq/boost") {
	case "0":
		return "off"
	case "1":
		return "on"
	}
	return ""
}

func (m Machine) storage(dir string) Storage {
	s := Storage{Path: dir, IRQCPU: -1}
	path := dir
	if abs, err := filepath.Abs(dir); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link may lead to another file system
	}
	s.IRQCPU, s.IRQ = m.DiskIRQ(dir)
	s.FreeBytes, s.TotalBytes, _ = DiskFree(dir)
	best := ""
	for _, line := range strings.Split(m.read("/proc/self/mounts"), "\n") {
		f := strings.Fields(line)
		if len(f) < 4 || len(f[1]) < len(best) || !within(path, f[1]) {
			continue
		}
		best, s.Device, s.Filesystem, s.Options = f[1], f[0], f[2], f[3]
	}
	if queue := m.queueOf(&s); queue != "" {
		s.Scheduler, s.WriteCache = fileText(queue+"/scheduler"), fileText(queue+"/write_cache")
	}
	return s
}

// queueOf is where the kernel keeps the settings of the queue of the disk below a
// directory; "" unknown. The number is asked first: /dev/root and the names of
// volumes are none of the kernel's.
func (m Machine) queueOf(s *Storage) string {
	names := []string{"/sys/class/block/" + filepath.Base(s.Device)}
	if major, minor, err := deviceOf(s.Path); err == nil {
		names = []string{fmt.Sprintf("/sys/dev/block/%d:%d", major, minor), names[0]}
	}
	for _, name := range names {
		real, err := filepath.EvalSymlinks(m.path(name))
		if err != nil {
			continue
		}
		disk := lowest(real)
		for _, at := range []string{disk, filepath.Dir(disk)} { // a partition: its disk has the queue
			if _, err := os.Stat(at + "/queue"); err == nil {
				return at + "/queue"
			}
		}
	}
	return ""
}

// lowest is the first disk below a volume of volumes, and a disk itself.
func lowest(device string) string {
	for range 8 { // no system stacks more
		below, _ := filepath.Glob(device + "/slaves/*")
		if len(below) == 0 {
			break
		}
		real, err := filepath.EvalSymlinks(below[0])
		if err != nil {
			break
		}
		device = real
	}
	return device
}

func fileText(path string) string {
	b, _ := os.ReadFile(path)
	return strings.TrimSpace(string(b))
}

func within(path, mount string) bool {
	return mount == "/" || path == mount || strings.HasPrefix(path, mount+"/")
}

// clockCostNs measures a reading of the monotonic clock; every latency carries
// two of them.
func clockCostNs() float64 {
	const readings = 20000
	origin := time.Now()
	var last time.Duration
	for range readings {
		last = time.Since(origin)
	}
	return float64(last) / readings
}
