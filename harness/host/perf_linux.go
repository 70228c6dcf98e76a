package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// notAsked is why the kernel counted no system calls when nobody wanted it to.
const notAsked = "not asked for: syscalls: kernel in the experiment file counts them"

// EventCounters count events of a process's threads. Each group of events is
// there or not for itself: virtual machines as a rule have no cycles, and some
// processors no L1 counts.
type EventCounters struct {
	groups [eventGroups]counters
}

// counters is one group: its events, each with a counter for every thread.
type counters struct {
	events []event
	fds    []perThread // by event
	why    error       // there are none
}

type event struct {
	kind   uint32
	config uint64
}

// perThread is the counters of one event.
type perThread struct{ threads, fds []int }

// l1d is an event of the first level's data cache: loads, or those it missed.
func l1d(result uint64) event {
	return event{unix.PERF_TYPE_HW_CACHE, unix.PERF_COUNT_HW_CACHE_L1D | unix.PERF_COUNT_HW_CACHE_OP_READ<<8 | result<<16}
}

// CountEvents begins to count for every thread that pid has, and for those that
// they make. With systemCalls it also counts what enters the kernel, at a
// tracepoint that costs each system call of the machine some 25 ns (getppid 69
// and 95 ns, n = 3) and that takes the kernel's tracefs and the right to use it.
func CountEvents(m Machine, pid int, systemCalls bool) *EventCounters {
	c := &EventCounters{}
	c.groups[groupWork].events = []event{
		{unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CPU_CYCLES}, {unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_INSTRUCTIONS},
	}
	c.groups[groupCaches].events = []event{
		{unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CACHE_REFERENCES}, {unix.PERF_TYPE_HARDWARE, unix.PERF_COUNT_HW_CACHE_MISSES},
	}
	c.groups[groupL1D].events = []event{l1d(unix.PERF_COUNT_HW_CACHE_RESULT_ACCESS), l1d(unix.PERF_COUNT_HW_CACHE_RESULT_MISS)}
	if calls := &c.groups[groupSystemCalls]; !systemCalls {
		calls.why = errors.New(notAsked)
	} else if id, err := m.tracepoint("raw_syscalls/sys_enter"); err != nil {
		calls.why = err
	} else {
		calls.events = []event{{unix.PERF_TYPE_TRACEPOINT, id}}
	}
	threads, err := m.Threads(pid)
	for i := range c.groups {
		g := &c.groups[i]
		if g.why == nil {
			g.why = err
		}
		if g.why == nil {
			g.open(threads)
		}
	}
	return c
}

// tracepoint is the number that the kernel gives an event of its tracefs.
func (m Machine) tracepoint(name string) (uint64, error) {
	for _, at := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if id, err := strconv.ParseUint(strings.TrimSpace(m.read(at+"/events/"+name+"/id")), 10, 64); err == nil {
			return id, nil
		}
	}
	return 0, fmt.Errorf("tracepoint %s: the kernel's tracefs is not mounted, or not readable", name)
}

// open makes a counter for every event and thread, or none at all.
func (g *counters) open(threads []Thread) {
	g.fds = make([]perThread, len(g.events))
	for i, e := range g.events {
		at := &g.fds[i]
		for _, t := range threads {
			attr := unix.PerfEventAttr{
				Type: e.kind, Config: e.config, Size: unix.PERF_ATTR_SIZE_VER5,
				Bits:        unix.PerfBitInherit,
				Read_format: unix.PERF_FORMAT_TOTAL_TIME_ENABLED | unix.PERF_FORMAT_TOTAL_TIME_RUNNING,
			}
			fd, err := unix.PerfEventOpen(&attr, t.ID, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
			if err == unix.ESRCH {
				continue // it has ended since
			}
			if err != nil {
				g.fail(err)
				return
			}
			at.threads, at.fds = append(at.threads, t.ID), append(at.fds, fd)
		}
	}
}

func (g *counters) fail(err error) {
	g.close()
	g.why = fmt.Errorf("performance events: %w", err)
}

func (g *counters) close() {
	for _, at := range g.fds {
		for _, fd := range at.fds {
			_ = unix.Close(fd)
		}
	}
	g.fds = nil
}

// read is what one counter has counted. An event that shared the hardware with
// others is extrapolated to the whole time; one that never had its turn is not
// told.
func read(fd int) (n int64, ok bool, err error) {
	var b [24]byte // value, time enabled, time running
	if _, err := unix.Read(fd, b[:]); err != nil {
		return 0, false, err
	}
	value, enabled, running := binary.NativeEndian.Uint64(b[:]), binary.NativeEndian.Uint64(b[8:]), binary.NativeEndian.Uint64(b[16:])
	switch {
	case running == enabled:
		return int64(value), true, nil
	case running > 0:
		return int64(float64(value) * float64(enabled) / float64(running)), true, nil
	}
	return 0, false, nil
}

// Read is what was counted so far. A group of which one counter cannot be read is
// not told from then on.
func (c *EventCounters) Read() (out EventCounts) {
	for _, a := range out.answers() {
		g := &c.groups[a.of]
		sums, err := g.sum()
		if err != nil {
			g.fail(err)
		}
		if g.why != nil {
			*a.why = g.why.Error()
			continue
		}
		for i := range sums {
			*a.to[i] = &sums[i]
		}
	}
	return out
}

// sum adds each event's counters up.
func (g *counters) sum() ([]int64, error) {
	sums := make([]int64, len(g.fds))
	for i := range g.fds {
		for _, fd := range g.fds[i].fds {
			n, ok, err := read(fd)
			if err == nil && !ok {
				err = errors.New("a counter never had its turn")
			}
			if err != nil {
				return nil, err
			}
			sums[i] += n
		}
	}
	return sums, nil
}

// Threads adds what each thread has entered the kernel for to its costs. A
// thread's count includes that of threads which it made meanwhile.
func (c *EventCounters) Threads(costs []ThreadCost) {
	for _, at := range c.groups[groupSystemCalls].fds {
		for i, fd := range at.fds {
			n, ok, err := read(fd)
			for k := range costs {
				if t := &costs[k]; err == nil && ok && t.ID == at.threads[i] {
					t.SystemCalls = &n
				}
			}
		}
	}
}

// Close ends the counting.
func (c *EventCounters) Close() {
	for i := range c.groups {
		c.groups[i].close()
	}
}
