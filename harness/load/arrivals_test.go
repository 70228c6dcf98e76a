package load

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

// realised is what a generator that sends on time sends, and its schedule.
func realised(t *testing.T, law string, shape workloads.Shape, n int) (*workloads.Schedule, []int64) {
	t.Helper()
	s, err := workloads.NewShaped(7, 1000, law, shape)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, n)
	for i := range out {
		out[len(out)-1-i] = s.At(int64(i)) // any order will do
	}
	return s, out
}

func TestArrivalsFollowTheirLaw(t *testing.T) {
	s, sent := realised(t, workloads.Poisson, workloads.Shape{}, 5000)
	a := checkArrivals(workloads.Poisson, 1000, s, 0, sent)
	if a.N != 4999 || a.KS > a.KSCritical || math.Abs(a.GapCV-1) > 0.05 || math.Abs(a.GapMeanNs-1e6) > 5e4 {
		t.Errorf("poisson: got %+v", a)
	}
	if a := checkArrivals(workloads.Poisson, 1100, s, 0, sent); a.KS <= a.KSCritical {
		t.Errorf("a rate off by a tenth passes: %+v", a)
	}
	even, spaced := realised(t, workloads.Constant, workloads.Shape{}, 5000)
	if a := checkArrivals(workloads.Poisson, 1000, s, 0, spaced); a.KS < 0.5 {
		t.Errorf("constant gaps pass for exponential ones: %+v", a)
	}
	a = checkArrivals(workloads.Constant, 1000, even, 0, spaced)
	if a.KS != 0 || a.GapCV > 1e-9 || math.Abs(a.GapMeanNs-1e6) > 1e-6 || *a.Dispersion > 0.01 || *a.DispersionIntended > 0.01 {
		t.Errorf("constant: got %+v", a)
	}
	if a := checkArrivals(workloads.Poisson, 1000, s, 0, []int64{5}); a.N != 0 {
		t.Errorf("one arrival: got %+v", a)
	}
	if a := checkArrivals(workloads.Closed, 0, nil, 0, spaced); a.N != 4999 || a.KSCritical != 0 || a.DispersionIntended != nil {
		t.Errorf("closed: got %+v", a)
	}
}

// TestShapedArrivalsFollowTheirLaw: what is sent on time passes, what is sent
// evenly instead does not, and bursts show in the dispersion.
func TestShapedArrivalsFollowTheirLaw(t *testing.T) {
	var times []int64 // 900 arrivals close together, then 100 far apart
	for i := range int64(1000) {
		times = append(times, i+100*max(0, i-900))
	}
	for law, shape := range map[string]workloads.Shape{
		workloads.Bursts: {Bursts: &workloads.BurstShape{On: 200 * time.Millisecond, Off: 600 * time.Millisecond, Gaps: workloads.Poisson}},
		workloads.MMPP:   {MMPP: &workloads.MMPPShape{High: 100 * time.Millisecond, Low: 400 * time.Millisecond, Ratio: 20}},
		workloads.Ramp:   {Ramp: &workloads.RampShape{From: 0.1, To: 4, Over: 4 * time.Second, Gaps: workloads.Poisson}},
		workloads.Sine:   {Sine: &workloads.SineShape{Amplitude: 1, Period: time.Second, Gaps: workloads.Poisson}},
		workloads.Phases: {Phases: &workloads.PhaseShape{Lead: time.Second, Steps: []workloads.Phase{{For: 500 * time.Millisecond, Rate: 5}}, Gaps: workloads.Poisson}},
		workloads.Trace:  {Trace: &workloads.TraceShape{TimesNs: times}},
	} {
		s, sent := realised(t, law, shape, 4000)
		a := checkArrivals(law, 1000, s, 0, sent)
		if (a.KSCritical == 0) != (law == workloads.Trace) || a.KS > a.KSCritical || *a.Dispersion != *a.DispersionIntended {
			t.Errorf("%s: got %+v", law, a)
		}
		if *a.Dispersion < 5 {
			t.Errorf("%s: dispersion %.1f", law, *a.Dispersion)
		}
		_, spaced := realised(t, workloads.Constant, workloads.Shape{}, 4000)
		if a := checkArrivals(law, 1000, s, 0, spaced); law != workloads.Trace && a.KS <= a.KSCritical || *a.Dispersion == *a.DispersionIntended {
			t.Errorf("%s: even sends pass: %+v", law, a)
		}
	}
}

