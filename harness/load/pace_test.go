package load

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/workloads"
)

// fakeClock advances by what a reading costs, and sleeps too long.
type fakeClock struct {
	at, offset int64
	readingNs  int64
	over       func() int64
	slept      int
}

func (c *fakeClock) now() int64 { c.at += c.readingNs; return c.at }

func (c *fakeClock) sleep(monotonicNs int64) {
	c.slept++
	c.at = max(c.at, monotonicNs-c.offset) + c.over()
}

// TestPacerSendsWhatWasAsked: whatever law is asked for, on a clock whose sleeps
// overshoot by less than they are begun early, every request leaves within two
// readings of its intended time, so that the realised arrivals follow the law.
func TestPacerSendsWhatWasAsked(t *testing.T) {
	shapes := map[string]workloads.Shape{
		workloads.Poisson: {}, workloads.Constant: {},
		workloads.Bursts: {Bursts: &workloads.BurstShape{On: 100 * time.Millisecond, Off: 200 * time.Millisecond, Gaps: workloads.Poisson}},
		workloads.MMPP:   {MMPP: &workloads.MMPPShape{High: 50 * time.Millisecond, Low: 100 * time.Millisecond, Ratio: 8}},
		workloads.Ramp:   {Ramp: &workloads.RampShape{From: 0.2, To: 2, Over: time.Second, Gaps: workloads.Poisson}},
		workloads.Sine:   {Sine: &workloads.SineShape{Amplitude: 0.9, Period: time.Second, Gaps: workloads.Constant}},
	}
	rapid.Check(t, func(t *rapid.T) {
		law := rapid.SampledFrom([]string{workloads.Poisson, workloads.Constant, workloads.Bursts, workloads.MMPP, workloads.Ramp, workloads.Sine}).Draw(t, "law")
		reading := rapid.Int64Range(20, 200).Draw(t, "ns a reading")
		seed := rapid.Uint64().Draw(t, "seed")
		s, err := workloads.NewShaped(11, 2000, law, shapes[law]) // one seed: the 1 % level is that of a law, not of luck
		if err != nil {
			t.Fatal(err)
		}
		c := &fakeClock{offset: 1e12, readingNs: reading}
		n := int64(0)
		c.over = func() int64 { n++; return int64(workloads.Dimension(seed, "over")>>(n%16)) & 0x7fff } // up to 33 µs
		p := pacer{c.now, c.sleep, 60_000}
		t0 := c.at + 1_000_000
		sent := make([]int64, 3000)
		for i := range sent {
			at := t0 + s.At(int64(i))
			p.until(at, c.offset)
			sent[i] = c.at - t0
			// Requests that are due within a reading of each other leave one after
			// the other.
			if late := c.at - at; late < 0 || late > 4*reading {
				t.Fatalf("request %d left %d ns after it was due, a reading is %d", i, late, reading)
			}
		}
		if c.slept == 0 {
			t.Fatal("it only spun")
		}
		if a := checkArrivals(law, 2000, s, 0, sent); a.KS > a.KSCritical {
			t.Fatalf("%s: the realised arrivals do not follow it: %+v", law, a)
		}
	})
}

// TestPacerThatOversleeps: lateness beyond the early wake-up is slip and nothing
// is left out: what fell due meanwhile leaves at once.
func TestPacerThatOversleeps(t *testing.T) {
	c := &fakeClock{readingNs: 100, over: func() int64 { return 5_000_000 }}
	p := pacer{c.now, c.sleep, 60_000}
	last := int64(0)
	for _, at := range []int64{1_000_000, 2_000_000, 3_000_000, 4_000_000} {
		p.until(at, 0)
		if c.at < 5_900_000 || last != 0 && c.at-last > 300 {
			t.Errorf("the request of %d left at %d, the one before it at %d", at, c.at, last)
		}
		last = c.at
	}
	if c.slept != 1 {
		t.Errorf("slept %d times with requests due", c.slept)
	}
}

// TestPacedForReal sends nothing, on this machine's clock: no request may leave
// before it is due, and all do.
func TestPacedForReal(t *testing.T) {
	s, err := workloads.NewSchedule(3, 5000, workloads.Poisson)
	if err != nil {
		t.Fatal(err)
	}
	offset, _ := clockOffsets()
	t0 := byClock.now() + 1_000_000
	sent := make([]int64, 500)
	for i := range sent {
		at := t0 + s.At(int64(i))
		sleepUntil(at, offset)
		if sent[i] = byClock.now() - t0; sent[i] < at-t0 {
			t.Fatalf("request %d left %d ns early", i, at-t0-sent[i])
		}
	}
	a := checkArrivals(workloads.Poisson, 5000, s, 0, sent)
	t.Logf("KS distance %.4f, 1 %% critical value %.4f", a.KS, a.KSCritical)
	if a.N != len(sent)-1 || a.KSCritical == 0 {
		t.Errorf("got %+v", a)
	}
}
