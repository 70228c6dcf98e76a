package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Machine reads one computer's /proc and /sys. The zero value is this one; a
// test sets Root to a directory of files.
type Machine struct{ Root string }

// read returns a file's trimmed text, or "" when it cannot be read.
func (m Machine) read(path string) string {
	b, err := os.ReadFile(m.path(path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (m Machine) path(path string) string {
	if m.Root == "" {
		return path
	}
	return filepath.Join(m.Root, path)
}

// Online lists the CPUs the machine has switched on.
func (m Machine) Online() ([]int, error) {
	return ParseCPUs(m.read("/sys/devices/system/cpu/online"))
}

// Siblings maps each online CPU to the hardware threads of its core.
func (m Machine) Siblings() map[int][]int {
	online, err := m.Online()
	if err != nil {
		return nil
	}
	out := map[int][]int{}
	for _, c := range online {
		list := m.read("/sys/devices/system/cpu/cpu" + strconv.Itoa(c) + "/topology/thread_siblings_list")
		if cpus, err := ParseCPUs(list); err == nil && len(cpus) > 0 {
			out[c] = cpus
		}
	}
	return out
}

// Isolated lists the CPUs kept free of other work by the kernel's command line.
func (m Machine) Isolated() []int {
	cpus, _ := ParseCPUs(m.read("/sys/devices/system/cpu/isolated"))
	return cpus
}

// meminfo reads /proc/meminfo in bytes.
func (m Machine) meminfo() map[string]int64 {
	out := map[string]int64{}
	for _, line := range strings.Split(m.read("/proc/meminfo"), "\n") {
		name, rest, ok := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if !ok || len(fields) == 0 {
			continue
		}
		if kb, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
			out[name] = kb << 10
		}
	}
	return out
}
