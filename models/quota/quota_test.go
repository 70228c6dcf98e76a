package quota

import (
	"fmt"
	"math"
	"testing"
)

// TestWindow: what a rate is and what it costs, step by step.
func TestWindow(t *testing.T) {
	var w Window
	for _, s := range []struct {
		atMs       int64
		record     float64
		perSec     float64
		throttleMs int64 // at a bound of 100 a second
	}{
		{5000, 500, 50, 0},          // over ten windows, however young
		{5500, 1000, 142.857, 4500}, // the same sample; 10.5 s: half a window and ten
		{10_500, 0, 142.857, 4500},  // 5.5 s and the five that are missing
		{15_000, 0, 150, 5000},      // ten whole ones
		{15_999, 0, 136.38, 4001},   // eleven are nearly over
		{16_000, 0, 0, 0},           // and the sample has gone
		{17_000, 3000, 300, 20_000}, // counted alone
		{18_000, -3000, 0, 0},       // taken back
		{40_000, 1000, 100, 0},      // what lies far back is not counted
		{51_000, 2000, 200, 10_000}, // nor the sample before, eleven windows later
		{52_000, 1, 200.1, 10_010},  // one window and nine missing are ten
	} {
		if s.record != 0 {
			w.Record(s.atMs, s.record)
		}
		if got := w.PerSecond(s.atMs); math.Abs(got-s.perSec) > 0.01 {
			t.Errorf("at %d ms: %.3f a second, want %.3f", s.atMs, got, s.perSec)
		}
		if got := w.ThrottleMs(s.atMs, 100); got != s.throttleMs {
			t.Errorf("at %d ms: wait %d ms, want %d", s.atMs, got, s.throttleMs)
		}
	}
}

// TestThrottledClientKeepsItsRate: a client that waits as long as it is told gets
// its bound in the long run, whatever the size of its requests.
func TestThrottledClientKeepsItsRate(t *testing.T) {
	const bound, forMs = 10_000.0, 600_000
	for _, bytes := range []int{10, 1000, 30_000, 200_000} {
		c := NewClients(Limits{ProduceBytesPerSec: bound})
		now, sent := int64(1), 0
		for now < forMs {
			sent += bytes
			now += 1 + int64(c.Produced(now, []byte("a"), bytes, 0))
		}
		if got := float64(sent) * 1000 / float64(now); got > bound*1.15 || got < bound*0.8 {
			t.Errorf("requests of %d bytes: %.0f a second, want about %.0f", bytes, got, bound)
		}
	}
}

func TestClients(t *testing.T) {
	if NewClients(Limits{}) != nil {
		t.Error("books are kept though nothing is limited")
	}
	c := NewClients(Limits{ProduceBytesPerSec: 100, FetchBytesPerSec: 100, RequestPercent: 50})
	if wait := c.Produced(1000, []byte("a"), 2000, 0); wait != 10_000 {
		t.Errorf("2000 bytes at 100 a second: wait %d ms, want 10000", wait)
	}
	if wait := c.Produced(1000, []byte("b"), 500, 0); wait != 0 {
		t.Errorf("another client waits %d ms", wait)
	}
	for range 2 { // what was withheld is not counted, so the second try is no worse
		if wait, withhold := c.Fetched(1000, []byte("a"), 2000, 0); wait != 10_000 || !withhold {
			t.Errorf("fetch: wait %d ms, withheld %v", wait, withhold)
		}
	}
	if wait, withhold := c.Fetched(1000, []byte("a"), 900, 0); wait != 0 || withhold {
		t.Errorf("fetch within the quota: wait %d ms, withheld %v", wait, withhold)
	}
	// 10 s of a thread within 10 s are 100 %, and one window is the longest wait.
	if wait, withhold := c.Fetched(1000, []byte("t"), 0, 10e9); wait != maxRequestMs || withhold {
		t.Errorf("thread time: wait %d ms, withheld %v", wait, withhold)
	}
	for i := range maxClients {
		c.Produced(1000, fmt.Appendf(nil, "id-%d", i), 1, 0)
	}
	if len(c.byID) != maxClients {
		t.Errorf("%d accounts, want at most %d", len(c.byID), maxClients)
	}
	if c.Produced(1000, []byte("late"), 600, 0) != 0 || c.Produced(1000, []byte("later"), 600, 0) == 0 {
		t.Error("those that came late do not share an account")
	}
}
