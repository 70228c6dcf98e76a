package workloads

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"
)

// shapes are laws with the parameters that the tests give them.
var shapes = []struct {
	law   string
	shape Shape
}{
	{Poisson, Shape{}},
	{Constant, Shape{}},
	{Bursts, Shape{Bursts: &BurstShape{On: 100 * time.Millisecond, Off: 300 * time.Millisecond, Gaps: Poisson}}},
	{Bursts, Shape{Bursts: &BurstShape{On: 7 * time.Millisecond, Off: 3 * time.Millisecond, Gaps: Constant}}},
	{MMPP, Shape{MMPP: &MMPPShape{High: 20 * time.Millisecond, Low: 80 * time.Millisecond, Ratio: 10}}},
	{Ramp, Shape{Ramp: &RampShape{From: 0, To: 2, Over: 2 * time.Second, Gaps: Poisson}}},
	{Ramp, Shape{Ramp: &RampShape{From: 3, To: 0.5, Over: time.Second, Gaps: Constant}}},
	{Sine, Shape{Sine: &SineShape{Amplitude: 1, Period: 500 * time.Millisecond, Gaps: Poisson}}},
	{Sine, Shape{Sine: &SineShape{Amplitude: 0.5, Period: 3 * time.Second, Gaps: Constant}}},
	{Phases, Shape{Phases: &PhaseShape{Lead: 300 * time.Millisecond, Steps: somePhases, Gaps: Poisson}}},
	{Phases, Shape{Phases: &PhaseShape{Steps: somePhases, Gaps: Constant}}},
	{Phases, Shape{Phases: &PhaseShape{Steps: somePhases, Gaps: Weibull}, Weibull: &GapShape{0.7}}},
	{Gamma, Shape{Gamma: &GapShape{0.5}}},
	{Gamma, Shape{Gamma: &GapShape{4}}},
	{Weibull, Shape{Weibull: &GapShape{0.5}}},
	{Weibull, Shape{Weibull: &GapShape{3}}},
	{Trace, Shape{Trace: &TraceShape{File: "t", TimesNs: []int64{0, 5, 5, 900, 1000, 7777, 10000}}}},
}

var somePhases = []Phase{{200 * time.Millisecond, 3}, {100 * time.Millisecond, 0}, {time.Second, 0.5}}

// TestShapesArePure: an event's time does not depend on what was asked before,
// no event is before its predecessor, and operational time undoes the bending.
func TestShapesArePure(t *testing.T) {
	const n, rate = 20000, 5000.0
	for _, x := range shapes {
		walk, err := NewShaped(9, rate, x.law, x.shape)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]int64, n)
		for i := range want {
			want[i] = walk.At(int64(i))
			if i > 0 && want[i] < want[i-1] {
				t.Fatalf("%s: event %d at %d is before its predecessor at %d", x.law, i, want[i], want[i-1])
			}
			// A ns of real time is at most the highest factor in operational ns.
			if got := walk.Operational(want[i]); walk.warp != nil && math.Abs(float64(got-walk.steady(int64(i)))) > 10 {
				t.Fatalf("%s: event %d at %d is at %d in operational time, want %d", x.law, i, want[i], got, walk.steady(int64(i)))
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			s, _ := NewShaped(9, rate, x.law, x.shape)
			for range 20 {
				i := rapid.Int64Range(0, n-1).Draw(t, "i")
				if rapid.Bool().Draw(t, "look elsewhere") {
					s.Operational(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "at"))
				}
				if got := s.At(i); got != want[i] {
					t.Fatalf("%s: event %d out of order: got %d, want %d", x.law, i, got, want[i])
				}
			}
		})
	}
}

// TestShapesFollowTheirLaw: in operational time gaps that are drawn have their law
// (Kolmogorov-Smirnov at the 0.1 % level) and constant ones are alike.
func TestShapesFollowTheirLaw(t *testing.T) {
	const n, rate = 20000, 5000.0
	for _, x := range shapes {
		for seed := uint64(1); seed <= 3; seed++ {
			s, _ := NewShaped(seed, rate, x.law, x.shape)
			gaps := make([]float64, n)
			last := int64(0)
			for i := range gaps {
				at := s.Operational(s.At(int64(i)))
				gaps[i] = float64(at-last) * rate / 1e9
				last = at
			}
			switch s.Gaps() {
			case Poisson, Gamma, Weibull:
				slices.Sort(gaps)
				ks := 0.0
				for i, g := range gaps {
					f := reference(s.Gaps(), x.shape, g)
					ks = max(ks, f-float64(i)/n, float64(i+1)/n-f)
				}
				if limit := 1.95 / math.Sqrt(n); ks > limit {
					t.Errorf("%s seed %d: KS distance %.4f, want at most %.4f", x.law, seed, ks, limit)
				}
			case Constant:
				for i, g := range gaps[1:] {
					if math.Abs(g-1) > 1e-4 {
						t.Fatalf("%s seed %d: gap %d is %g, want 1", x.law, seed, i+1, g)
					}
				}
			}
		}
	}
}

