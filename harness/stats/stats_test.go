package stats

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestMinSamples(t *testing.T) {
	for p, want := range map[float64]int64{0: 1, 50: 6, 90: 36, 99: 368, 99.9: 3688, 99.99: 36887} {
		if got := MinSamples(p); got != want {
			t.Errorf("p%v: %d samples, want %d", p, got, want)
		}
	}
}

func TestGate(t *testing.T) {
	cases := []struct {
		s    Samples
		p    float64
		want string // part of the refusal; empty: allowed
	}{
		{Samples{5, 0, "A"}, 50, "needs 6"},
		{Samples{6, 0, "A"}, 50, ""},
		{Samples{367, 0, "B"}, 99, "needs 368 samples, 367 there"},
		{Samples{368, 0, "C"}, 99, ""},
		{Samples{3687, 0, "A"}, 99.9, "needs 3688"},
		{Samples{3688, 0, "A"}, 99.9, ""},
		{Samples{1e9, 0, "C"}, 99.9, "class C"},
		{Samples{1e9, 0, ""}, 99.9, "class C"},
		{Samples{1000, 10, "A"}, 99, ""},
		{Samples{1000, 11, "A"}, 99, "11 of 1000"},
		{Samples{1000, 11, "A"}, 90, ""},
	}
	for _, c := range cases {
		got := c.s.Gate(c.p)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%+v p%v: refusal %q, want %q", c.s, c.p, got, c.want)
		}
	}
}

func TestHighest(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 5, 36, 368, 3687, 3688, 1e5} {
		p := Samples{n, 0, "A"}.Highest()
		if p > 0 && MinSamples(p) > n {
			t.Errorf("%d samples: p%v needs %d", n, p, MinSamples(p))
		}
		if next := Percentile(math.Round(Nines(p)*10)/10 + 0.1); MinSamples(next) <= n {
			t.Errorf("%d samples carry p%v, got p%v", n, next, p)
		}
	}
	if p := (Samples{1e9, 0, "C"}).Highest(); p != 99 {
		t.Errorf("class C: p%v, want 99", p)
	}
	if p := (Samples{3688, 0, "B"}).Highest(); p != 99.9 {
		t.Errorf("3688 samples: p%v, want 99.9", p)
	}
}

func TestNines(t *testing.T) {
	for p, want := range map[float64]float64{0: 0, 90: 1, 99: 2, 99.9: 3, 99.99: 4} {
		near(t, "nines", Nines(p), want, 1e-9)
		near(t, "percentile", Percentile(want), p, 1e-12)
	}
}

// The two-sided 5 % critical values of Wilcoxon's signed-rank statistic as every
// textbook prints them.
func TestCriticalRank(t *testing.T) {
	table := map[int]int{
		6: 0, 7: 2, 8: 3, 9: 5, 10: 8, 11: 10, 12: 13, 13: 17, 14: 21, 15: 25, 16: 29, 17: 34, 18: 40,
		19: 46, 20: 52, 21: 58, 22: 65, 23: 73, 24: 81, 25: 89, 30: 137,
	}
	for n, want := range table {
		k, tail := criticalRank(n, Wanted)
		if k != want || tail > 0.025 {
			t.Errorf("n=%d: k=%d with tail %v, want %d", n, k, tail, want)
		}
	}
}

// P(T+ <= t) for n=5 is 1, 2, 3, 5, 7, 10, 13 … of 32.
func TestSignedRank(t *testing.T) {
	p := signedRank(5)
	sum := 0.0
	for i, want := range []float64{1, 2, 3, 5, 7, 10, 13, 16} {
		sum += p[i]
		near(t, "P(T+<=t)·32", sum*32, want, 1e-12)
	}
	for _, n := range []int{1, 9, 40, maxBlocks} {
		total := 0.0
		for _, x := range signedRank(n) {
			total += x
		}
		near(t, "sum of the distribution", total, 1, 1e-9)
	}
}

// The depression scores of nine patients before and after tranquillisers, the
// worked example of Hollander and Wolfe, chapter 3: estimate -0.46, interval
// (-0.786, -0.010) at 96.1 %.
func TestHollanderWolfe(t *testing.T) {
	before := []float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}
	after := []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29}
	d := make([]float64, len(before))
	for i := range d {
		d[i] = after[i] - before[i]
	}
	s, err := HodgesLehmann(d)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "estimate", s.Estimate, -0.46, 1e-9)
	near(t, "lower end", s.Lo, -0.786, 1e-9)
	near(t, "upper end", s.Hi, -0.010, 1e-9)
	near(t, "level", s.Level, 0.961, 5e-4)
}

func TestAttainableLevel(t *testing.T) {
	for n, want := range map[int]float64{1: 0, 2: 0.5, 3: 0.75, 4: 0.875, 5: 0.9375, 6: 0.96875} {
		d := make([]float64, n)
		for i := range d {
			d[i] = float64(i)
		}
		s, err := HodgesLehmann(d)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "level", s.Level, want, 1e-12)
		if s.Reached() != (n >= MinBlocks) {
			t.Errorf("n=%d: reached %v", n, s.Reached())
		}
		if s.Lo != 0 && n > 1 || s.Hi != float64(n-1) && n > 1 {
			t.Errorf("n=%d: [%v, %v] should be the range", n, s.Lo, s.Hi)
		}
	}
	for _, n := range []int{0, maxBlocks + 1} {
		if _, err := HodgesLehmann(make([]float64, n)); err == nil {
			t.Errorf("%d blocks were taken", n)
		}
	}
}

func TestHodgesLehmannProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SliceOfN(rapid.Float64Range(-3, 3), 1, 25).Draw(t, "d")
		by := rapid.Float64Range(-2, 2).Draw(t, "shift")
		s, _ := HodgesLehmann(d)
		if s.Lo > s.Estimate || s.Hi < s.Estimate {
			t.Fatalf("estimate %v outside [%v, %v]", s.Estimate, s.Lo, s.Hi)
		}
		moved, mirrored := make([]float64, len(d)), make([]float64, len(d))
		for i, x := range d {
			moved[i], mirrored[len(d)-1-i] = x+by, -x
		}
		m, _ := HodgesLehmann(moved)
		if math.Abs(m.Estimate-s.Estimate-by) > 1e-9 || math.Abs(m.Lo-s.Lo-by) > 1e-9 || math.Abs(m.Hi-s.Hi-by) > 1e-9 {
			t.Fatalf("shifted by %v: %+v of %+v", by, m, s)
		}
		r, _ := HodgesLehmann(mirrored)
		if math.Abs(r.Estimate+s.Estimate) > 1e-9 || math.Abs(r.Lo+s.Hi) > 1e-9 || math.Abs(r.Hi+s.Lo) > 1e-9 {
			t.Fatalf("mirrored: %+v of %+v", r, s)
		}
	})
}

func TestPairBlocks(t *testing.T) {
	got := PairBlocks(map[int]float64{3: 30, 1: 10, 2: 20, 5: 0}, map[int]float64{1: 1, 3: 3, 4: 4, 5: 5})
	if len(got) != 2 || got[0] != (Pair{1, 10, 1}) || got[1] != (Pair{3, 30, 3}) {
		t.Errorf("pairs %v", got)
	}
}

// ratios makes pairs with these values of A/B.
func ratios(r ...float64) []Pair {
	var out []Pair
	for i, x := range r {
		out = append(out, Pair{i, x, 1})
	}
	return out
}

func TestVerdicts(t *testing.T) {
	cases := []struct {
		name        string
		pairs, null []Pair
		rope        float64
		want        Verdict
		words       string
	}{
		{"nothing", nil, ratios(1), 0, Absent, "no block"},
		{"clearly lower", ratios(.5, .51, .49, .5, .52, .5), ratios(1.1, .95), 0, Resolved, "lower"},
		{"clearly higher", ratios(2, 2.1, 1.9, 2, 2.2, 2), ratios(1.1, .95), 0, Resolved, "higher"},
		{"three blocks, however clear", ratios(.5, .5, .5), ratios(1.01, 1, .99), 0, Unresolved, "not resolved at 95 % with 3 blocks"},
		{"one block", ratios(.5), ratios(1.01), 0, Unresolved, "with 1 block"},
		{"precise, but inside the floor", ratios(.95, .95, .95, .95, .95, .95), ratios(1, 1.2), 0, Inside, "inside the floor: not resolved"},
		{"inside the floor below 1", ratios(1.1, 1.1, 1.1), ratios(1, 0.8), 0, Inside, "inside"},
		{"the interval includes 1", ratios(2, .9, 2, 2.2, 1.9, .8), ratios(1.01), 0, Unresolved, "includes 1"},
		{"no null", ratios(.5, .51, .49, .5, .52, .5), nil, 0, Unfloored, "no A/A floor"},
		{"equivalent", ratios(1.01, .99, 1, 1.02, .98, 1), ratios(1.05), .05, Equivalent, "equal within 5 %"},
		{"too few blocks to be equivalent", ratios(1.01, .99, 1), ratios(1.05), .05, Inside, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e, err := Compare(c.pairs, c.null, c.rope)
			if err != nil {
				t.Fatal(err)
			}
			if e.Verdict != c.want || !strings.Contains(e.Words, c.words) {
				t.Errorf("%s (%q), want %s (%q): %+v", e.Verdict, e.Words, c.want, c.words, e)
			}
		})
	}
	e, _ := Compare(ratios(.5), ratios(.8, 1.1), 0)
	floor, _ := e.Floor.Get()
	near(t, "floor", floor, 1.25, 1e-12)
	if e.Lo.OK() || e.Lower != 1 {
		t.Errorf("one block: %+v", e)
	}
}

// The floor is the null's interval once that is of the wanted level, and the
// largest difference before; six blocks make no difference between the two.
func TestFloor(t *testing.T) {
	null := []float64{1.3, 1.01, 0.99, 1.02, 0.98, 1.01, 0.99, 1, 1.01, 0.99, 1.02, 0.98}
	for n, want := range map[int]float64{1: 1.3, 5: 1.3, 6: 1.3, 12: 0} {
		e, err := Compare(ratios(2, 2), ratios(null[:n]...), 0)
		if err != nil {
			t.Fatal(err)
		}
		if want == 0 {
			var logs []float64
			for _, r := range null {
				logs = append(logs, math.Log(r))
			}
			s, _ := HodgesLehmann(logs)
			want = math.Exp(max(-s.Lo, s.Hi))
		}
		floor, _ := e.Floor.Get()
		near(t, "floor", floor, want, 1e-12)
		if n == 12 && floor > 1.2 {
			t.Errorf("one odd block of twelve makes the floor %v", floor)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, n := range []Number{Of(math.NaN()), Of(math.Inf(1)), Refuse("%d too few", 3), {}} {
		if v, ok := n.Get(); ok || v != 0 || n.Refusal() == "" || n.Times(2).OK() {
			t.Errorf("%+v should be a refusal", n)
		}
	}
	for _, n := range []Number{Of(1.23456789), Of(0), Of(-5e9), Refuse("why")} {
		b, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var back Number
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if back.OK() != n.OK() || back.Refusal() != n.Refusal() || back.value != Round(n.value) {
			t.Errorf("%s: %+v became %+v", b, n, back)
		}
	}
}
