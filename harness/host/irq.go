package host

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	device, irqs := m.irqsOf(number)
	switch {
	case device == "":
		return -1, "no block device " + number
	case len(irqs) == 0:
		return -1, device + " names no interrupts"
	}
	return busiest(m.read("/proc/interrupts"), irqs, device)
}

// irqsOf is a block device's name and its interrupts.
func (m Machine) irqsOf(number string) (device string, irqs map[string]bool) {
	path, err := filepath.EvalSymlinks(m.path("/sys/dev/block/" + number))
	if err != nil {
		return "", nil
	}
	path = lowest(path)
	irqs = map[string]bool{}
	top := m.path("/sys/devices")
	for up := path; strings.HasPrefix(up, top) && up != top && len(irqs) == 0; up = filepath.Dir(up) {
		entries, _ := os.ReadDir(up + "/msi_irqs") // not there: the next one up has them
		for _, e := range entries {
			irqs[e.Name()] = true
		}
	}
	return filepath.Base(path), irqs
}

// diskIRQs lists the interrupts of the device that holds dir.
func (m Machine) diskIRQs(dir string) []string {
	major, minor, err := deviceOf(dir)
	if err != nil {
		return nil
	}
	_, irqs := m.irqsOf(fmt.Sprintf("%d:%d", major, minor))
	return slices.Sorted(maps.Keys(irqs))
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