// reference is the distribution function of gaps in units of their mean, by
// another library than the schedule's.
func reference(law string, s Shape, gap float64) float64 {
	switch law {
	case Gamma:
		return distuv.Gamma{Alpha: s.Gamma.Shape, Beta: s.Gamma.Shape}.CDF(gap)
	case Weibull:
		k := s.Weibull.Shape
		return distuv.Weibull{K: k, Lambda: 1 / math.Gamma(1+1/k)}.CDF(gap)
	}
	return distuv.Exponential{Rate: 1}.CDF(gap)
}

// TestGapLaws: the table is the law's quantile function, from the smallest gap that
// matters to the largest of 64 bits, and its mean is 1 by an integral of its own.
func TestGapLaws(t *testing.T) {
	for _, law := range []string{Gamma, Weibull} {
		for _, shape := range []float64{minGapShape, 0.5, 0.9, 1, 1.5, 4, 30, maxGapShape} {
			s := Shape{Gamma: &GapShape{shape}, Weibull: &GapShape{shape}}
			table := newGapTable(s.gapQuantile(law))
			for k := 1; k < gapEntries; k++ {
				if table.at[k] < table.at[k-1] {
					t.Fatalf("%s %g: entry %d is below the one before", law, shape, k)
				}
			}
			cdf := s.gapCDF(law)
			for e := 1e-5; e < 36; e *= 1.37 { // beyond, 1 - exp(-e) is 1
				got := math.Ldexp(float64(table.of(uint64(math.Ldexp(e, gapBits)))), -gapBits)
				want := -math.Expm1(-e)
				if nothing := 1e-7; got < nothing && want <= cdf(nothing) {
					continue // a gap that no clock tells from none
				}
				for who, at := range map[string]func(float64) float64{"the schedule's": cdf, "the reference": func(g float64) float64 { return reference(law, s, g) }} {
					if low, high := at(got*(1-5e-4)), at(got*(1+5e-4)); low > want+1e-12 || high < want-1e-12 {
						t.Fatalf("%s %g: a gap of %g has probability %.9g to %.9g by %s, want %.9g", law, shape, got, low, high, who, want)
					}
				}
			}
			// The midpoint rule in the variate's own quantiles, fine where it is steep.
			const n = 1 << 20
			mean, last := 0.0, 0.0
			for i := 1; i <= n; i++ {
				e := 44 * math.Pow(float64(i)/n, 4)
				middle := (e + last) / 2
				mean += math.Ldexp(float64(table.of(uint64(math.Ldexp(middle, gapBits)))), -gapBits) * (math.Exp(-last) - math.Exp(-e))
				last = e
			}
			if math.Abs(mean-1) > 1e-6 {
				t.Errorf("%s %g: mean gap %.9f, want 1", law, shape, mean)
			}
		}
	}
}

// TestGapLawsGolden pins the first events of the laws that come from a table: no
// architecture may draw others.
func TestGapLawsGolden(t *testing.T) {
	h := sha256.New()
	for _, x := range shapes {
		if x.law == Gamma || x.law == Weibull {
			s, err := NewShaped(1, 1000, x.law, x.shape)
			if err != nil {
				t.Fatal(err)
			}
			for i := range int64(1000) {
				h.Write(binary.BigEndian.AppendUint64(nil, uint64(s.At(i))))
			}
		}
	}
	const want = "050d0587c68a1808126148ff45c3cf3a7168ac74cb6736ac225c753d78eb6519"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the events have changed: got %s, want %s", got, want)
	}
}

// TestPhases: a phase begins and ends to the ns, holds the load's rate times its
// own, and the rate is the load's before the first and after the last.
func TestPhases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := PhaseShape{
			Lead: time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "lead")), Gaps: rapid.SampledFrom([]string{Poisson, Constant}).Draw(t, "gaps"),
		}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			p.Steps = append(p.Steps, Phase{
				For:  time.Duration(rapid.Int64Range(int64(minPhase), 2e9).Draw(t, "for")),
				Rate: rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 10)).Draw(t, "rate"),
			})
		}
		s, err := NewShaped(rapid.Uint64().Draw(t, "seed"), 1000, Phases, Shape{Phases: &p})
		if err != nil {
			t.Fatal(err)
		}
		begin, sum := int64(p.Lead), float64(p.Lead)
		if got := s.Operational(begin); got != begin {
			t.Fatalf("the lead of %d ns is %d in operational time", begin, got)
		}
		for k, step := range p.Steps {
			end := begin + int64(step.For)
			sum += float64(step.For) * step.Rate
			if got := s.Operational(end); math.Abs(float64(got)-sum) > float64(k+1) {
				t.Fatalf("phase %d ends at %d of operational time, want %.1f", k, got, sum)
			}
			if step.Rate == 0 && s.Before(end) != s.Before(begin+1) {
				t.Fatalf("phase %d is a pause and has %d arrivals", k, s.Before(end)-s.Before(begin+1))
			}
			if want := step.Rate * step.For.Seconds() * 1000; p.Gaps == Constant && math.Abs(float64(s.Before(end)-s.Before(begin))-want) > 1 {
				t.Fatalf("phase %d has %d arrivals, want %.2f", k, s.Before(end)-s.Before(begin), want)
			}
			begin = end
		}
		if got := s.Operational(begin+1e9) - s.Operational(begin); got != 1e9 {
			t.Fatalf("a second after the last phase is %d ns of operational time", got)
		}
	})
}

