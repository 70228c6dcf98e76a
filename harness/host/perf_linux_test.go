package host

import (
	"os"
	"testing"
)

// TestCounters: work is counted where there is something to count with.
func TestCounters(t *testing.T) {
	c, err := CountEvents(Machine{}, os.Getpid())
	if err != nil {
		t.Skipf("this machine counts no cycles: %v", err)
	}
	defer c.Close()
	sum := 0
	for i := range 10_000_000 {
		sum += i * i
	}
	cycles, instructions, err := c.Read()
	if err != nil || cycles < 1_000_000 || instructions < 10_000_000 {
		t.Errorf("%d cycles, %d instructions, %v for ten million rounds (%d)", cycles, instructions, err, sum)
	}
	if _, err := CountEvents(Machine{}, 1<<30); err == nil {
		t.Error("a process that is not there was counted")
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