// TestGapLawsAreTold: what was sent by one law passes for it and for no other.
func TestGapLawsAreTold(t *testing.T) {
	laws := map[string]workloads.Shape{
		"gamma 0.5": {Gamma: &workloads.GapShape{Shape: 0.5}}, "gamma 4": {Gamma: &workloads.GapShape{Shape: 4}},
		"weibull 0.5": {Weibull: &workloads.GapShape{Shape: 0.5}}, "weibull 2": {Weibull: &workloads.GapShape{Shape: 2}},
		"poisson": {},
	}
	for sent, shape := range laws {
		law, _, _ := strings.Cut(sent, " ")
		_, at := realised(t, law, shape, 5000)
		for asked, other := range laws {
			law, _, _ := strings.Cut(asked, " ")
			s, _ := realised(t, law, other, 1)
			a := checkArrivals(law, 1000, s, 0, slices.Clone(at))
			if ok := a.KSCritical > 0 && a.KS <= a.KSCritical; ok != (asked == sent) {
				t.Errorf("%s sent, %s asked: %+v", sent, asked, a)
			}
		}
	}
}

// TestSendsKeepOneStretch: two threads that see every other request keep the
// same stretch of the schedule.
func TestSendsKeepOneStretch(t *testing.T) {
	a, b := newSends(maxArrivals), newSends(maxArrivals)
	a.first, b.first = 10, 10
	for i := range int64(maxArrivals + 100) {
		[]*sends{a, b}[i%2].note(10+i, i)
	}
	if len(a.at)+len(b.at) != maxArrivals || a.at[len(a.at)-1] != maxArrivals-2 || b.at[len(b.at)-1] != maxArrivals-1 {
		t.Errorf("got %d and %d", len(a.at), len(b.at))
	}
}

// TestSendsKeepAnUnevenShare: whatever share of the schedule a thread has, nothing of
// the stretch that is looked at is missing, or gaps would be found that never were.
func TestSendsKeepAnUnevenShare(t *testing.T) {
	w := testWorkload()
	r := &run{o: &Options{W: w, Seed: 1, RatePerSec: 20_000, Measure: 2 * time.Second}, threads: 2}
	g, err := workloads.NewGenerator(w, r.o.Seed, r.o.RatePerSec)
	if err != nil {
		t.Fatal(err)
	}
	tallies := []*tally{r.newTally(g.Schedule), r.newTally(g.Schedule)}
	n := g.Before(int64(r.o.Measure))
	var sent []int64
	for i := range n {
		k := int64(0)
		if i%20 == 0 { // one of twenty requests is the other thread's
			k = 1
		}
		tallies[k].sends.first = 0
		tallies[k].sends.note(i, g.At(i))
	}
	for _, x := range tallies {
		sent = append(sent, x.sends.at...)
	}
	if a := r.checkArrivals(tallies, sent); a.N != int(n)-1 || a.KS > a.KSCritical || *a.Dispersion != *a.DispersionIntended {
		t.Errorf("%d requests sent on time: %+v", n, a)
	}
}

func TestRing(t *testing.T) {
	r := newRing[int](3)
	next, want := 0, 0
	for range 100 {
		for range 7 {
			r.push(next)
			next++
		}
		for range 5 {
			if got := r.pop(); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			want++
		}
		if r.n != next-want || *r.at(0) != want || *r.at(r.n - 1) != next-1 {
			t.Fatalf("%d queued from %d to %d, want %d from %d to %d", r.n, *r.at(0), *r.at(r.n - 1), next-want, want, next-1)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("an empty ring gave something")
		}
	}()
	empty := newRing[int](1)
	empty.pop()
}