// TestBurstsPause: nothing arrives between bursts, and the mean rate is the load's.
func TestBurstsPause(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := BurstShape{
			On:   time.Duration(rapid.Int64Range(1e6, 1e9).Draw(t, "on")),
			Off:  time.Duration(rapid.Int64Range(1e6, 1e9).Draw(t, "off")),
			Gaps: rapid.SampledFrom([]string{Poisson, Constant}).Draw(t, "gaps"),
		}
		s, err := NewShaped(rapid.Uint64().Draw(t, "seed"), 10000, Bursts, Shape{Bursts: &b})
		if err != nil {
			t.Fatal(err)
		}
		cycle := int64(b.On + b.Off)
		for i := range int64(1000) {
			if at := s.At(i); at%cycle >= int64(b.On) {
				t.Fatalf("event %d at %d is %d into a cycle, whose burst ends at %d", i, at, at%cycle, int64(b.On))
			}
		}
		// Whole cycles hold what the load's rate has in the same time.
		for k := range int64(5) {
			if got := s.Operational(k * cycle); got != k*cycle {
				t.Fatalf("cycle %d begins at %d of operational time, want %d", k, got, k*cycle)
			}
		}
	})
}

// dispersion is the variance of counts in windows over their mean.
func dispersion(s *Schedule, n int64, window int64) float64 {
	var counts []float64
	for i := range n {
		k := int(s.At(i) / window)
		for len(counts) <= k {
			counts = append(counts, 0)
		}
		counts[k]++
	}
	counts = counts[:len(counts)-1] // the last window is cut
	mean, sq := 0.0, 0.0
	for _, c := range counts {
		mean += c / float64(len(counts))
	}
	for _, c := range counts {
		sq += (c - mean) * (c - mean) / float64(len(counts)-1)
	}
	return sq / mean
}

// TestDispersion compares the index of dispersion of counts with theory: 1 of a
// Poisson process, 0 of a constant rate, and of an MMPP over windows far longer
// than its stays (Fischer and Meier-Hellstern 1993)
//
//	1 + 2·(λ1 − λ2)²·r1·r2 / ((r1 + r2)²·(λ1·r2 + λ2·r1))
//
// with r the rates of leaving the states.
func TestDispersion(t *testing.T) {
	const rate, n = 2000.0, 1_000_000
	plain, _ := NewSchedule(3, rate, Poisson)
	if got := dispersion(plain, n, 1e9/4); math.Abs(got-1) > 0.12 { // 2000 windows: sigma 0.032
		t.Errorf("poisson: index of dispersion %.3f, want 1", got)
	}
	even, _ := NewSchedule(3, rate, Constant)
	if got := dispersion(even, n, 1e9/4); got > 0.01 {
		t.Errorf("constant: index of dispersion %.3f, want 0", got)
	}
	m := MMPPShape{High: 2 * time.Millisecond, Low: 8 * time.Millisecond, Ratio: 10}
	low := rate * 10 / (8 + 10*2)
	high := low * 10
	r1, r2 := 1e3/2, 1e3/8
	want := 1 + 2*(high-low)*(high-low)*r1*r2/((r1+r2)*(r1+r2)*(high*r2+low*r1))
	for seed := uint64(1); seed <= 3; seed++ {
		s, err := NewShaped(seed, rate, MMPP, Shape{MMPP: &m})
		if err != nil {
			t.Fatal(err)
		}
		if got := dispersion(s, n, 1e9/4); math.Abs(got-want) > 0.12*want {
			t.Errorf("mmpp seed %d: index of dispersion %.3f, want %.3f", seed, got, want)
		}
		if got := float64(n) / float64(s.At(n-1)) * 1e9; math.Abs(got-rate) > 0.02*rate {
			t.Errorf("mmpp seed %d: mean rate %.1f, want %g", seed, got, rate)
		}
	}
}

