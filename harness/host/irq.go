package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// DiskIRQ finds the CPU that has served most interrupts of the block device
// below dir, or -1; detail names the device and its interrupts, or says why
// they are not known.
func (m Machine) DiskIRQ(dir string) (cpu int, detail string) {
	major, minor, err := deviceOf(dir)
	if err != nil {
		return -1, err.Error()
	}
	return m.blockIRQ(fmt.Sprintf("%d:%d", major, minor))
}

// blockIRQ looks for the interrupts of a block device by its number: those of
// the nearest ancestor in /sys that has message-signalled interrupts.
func (m Machine) blockIRQ(number string) (cpu int, detail string) {
	device, err := filepath.EvalSymlinks(m.path("/sys/dev/block/" + number))
	if err != nil {
		return -1, "no block device " + number
	}
	top := m.path("/sys/devices")
	for up := device; strings.HasPrefix(up, top) && up != top; up = filepath.Dir(up) {
		entries, err := os.ReadDir(up + "/msi_irqs")
		if err != nil || len(entries) == 0 {
			continue
		}
		irqs := map[string]bool{}
		for _, e := range entries {
			irqs[e.Name()] = true
		}
		return busiest(m.read("/proc/interrupts"), irqs, filepath.Base(device))
	}
	return -1, filepath.Base(device) + " names no interrupts"
}

// busiest sums the columns of /proc/interrupts over the given interrupts.
func busiest(table string, irqs map[string]bool, device string) (cpu int, detail string) {
	lines := strings.Split(table, "\n")
	var columns []int
	for _, name := range strings.Fields(lines[0]) {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "CPU"))
		if err != nil {
			return -1, "interrupts of " + device + " cannot be read"
		}
		columns = append(columns, n)
	}
	sums := make([]int64, len(columns))
	var names []string
	for _, line := range lines[1:] {
		number, rest, ok := strings.Cut(line, ":")
		fields := strings.Fields(rest)
		if !ok || !irqs[strings.TrimSpace(number)] || len(fields) < len(columns) {
			continue
		}
		for i := range columns {
			sums[i] += atoi(fields[i])
		}
		names = append(names, strings.TrimSpace(number))
	}
	best, total := -1, int64(0)
	for i, n := range sums {
		total += n
		if n > 0 && (best < 0 || n > sums[best]) {
			best = i
		}
	}
	if best < 0 {
		return -1, "interrupts of " + device + " have not fired"
	}
	return columns[best], fmt.Sprintf("%s: interrupts %s, CPU %d served %d of %d",
		device, strings.Join(names, ","), columns[best], sums[best], total)
}
