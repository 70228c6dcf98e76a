package host

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCounters: work is counted where there is something to count with, and what
// is not counted is null and has a reason.
func TestCounters(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := CountEvents(Machine{}, os.Getpid(), true)
	defer c.Close()
	sum := 0
	for i := range 10_000_000 {
		sum += i * i
	}
	for range 1000 {
		unix.Getppid()
	}
	got := c.Read()
	for _, a := range got.answers() {
		for i, n := range a.to {
			if (*n == nil) != (*a.why != "") {
				t.Errorf("group %d, event %d: told %v, reason %q", a.of, i, *n != nil, *a.why)
			}
		}
	}
	if n := got.Cycles; n != nil && *n < 1_000_000 {
		t.Errorf("%d cycles for ten million rounds (%d)", *n, sum)
	}
	if n := got.Instructions; n != nil && *n < 10_000_000 {
		t.Errorf("%d instructions for ten million rounds", *n)
	}
	if n := got.SystemCalls; n != nil && *n < 1000 {
		t.Errorf("%d system calls, made 1000", *n)
	}
	threads := Machine{}.ThreadCosts(os.Getpid())
	c.Threads(threads)
	for _, x := range threads {
		if x.ID != unix.Gettid() {
			continue
		}
		if (x.SystemCalls == nil) != (got.SystemCalls == nil) || x.SystemCalls != nil && *x.SystemCalls < 1000 {
			t.Errorf("of the thread %v, of all %v, made 1000", x.SystemCalls, got.SystemCalls)
		}
	}
	gone := CountEvents(Machine{}, 1<<30, false)
	if got := gone.Read(); got.Cycles != nil || got.NoEvents == "" || got.NoSystemCalls != notAsked {
		t.Errorf("a process that is not there was counted: %+v", got)
	}
}

// TestTracepoint: its number comes from the tracefs, wherever that is mounted.
func TestTracepoint(t *testing.T) {
	m := Machine{Root: t.TempDir()}
	if _, err := m.tracepoint("raw_syscalls/sys_enter"); err == nil || !strings.Contains(err.Error(), "tracefs") {
		t.Errorf("without a tracefs: %v", err)
	}
	dir := filepath.Join(m.Root, "/sys/kernel/debug/tracing/events/raw_syscalls/sys_enter")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "id"), []byte("443\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if id, err := m.tracepoint("raw_syscalls/sys_enter"); id != 443 || err != nil {
		t.Errorf("got %d, %v, want 443", id, err)
	}
}

// TestThreadCosts: what a thread does is in its row, by its difference.
func TestThreadCosts(t *testing.T) {
	var m Machine
	before := m.ThreadCosts(os.Getpid())
	sum := 0
	for i := range 50_000_000 {
		sum += i ^ sum
	}
	after := m.ThreadCosts(os.Getpid())
	if len(before) == 0 || len(after) == 0 {
		t.Fatalf("%d and %d threads (%d)", len(before), len(after), sum)
	}
	var run int64
	for _, d := range CostsSince(before, after) {
		if d.Name == "" || d.ID == 0 {
			t.Errorf("a thread without name or id: %+v", d)
		}
		run += max(d.RunNs, 0)
	}
	if after[0].RunNs >= 0 && run <= 0 {
		t.Errorf("%d ns of CPU time, want some", run)
	}
	made := CostsSince(nil, []ThreadCost{{ID: 7, RunNs: 5, RunDelayNs: -1}})
	if made[0].RunNs != 5 || made[0].RunDelayNs != -1 {
		t.Errorf("a thread made meanwhile: %+v", made[0])
	}
}

// TestCountersThatFail: a counter that cannot be read spoils its group, says why,
// and ends nothing else.
func TestCountersThatFail(t *testing.T) {
	c := &EventCounters{}
	for i := range c.groups {
		c.groups[i].why = errors.New("not tried")
	}
	c.groups[groupWork] = counters{events: make([]event, 2), fds: []perThread{{[]int{1, 2}, []int{-1, -1}}, {[]int{1, 2}, []int{-1, -1}}}}
	for range 2 {
		if got := c.Read(); got.Cycles != nil || got.Instructions != nil || !strings.Contains(got.NoEvents, "bad file descriptor") {
			t.Errorf("%v cycles, %v instructions, reason %q", got.Cycles, got.Instructions, got.NoEvents)
		}
	}
	c.Close()
}
