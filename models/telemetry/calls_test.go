package telemetry

import (
	"sync"
	"testing"
)

// TestStripedCounter: writers on all stripes at once lose nothing.
func TestStripedCounter(t *testing.T) {
	var c StripedCounter
	var all sync.WaitGroup
	for by := range uintptr(40) {
		all.Go(func() {
			for range 1000 {
				c.Inc(by)
				c.Add(by, 2)
			}
		})
	}
	all.Wait()
	if got := c.Load(); got != 120_000 {
		t.Errorf("%d, want 120000", got)
	}
}

// TestCopies: each place is a series of its own, and nobody has to count.
func TestCopies(t *testing.T) {
	var c, none Copies
	c.Add(CopyAppend, 5)
	c.Add(CopyAppend, 7)
	c.Add(CopyMove, 1)
	(*Copies)(nil).Add(CopyTail, 9)
	g := NewRegistry()
	g.AddCopies("shard-0", &c)
	g.AddCopies("shard-1", &none)
	g.SystemCalls("loop", "shard-0", func() uint64 { return 3 })
	got := map[string]float64{}
	for _, s := range g.Snapshot() {
		key := s.Name
		for _, l := range s.Labels {
			key += " " + l.Value
		}
		got[key] += s.Value
	}
	for key, want := range map[string]float64{
		"ceteris_copied_bytes_total receive shard-0": 0, "ceteris_copied_bytes_total append shard-0": 12,
		"ceteris_copied_bytes_total tail shard-0": 0, "ceteris_copied_bytes_total move shard-0": 1,
		"ceteris_copied_bytes_total append shard-1": 0, "ceteris_system_calls_total loop shard-0": 3,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s: %v (%v), want %v", key, v, ok, want)
		}
	}
}
