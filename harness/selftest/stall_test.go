package selftest

import (
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
)

const (
	perSec  = 1000
	stallNs = int64(100 * time.Millisecond)
)

func stalls(n int) *Stalls {
	s := &Stalls{PerSec: perSec, ShortestNs: stallNs, Threads: 1}
	for range n {
		s.LengthsNs = append(s.LengthsNs, stallNs)
	}
	return s
}

// behind is the response times of requests due every ms for a span in which the
// broker stands still at the given moments, and otherwise takes 50 µs.
func behind(span time.Duration, at ...time.Duration) *hdr.Histogram {
	h := hdr.New(1, int64(time.Minute), 3)
	for due := time.Duration(0); due < span; due += time.Second / perSec {
		took := 50 * time.Microsecond
		for _, begin := range at {
			if due >= begin && due < begin+time.Duration(stallNs) {
				took += begin + time.Duration(stallNs) - due
			}
		}
		_ = h.RecordValue(int64(took)) // within a minute
	}
	return h
}

func failed(gates []result.Gate) (names []string) {
	for _, g := range gates {
		if !g.OK {
			names = append(names, g.Name)
		}
	}
	return names
}

// TestJudgeOpen: what was injected passes, and everything that an instrument
// could make of it instead does not.
func TestJudgeOpen(t *testing.T) {
	second := time.Second
	// A generator that sends late and measures from the send: coordinated omission.
	omitted := behind(19900 * time.Millisecond)
	_ = omitted.RecordValue(stallNs)
	thinned := behind(2*second, second)
	_ = thinned.RecordValues(int64(90*time.Millisecond), 100)
	noisy := behind(2*second, second)
	_ = noisy.RecordValues(int64(20*time.Millisecond), 10)
	cases := map[string]struct {
		n    int
		h    *hdr.Histogram
		fail []string
	}{
		"one":                {1, behind(2*second, second), nil},
		"two":                {2, behind(20*second, 5*second, 15*second), nil},
		"none seen":          {1, behind(2 * second), []string{"late", "shape", "peak"}},
		"omitted":            {1, omitted, []string{"late"}},
		"one of two":         {2, behind(20*second, 5*second), []string{"late"}},
		"two of one":         {1, behind(20*second, 5*second, 15*second), []string{"late"}},
		"not spread":         {1, thinned, []string{"late", "shape"}},
		"others beside them": {1, noisy, []string{"late"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			gates := stalls(c.n).JudgeOpen(c.h)
			got := failed(gates)
			if len(got) == 0 && len(c.fail) > 0 || len(got) > 0 && len(c.fail) == 0 {
				t.Fatalf("failed %v, want %v: %+v", got, c.fail, gates)
			}
			for _, want := range c.fail {
				found := false
				for _, g := range got {
					found = found || g == want
				}
				if !found {
					t.Errorf("failed %v, want %s among them: %+v", got, want, gates)
				}
			}
		})
	}
	late := stalls(1)
	late.ShortestNs = stallNs / 2
	if got := failed(late.JudgeOpen(behind(2*second, second))); len(got) != 1 || got[0] != "injected" {
		t.Errorf("a stall that one thread joined late: failed %v, want injected", got)
	}
}

func TestJudgeClosed(t *testing.T) {
	closed := func(late int64) *hdr.Histogram {
		h := hdr.New(1, int64(time.Minute), 3)
		_ = h.RecordValues(int64(50*time.Microsecond), 20000)
		_ = h.RecordValues(stallNs, late)
		return h
	}
	for late, want := range map[int64]int{0: 1, 1: 1, 2: 0, 3: 0, 4: 1, 1000: 2} {
		if got := failed(stalls(2).JudgeClosed(closed(late))); len(got) != want {
			t.Errorf("%d late for two stalls: failed %v, want %d", late, got, want)
		}
	}
}

func TestJudgeSlowdown(t *testing.T) {
	ok := Slowdown{ByNs: 500_000, P50Ns: [2]int64{60_000, 570_000}, CPUNs: [2]float64{20_000, 515_000}}
	if got := failed(ok.Judge()); got != nil {
		t.Errorf("failed %v", got)
	}
	deaf := Slowdown{ByNs: 500_000, P50Ns: [2]int64{60_000, 80_000}, CPUNs: [2]float64{20_000, 1_100_000}}
	if got := failed(deaf.Judge()); len(got) != 2 {
		t.Errorf("failed %v, want both", got)
	}
}
