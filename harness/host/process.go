package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is what the kernel has counted for one process since it started.
// Context switches are those of the tasks alive now; brokers keep theirs. They and
// migrations are -1 where threads were not looked at.
type Process struct {
	UserNs, SysNs int64 // clock ticks of 10 ms, in ns
	RunNs         int64 // exact CPU time, -1 when the kernel does not tell
	CtxVoluntary  int64
	CtxForced     int64
	Migrations    int64 // -1 when the kernel does not tell
	RSSBytes      int64
	// Bytes that the process caused to be read from and written to storage: of
	// buffered writes when their pages become dirty. -1 when the kernel does not tell.
	ReadBytes, WriteBytes int64
	Threads               int
}

// tickNs is the unit of utime and stime: USER_HZ is 100 on every Linux port Go has.
const tickNs = 10_000_000

// Outline reads the counters of pid but those that are kept thread by thread, of which
// reading takes up to a ms. The error says that it is gone.
func (m Machine) Outline(pid int) (Process, error) {
	p := Process{RunNs: -1, CtxVoluntary: -1, CtxForced: -1, Migrations: -1, ReadBytes: -1, WriteBytes: -1}
	dir := "/proc/" + strconv.Itoa(pid)
	stat := m.read(dir + "/stat")
	// The name in parentheses may hold spaces: fields count from its end.
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return p, fmt.Errorf("process %d is gone", pid)
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 22 {
		return p, fmt.Errorf("process %d: %s/stat has %d fields after its name, expected at least 22", pid, dir, len(fields))
	}
	p.UserNs = atoi(fields[11]) * tickNs
	p.SysNs = atoi(fields[12]) * tickNs
	p.Threads = int(atoi(fields[17]))
	p.RSSBytes = atoi(fields[21]) * int64(os.Getpagesize())
	if m.Root == "" {
		p.RunNs = processCPUNs(pid)
	}
	io := keyed(m.path(dir + "/io"))
	if n, ok := io["read_bytes"]; ok {
		p.ReadBytes = atoi(n)
	}
	if n, ok := io["write_bytes"]; ok {
		// What was truncated before it was written back was never written.
		p.WriteBytes = max(atoi(n)-atoi(io["cancelled_write_bytes"]), 0)
	}
	return p, nil
}

// Process reads the counters of pid. The error says that it is gone.
func (m Machine) Process(pid int) (Process, error) {
	p, err := m.Outline(pid)
	if err != nil {
		return p, err
	}
	tasks, err := filepath.Glob(m.path("/proc/" + strconv.Itoa(pid) + "/task/*"))
	if err != nil || len(tasks) == 0 {
		return p, fmt.Errorf("process %d: its threads cannot be read", pid)
	}
	p.CtxVoluntary, p.CtxForced, p.Threads = 0, 0, 0
	for _, task := range tasks {
		status := keyed(task + "/status")
		p.CtxVoluntary += atoi(status["voluntary_ctxt_switches"])
		p.CtxForced += atoi(status["nonvoluntary_ctxt_switches"])
		if n, ok := keyed(task + "/sched")["se.nr_migrations"]; ok {
			p.Migrations = max(p.Migrations, 0) + atoi(n)
		}
		p.Threads++
	}
	return p, nil
}

// Thread is one thread and the CPUs the kernel lets it run on.
type Thread struct {
	ID   int
	Name string
	CPUs []int
}

// Threads reads back where each thread of pid may run.
func (m Machine) Threads(pid int) ([]Thread, error) {
	tasks, err := filepath.Glob(m.path(fmt.Sprintf("/proc/%d/task/*", pid)))
	if err != nil || len(tasks) == 0 {
		return nil, fmt.Errorf("process %d: its threads cannot be read", pid)
	}
	var out []Thread
	for _, task := range tasks {
		status := keyed(task + "/status")
		list, ok := status["Cpus_allowed_list"]
		if !ok {
			continue // the thread has ended since
		}
		cpus, err := ParseCPUs(list)
		if err != nil {
			return nil, fmt.Errorf("process %d: %w", pid, err)
		}
		out = append(out, Thread{ID: int(atoi(filepath.Base(task))), Name: status["Name"], CPUs: cpus})
	}
	return out, nil
}

// ReadBack returns the CPUs that the threads of pid may use together, and an
// error naming the first thread that strays from want.
func (m Machine) ReadBack(pid int, want []int) ([]int, error) {
	threads, err := m.Threads(pid)
	if err != nil {
		return nil, err
	}
	var union []int
	var stray error
	for _, t := range threads {
		union = append(union, t.CPUs...)
		if stray == nil && !Subset(t.CPUs, want) {
			stray = fmt.Errorf("thread %d (%s) of process %d may run on CPUs %s, wanted only %s",
				t.ID, t.Name, pid, FormatCPUs(t.CPUs), FormatCPUs(want))
		}
	}
	union, _ = ParseCPUs(FormatCPUs(union))
	return union, stray
}

// keyed reads a file of "name: value" lines; spaces around both are dropped.
func keyed(path string) map[string]string {
	out := map[string]string{}
	b, err := os.ReadFile(path)
	if err != nil {
		return out
	}
	for _, line := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok {
			out[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return out
}

func atoi(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n
}

// Dirtied is how many bytes the process has made dirty in the page cache, or
// written past it; negative where the kernel does not tell.
func (m Machine) Dirtied(pid int) int64 {
	if n, ok := keyed(m.path("/proc/" + strconv.Itoa(pid) + "/io"))["write_bytes"]; ok {
		return atoi(n)
	}
	return -1
}