// TestRateIntegral compares the number of requests up to a time with the
// integral of the rate, in closed form.
func TestRateIntegral(t *testing.T) {
	const rate = 10000.0
	rapid.Check(t, func(t *rapid.T) {
		var law string
		var shape Shape
		var integral func(sec float64) float64 // of the rate over the load's, seconds
		if rapid.Bool().Draw(t, "ramp") {
			r := RampShape{
				From: rapid.Float64Range(0, 5).Draw(t, "from"), To: rapid.Float64Range(0.01, 5).Draw(t, "to"),
				Over: time.Duration(rapid.Int64Range(1e8, 3e9).Draw(t, "over")), Gaps: Constant,
			}
			law, shape = Ramp, Shape{Ramp: &r}
			over := r.Over.Seconds()
			integral = func(s float64) float64 {
				u := min(s, over)
				return r.From*u + (r.To-r.From)*u*u/(2*over) + r.To*(s-u)
			}
		} else {
			w := SineShape{
				Amplitude: rapid.Float64Range(0, 1).Draw(t, "amplitude"),
				Period:    time.Duration(rapid.Int64Range(1e8, 3e9).Draw(t, "period")), Gaps: Constant,
			}
			law, shape = Sine, Shape{Sine: &w}
			period := w.Period.Seconds()
			integral = func(s float64) float64 {
				return s + w.Amplitude*period/(2*math.Pi)*(1-math.Cos(2*math.Pi*s/period))
			}
		}
		s, err := NewShaped(1, rate, law, shape)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int64{0, 1, 10, 100, 1000, 5000, 20000} {
			at := float64(s.At(i)) / 1e9
			// A straight piece is off by at most slope·piece²/8 of the integral.
			if got := rate * integral(at); math.Abs(got-float64(i)) > 1 {
				t.Fatalf("%s: event %d at %.6f s, where %.3f are expected", law, i, at, got)
			}
		}
	})
}

// TestTrace: the trace's own rate gives its own times, another stretches them,
// and it begins anew one mean gap after its end.
func TestTrace(t *testing.T) {
	times := []int64{0, 1e6, 1e6, 3e6, 8e6} // 5 arrivals in 10 ms with the gap after the last
	shape := Shape{Trace: &TraceShape{File: "t", TimesNs: times}}
	own, err := NewShaped(1, 500, Trace, shape)
	if err != nil {
		t.Fatal(err)
	}
	double, _ := NewShaped(1, 1000, Trace, shape)
	for i := range int64(1000) {
		want := i/5*10e6 + times[i%5]
		if got := own.At(i); got != want {
			t.Fatalf("event %d: got %d, want %d", i, got, want)
		}
		if got := double.At(i); got != want/2 {
			t.Fatalf("event %d at twice the rate: got %d, want %d", i, got, want/2)
		}
	}
	if _, err := NewShaped(1, 500, Trace, Shape{Trace: &TraceShape{File: "unread"}}); err == nil {
		t.Error("a trace that was not read is taken")
	}
}

func TestShapesRefuse(t *testing.T) {
	for _, x := range []struct {
		law   string
		shape Shape
	}{
		{"pareto", Shape{}},
		{Bursts, Shape{}},
		{Bursts, Shape{Bursts: &BurstShape{On: time.Second, Off: 0, Gaps: Poisson}}},
		{Bursts, Shape{Bursts: &BurstShape{On: time.Second, Off: time.Second, Gaps: "even"}}},
		{MMPP, Shape{MMPP: &MMPPShape{High: time.Second, Low: time.Second, Ratio: 0.5}}},
		{Ramp, Shape{Ramp: &RampShape{From: math.NaN(), To: 1, Over: time.Second, Gaps: Poisson}}},
		{Ramp, Shape{Ramp: &RampShape{From: 1, To: 0, Over: time.Second, Gaps: Poisson}}},
		{Gamma, Shape{}},
		{Gamma, Shape{Gamma: &GapShape{math.NaN()}}},
		{Weibull, Shape{Weibull: &GapShape{0.1}}},
		{Phases, Shape{Phases: &PhaseShape{Gaps: Poisson}}},
		{Phases, Shape{Phases: &PhaseShape{Steps: []Phase{{time.Second, -1}}, Gaps: Poisson}}},
		{Phases, Shape{Phases: &PhaseShape{Steps: []Phase{{0, 1}}, Gaps: Poisson}}},
		{Phases, Shape{Phases: &PhaseShape{Steps: somePhases, Gaps: Gamma}}},
		{Sine, Shape{Sine: &SineShape{Amplitude: 1.5, Period: time.Second, Gaps: Poisson}}},
	} {
		if _, err := NewShaped(1, 100, x.law, x.shape); err == nil {
			t.Errorf("%s %+v is taken", x.law, x.shape)
		}
	}
}
