package telemetry

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// userHz is the unit of /proc/stat: 100 on every Linux port that Go has.
const userHz = 100

// stealFamilies is the time that the hypervisor gave to others, of the CPUs that
// this process may run on. It is told apart from collections and stalls, which
// are the process's own.
func stealFamilies() []family {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return nil
	}
	defer f.Close()
	var mine unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mine); err != nil {
		return nil
	}
	out := family{
		name: "ceteris_machine_steal_seconds_total", kind: KindCounter,
		help: "Time that the hypervisor gave to others, of each CPU that the process may run on.",
	}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// cpuN user nice system idle iowait irq softirq steal guest guest_nice
		fields := strings.Fields(lines.Text())
		if len(fields) < 9 || !strings.HasPrefix(fields[0], "cpu") {
			continue
		}
		cpu, err := strconv.Atoi(fields[0][3:])
		if err != nil || !mine.IsSet(cpu) { // the first line is of all CPUs
			continue
		}
		ticks, err := strconv.ParseFloat(fields[8], 64)
		if err != nil {
			continue
		}
		out.points = append(out.points, point{labels: []Label{{"cpu", strconv.Itoa(cpu)}}, value: ticks / userHz})
	}
	return []family{out}
}
