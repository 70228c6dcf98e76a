package selftest

import (
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
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
	return behindStalls(span, time.Duration(stallNs), at...)
}

// behindStalls is the same for stalls of another length.
func behindStalls(span, length time.Duration, at ...time.Duration) *hdr.Histogram {
	h := hdr.New(1, int64(time.Minute), 3)
	for due := time.Duration(0); due < span; due += time.Second / perSec {
		took := 50 * time.Microsecond
		for _, begin := range at {
			if due >= begin && due < begin+length {
				took += begin + length - due
			}
		}
		_ = h.RecordValue(int64(took)) // within a minute
	}
	return h
}

func failed(gates []finding) (names []string) {
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
	// The broker's first answers leave 8 ms after it goes on.
	drained := hdr.New(1, int64(time.Minute), 3)
	_ = drained.RecordValues(int64(50*time.Microsecond), 1900)
	for i := range int64(108) {
		_ = drained.RecordValue(stallNs + int64(8-i)*int64(time.Millisecond))
	}
	// An instrument that gives up on what takes longer than 80 ms.
	cut := hdr.New(1, int64(time.Minute), 3)
	for _, b := range behind(2*second, second).Distribution() {
		if b.From < int64(80*time.Millisecond) {
			_ = cut.RecordValues(b.From, b.Count)
		}
	}
	heaped := behind(2 * second)
	_ = heaped.RecordValues(int64(20*time.Millisecond), 89)
	_ = heaped.RecordValue(stallNs)
	worse := behind(2*second, second)
	_ = worse.RecordValue(2 * stallNs)
	cases := map[string]struct {
		n    int
		h    *hdr.Histogram
		fail []string
	}{
		"one":                {1, behind(2*second, second), nil},
		"two":                {2, behind(20*second, 5*second, 15*second), nil},
		"behind a drain":     {1, drained, nil},
		"none seen":          {1, behind(2 * second), []string{"late", "shape", "peak"}},
		"omitted":            {1, omitted, []string{"late"}},
		"tail cut":           {1, cut, []string{"late"}},
		"one of two":         {2, behind(20*second, 5*second), []string{"late"}},
		"two of one":         {1, behind(20*second, 5*second, 15*second), []string{"no others"}},
		"a tenth shorter":    {1, behindStalls(2*second, 90*time.Millisecond, second), []string{"late", "peak"}},
		"both shorter":       {2, behindStalls(20*second, 90*time.Millisecond, 5*second, 15*second), []string{"late", "peak"}},
		"a tenth longer":     {1, behindStalls(2*second, 110*time.Millisecond, second), []string{"no worse"}},
		"both longer":        {2, behindStalls(20*second, 110*time.Millisecond, 5*second, 15*second), []string{"no worse"}},
		"not spread":         {1, thinned, []string{"no others", "shape"}},
		"all at one":         {1, heaped, []string{"late", "shape"}},
		"others beside them": {1, noisy, []string{"no others"}},
		"much worse":         {1, worse, []string{"no worse"}},
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
	// A broker that stands for less than it was asked to tests something else.
	lazy := stalls(1)
	lazy.LengthsNs[0], lazy.ShortestNs = stallNs*9/10, stallNs*9/10
	if got := failed(lazy.JudgeOpen(behindStalls(2*second, 90*time.Millisecond, second))); len(got) != 1 || got[0] != "injected" {
		t.Errorf("a broker that stood for 90 ms of 100: failed %v, want injected", got)
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
	none := Slowdown{ByNs: 500_000, P50Ns: [2]int64{60_000, 60_000}, CPUNs: [2]float64{20_000, 20_000}}
	for i, f := range none.Judge() {
		if f.OK || f.More != (i == 0) {
			t.Errorf("no slowdown: %+v, want failed, and for the CPU time without excuse", f)
		}
	}
	for _, share := range []float64{0.8, 1.2} {
		part := Slowdown{ByNs: 500_000, P50Ns: [2]int64{60_000, 60_000 + int64(share*500_000)}, CPUNs: [2]float64{20_000, 20_000 + share*500_000}}
		if got := failed(part.Judge()); len(got) != 2 {
			t.Errorf("%v of the slowdown: failed %v, want both", share, got)
		}
	}
	behind := Slowdown{ByNs: 500_000, P50Ns: [2]int64{60_000, 69_000_000}, CPUNs: [2]float64{20_000, 300_000}}
	for _, f := range behind.Judge() {
		if f.OK || !f.More {
			t.Errorf("a broker that did not keep up: %+v, want failed for too much", f)
		}
	}
	both := Slowdown{ByNs: 500_000, P50Ns: [2]int64{69_000_000, 69_100_000}, CPUNs: [2]float64{20_000, 300_000}}
	for _, f := range both.Judge() {
		if f.OK || !f.More {
			t.Errorf("brokers of which neither kept up: %+v, want failed for the machine's doing", f)
		}
	}
	deaf := Slowdown{ByNs: 500_000, P50Ns: [2]int64{60_000, 80_000}, CPUNs: [2]float64{20_000, 1_100_000}}
	if got := failed(deaf.Judge()); len(got) != 2 {
		t.Errorf("failed %v, want both", got)
	}
}

// TestJudge: less than was injected is the instrument's failure on any machine,
// more may be the machine's.
func TestJudge(t *testing.T) {
	less, more, fine := find(false, false, "less", ""), find(true, false, "more", ""), find(false, true, "fine", "")
	for name, c := range map[string]struct {
		findings    []finding
		short, busy bool
		want        Verdict
	}{
		"fine":                  {[]finding{fine}, false, false, Passed},
		"less":                  {[]finding{fine, less}, false, false, Failed},
		"less, busy":            {[]finding{less, more}, false, true, Failed},
		"less, short":           {[]finding{more, less}, true, true, Failed},
		"more":                  {[]finding{more, fine}, false, false, Failed},
		"more, busy":            {[]finding{fine, more}, false, true, Undecided},
		"more, short":           {[]finding{more}, true, false, Undecided},
		"fine, short, and busy": {[]finding{fine}, true, true, Passed},
	} {
		a := Attempt{findings: c.findings}
		if c.busy {
			a.Others = 2 * maxOthers
		}
		if a.judge(c.short); a.Result != c.want || len(a.Gates) != len(c.findings) {
			t.Errorf("%s: %s with %d gates, want %s with %d", name, a.Result, len(a.Gates), c.want, len(c.findings))
		}
	}
	for first, want := range map[bool]Verdict{true: Undecided, false: Failed} {
		a := Attempt{findings: []finding{more}, Hiccup: host.Hiccups{FirstInLine: first, MaxNs: 11_000_000}}
		if a.judge(false); a.Result != want {
			t.Errorf("a probe, first in line %t, was 11 ms late: %s, want %s", first, a.Result, want)
		}
	}
	joined := stalls(1)
	joined.ShortestNs = stallNs / 2
	for _, f := range append(joined.JudgeOpen(behind(2*time.Second)), joined.JudgeClosed(behind(2*time.Second))...) {
		if !f.OK && !f.More {
			t.Errorf("a thread joined late, and %s is held against the instrument", f.Name)
		}
	}
}

// TestLast: a test is tried again when the machine may have spoilt it, and never
// when less was seen than was injected.
func TestLast(t *testing.T) {
	less, more, fine := find(false, false, "less", ""), find(true, false, "more", ""), find(false, true, "fine", "")
	for name, c := range map[string]struct {
		tries []finding
		want  Verdict
		n     int
	}{
		"fine":                {[]finding{fine}, Passed, 1},
		"more, then fine":     {[]finding{more, fine}, Passed, 2},
		"more, and again":     {[]finding{more, more, more, fine}, Failed, 3},
		"less, then fine":     {[]finding{less, fine}, Failed, 1},
		"more, then less":     {[]finding{more, less, fine}, Failed, 2},
		"more, more and fine": {[]finding{more, more, fine}, Passed, 3},
	} {
		n := 0
		a, err := repeated(func() (Attempt, error) {
			a := Attempt{findings: c.tries[n : n+1]}
			n++
			a.judge(false)
			return a, nil
		})
		if err != nil || len(a) != c.n || a[len(a)-1].Result != c.want {
			t.Errorf("%s: %d attempts, %v: %+v", name, len(a), err, a)
		}
	}
}

// TestTell: what the machine does not tell is not told as a number.
func TestTell(t *testing.T) {
	var out strings.Builder
	o := Options{Out: &out}
	o.tell("null", &Attempt{Test: "stall", Result: Passed, Others: -1, Steal: 0.02})
	want := "null stall: PASSED (machine: 0 requests late with nothing injected, worst hiccup no probe, others not told of the CPU time, steal 2.0 %)\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
