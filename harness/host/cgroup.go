package host

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// cgroups reads a file of every control group that limits this process: its own
// and those above, as far as they are to be seen from here, since any of them may
// have the limit. Version 2 calls the file name2, the controller of version 1 name1.
func (m Machine) cgroups(controller, name2, name1 string) (texts []string) {
	climb := func(root, group, name string) (found []string) {
		if name == "" {
			return nil
		}
		for at := path.Clean("/" + group); ; at = path.Dir(at) {
			if text := m.read(path.Join(root, at, name)); text != "" {
				found = append(found, text)
			}
			if at == "/" {
				return found
			}
		}
	}
	for _, line := range strings.Split(m.read("/proc/self/cgroup"), "\n") {
		_, rest, _ := strings.Cut(line, ":")
		list, group, ok := strings.Cut(rest, ":")
		switch {
		case !ok:
		case list == "":
			texts = append(texts, climb("/sys/fs/cgroup", group, name2)...)
		case slices.Contains(strings.Split(list, ","), controller):
			found := climb("/sys/fs/cgroup/"+controller, group, name1)
			if found == nil { // mounted under the names of all its controllers
				found = climb("/sys/fs/cgroup/"+list, group, name1)
			}
			texts = append(texts, found...)
		}
	}
	return texts
}

// cpuQuota is the tightest CPU quota as cpu.max has it, quota and period in µs,
// "max" for none; "" where no group tells.
func (m Machine) cpuQuota() (tightest string) {
	least := -1.0
	look := func(quota, period string) {
		q, p := float64(atoi(quota)), float64(atoi(period))
		switch {
		case q <= 0 || p <= 0: // "max", or -1 of version 1
			if tightest == "" {
				tightest = "max " + period
			}
		case least < 0 || q/p < least:
			least, tightest = q/p, quota+" "+period
		}
	}
	for _, text := range m.cgroups("cpu", "cpu.max", "") {
		if f := strings.Fields(text); len(f) == 2 {
			look(f[0], f[1])
		}
	}
	quotas, periods := m.cgroups("cpu", "", "cpu.cfs_quota_us"), m.cgroups("cpu", "", "cpu.cfs_period_us")
	for i, quota := range quotas {
		period := "100000" // the kernel's own
		if len(periods) == len(quotas) {
			period = periods[i]
		}
		look(quota, period)
	}
	return tightest
}

// throttledUs is how long the groups were over their quotas; -1 where none tells.
func (m Machine) throttledUs() int64 {
	sum := int64(-1)
	for _, text := range m.cgroups("cpu", "cpu.stat", "cpu.stat") {
		for _, line := range strings.Split(text, "\n") {
			name, value, _ := strings.Cut(line, " ")
			switch name {
			case "throttled_usec":
				sum = max(sum, 0) + atoi(value)
			case "throttled_time": // version 1, ns
				sum = max(sum, 0) + atoi(value)/1000
			}
		}
	}
	return sum
}

// MemoryBytes is the memory of the machine, or the limit of a control group when
// that is smaller; 0 when neither can be read.
func (m Machine) MemoryBytes() int64 {
	total := m.meminfo()["MemTotal"]
	for _, limit := range m.cgroups("memory", "memory.max", "memory.limit_in_bytes") {
		if n, err := strconv.ParseInt(limit, 10, 64); err == nil && n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	return total
}
