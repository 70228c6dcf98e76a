package host

import "fmt"

func (m Machine) checkHugePages(e *Env) Check {
	const path = "/sys/kernel/mm/transparent_hugepage/enabled"
	switch now := chosen(e.HugePages); now {
	case "madvise", "never":
		return passed("huge pages", now)
	case "":
		return passed("huge pages", "the kernel has no transparent ones")
	default:
		c := notPassed(Warn, "huge pages", now, "the kernel joins pages behind everybody's back, which stalls whoever touches them", "echo madvise | sudo tee "+path)
		c.writes = []write{{path, "madvise"}}
		return c
	}
}

func (m Machine) checkSwap(*Env) Check {
	mem := m.meminfo()
	used := mem["SwapTotal"] - mem["SwapFree"]
	if mem["SwapTotal"] == 0 {
		return passed("swap", "none")
	}
	found := fmt.Sprintf("%d MiB used of %d", used>>20, mem["SwapTotal"]>>20)
	if used == 0 {
		return passed("swap", found)
	}
	return notPassed(Warn, "swap", found, "memory that was swapped out stalls whoever wants it back", "sudo swapoff -a")
}
