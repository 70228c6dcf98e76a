package host

import "testing"

// TestQuota: whichever group limits this process, its limit is found, and how
// long it was held back by it.
func TestQuota(t *testing.T) {
	for name, c := range map[string]struct {
		files     map[string]string
		quota     string
		throttled int64
	}{
		"no groups":         {map[string]string{}, "", -1},
		"none of version 2": {map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "max 100000\n", "/sys/fs/cgroup/a/cpu.stat": "usage_usec 1\nthrottled_usec 0\n"}, "max 100000", 0},
		"its own":           {map[string]string{"/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "50000 100000\n", "/sys/fs/cgroup/a/cpu.stat": "throttled_usec 7\n"}, "50000 100000", 7},
		"of a slice above": {map[string]string{
			"/proc/self/cgroup": "0::/user.slice/s.scope\n", "/sys/fs/cgroup/user.slice/s.scope/cpu.stat": "usage_usec 1\nthrottled_usec 0\n",
			"/sys/fs/cgroup/user.slice/cpu.max": "150000 100000\n", "/sys/fs/cgroup/user.slice/cpu.stat": "throttled_usec 9000\n",
		}, "150000 100000", 9000},
		"the tightest": {map[string]string{
			"/proc/self/cgroup": "0::/a/b/c\n", "/sys/fs/cgroup/a/cpu.max": "300000 100000\n",
			"/sys/fs/cgroup/a/b/cpu.max": "20000 10000\n", "/sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
		}, "20000 10000", -1},
		"seen from inside of a container": {map[string]string{"/proc/self/cgroup": "0::/docker/x\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n"}, "50000 100000", -1},
		"version 1": {map[string]string{
			"/proc/self/cgroup":                        "3:cpu,cpuacct:/jobs/7\n2:memory:/\n0::/\n",
			"/sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us": "100000\n",
			"/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_quota_us": "20000\n", "/sys/fs/cgroup/cpu/jobs/7/cpu.cfs_period_us": "50000\n",
			"/sys/fs/cgroup/cpu/jobs/7/cpu.stat": "nr_throttled 3\nthrottled_time 4500000\n",
		}, "20000 50000", 4500},
		"version 1 without a limit": {map[string]string{
			"/proc/self/cgroup": "3:cpu:/\n", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.stat": "throttled_time 0\n",
		}, "max 100000", 0},
		"version 1 under both names": {map[string]string{
			"/proc/self/cgroup": "3:cpu,cpuacct:/\n", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "30000\n",
		}, "30000 100000", -1},
	} {
		m := machineOf(t, c.files)
		if got := m.cpuQuota(); got != c.quota {
			t.Errorf("%s: quota %q, want %q", name, got, c.quota)
		}
		if got := m.Noise().ThrottledUs; got != c.throttled {
			t.Errorf("%s: throttled for %d µs, want %d", name, got, c.throttled)
		}
	}
}

// TestMemoryAbove: a limit of a group above this process's own is a limit.
func TestMemoryAbove(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"version 2": {"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/memory.max": "4096", "/sys/fs/cgroup/a/b/memory.max": "max"},
		"version 1": {"/proc/self/cgroup": "4:memory:/a\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712", "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096"},
	} {
		files["/proc/meminfo"] = "MemTotal: 1000 kB\n"
		if got := machineOf(t, files).MemoryBytes(); got != 4096 {
			t.Errorf("%s: memory %d, want 4096", name, got)
		}
	}
}
