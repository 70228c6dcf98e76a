package host

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// EventCounters count the cycles and instructions of a process's threads.
type EventCounters struct{ fds [2][]int }

// CountEvents begins to count for every thread that pid has, and for those that
// they make. The error says why there is nothing to count with, which on virtual
// machines is the rule.
func CountEvents(m Machine, pid int) (*EventCounters, error) {
	threads, err := m.Threads(pid)
	if err != nil {
		return nil, err
	}
	c := &EventCounters{}
	for i, event := range []uint64{unix.PERF_COUNT_HW_CPU_CYCLES, unix.PERF_COUNT_HW_INSTRUCTIONS} {
		for _, t := range threads {
			attr := unix.PerfEventAttr{
				Type: unix.PERF_TYPE_HARDWARE, Config: event, Size: unix.PERF_ATTR_SIZE_VER5,
				Bits:        unix.PerfBitInherit,
				Read_format: unix.PERF_FORMAT_TOTAL_TIME_ENABLED | unix.PERF_FORMAT_TOTAL_TIME_RUNNING,
			}
			fd, err := unix.PerfEventOpen(&attr, t.ID, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
			if err == unix.ESRCH {
				continue // it has ended since
			}
			if err != nil {
				c.Close()
				return nil, fmt.Errorf("performance events: %w", err)
			}
			c.fds[i] = append(c.fds[i], fd)
		}
	}
	return c, nil
}

// Read is what was counted so far. Events that shared the hardware with others
// are extrapolated to the whole time.
func (c *EventCounters) Read() (cycles, instructions int64, err error) {
	var sums [2]int64
	for i := range c.fds {
		for _, fd := range c.fds[i] {
			var b [24]byte // value, time enabled, time running
			if _, err := unix.Read(fd, b[:]); err != nil {
				return 0, 0, fmt.Errorf("performance events: %w", err)
			}
			value, enabled, running := binary.NativeEndian.Uint64(b[:]), binary.NativeEndian.Uint64(b[8:]), binary.NativeEndian.Uint64(b[16:])
			switch {
			case running == enabled:
				sums[i] += int64(value)
			case running > 0:
				sums[i] += int64(float64(value) * float64(enabled) / float64(running))
			}
		}
	}
	return sums[0], sums[1], nil
}

// Close ends the counting.
func (c *EventCounters) Close() {
	for i := range c.fds {
		for _, fd := range c.fds[i] {
			_ = unix.Close(fd)
		}
	}
}
