package stats

import (
	"math"
	"strings"
	"testing"
)

// Darwin's fifteen pairs of cross- and self-fertilised maize (Fisher, The Design
// of Experiments, 1935, chapter 3), in eighths of an inch: the negative ranks sum
// to 24, two-sided p = 0.0413.
func TestDarwinMaize(t *testing.T) {
	d := []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}
	_, above, below := doubledRanks(d)
	if above != 2*96 || below != 2*24 {
		t.Errorf("rank sums %v and %v, want 96 and 24", float64(above)/2, float64(below)/2)
	}
	w, err := Wilcoxon(d)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "two-sided p", w.TwoSided(), 0.04125976562, 1e-10)
	near(t, "one-sided p", w.Greater, 0.02062988281, 1e-10)
}

// The patients of Hollander and Wolfe again: one-sided p = 0.0195.
func TestHollanderWolfeTest(t *testing.T) {
	w, err := Wilcoxon([]float64{-0.952, 0.147, -1.022, -0.43, -0.62, -0.59, -0.49, 0.08, -0.01})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "one-sided p", w.Less, 10.0/512, 1e-12)
}

func TestWilcoxonEdges(t *testing.T) {
	cases := []struct {
		name          string
		d             []float64
		less, greater float64
	}{
		{"one", []float64{1}, 1, 0.5},
		{"all above", []float64{1, 2, 3}, 1, 1.0 / 8},
		{"all tied", []float64{1, 1, 1}, 1, 1.0 / 8},
		// The sums of subsets of {1.5, 1.5, 3} are 0, 1.5, 1.5, 3, 3, 4.5, 4.5, 6.
		{"tied on both sides", []float64{1, -1, 2}, 7.0 / 8, 3.0 / 8},
		{"only zeros", []float64{0, 0, 0}, 1, 1},
		{"a zero counts for neither", []float64{0, 2, 3}, 1, 2.0 / 8},
	}
	for _, c := range cases {
		w, err := Wilcoxon(c.d)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name+": less", w.Less, c.less, 1e-12)
		near(t, c.name+": greater", w.Greater, c.greater, 1e-12)
	}
	for _, d := range [][]float64{nil, {1, math.NaN()}, make([]float64, maxBlocks+1)} {
		if _, err := Wilcoxon(d); err == nil {
			t.Errorf("%d values were taken", len(d))
		}
	}
}

// The test rejects 0 exactly when the interval of the same level excludes it.
func TestIntervalInvertsTest(t *testing.T) {
	d := []float64{-0.31, 0.12, 0.47, 0.08, 0.93, 0.55, 0.24, -0.05, 0.71, 0.36}
	for move := -1.0; move <= 1; move += 0.0137 {
		moved := make([]float64, len(d))
		for i := range d {
			moved[i] = d[i] + move
		}
		s, _ := HodgesLehmann(moved)
		w, _ := Wilcoxon(moved)
		if excludes := s.Lo > 0 || s.Hi < 0; excludes != (w.TwoSided() <= 1-Wanted) {
			t.Errorf("moved by %v: [%v, %v] with p=%v", move, s.Lo, s.Hi, w.TwoSided())
		}
	}
}

func TestTOST(t *testing.T) {
	tight := []float64{.01, -.01, .005, -.004, .012, -.011, .002}
	for _, c := range []struct {
		d     []float64
		rope  float64
		shown bool
	}{
		{tight, .05, true},
		{tight, .005, false},
		{tight[:4], .05, false}, // the smallest p of four blocks is 1/16
		{[]float64{.2, .21, .19, .2, .22, .18, .2}, .05, false},
		{[]float64{.2, .21, .19, .2, .22, .18, .2}, .5, true},
	} {
		e, err := TOST(c.d, c.rope)
		if err != nil {
			t.Fatal(err)
		}
		if e.Shown(.05) != c.shown {
			t.Errorf("rope %v: p=%v, want shown=%v", c.rope, e.P(), c.shown)
		}
	}
	for _, rope := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := TOST(tight, rope); err == nil {
			t.Errorf("rope %v was taken", rope)
		}
	}
	if _, err := TOST(nil, .05); err == nil {
		t.Error("no block was taken")
	}
}

// Four hypotheses with p of .01, .04, .03 and .005: the first and the last are
// rejected at 5 %.
func TestHolm(t *testing.T) {
	got, err := Holm([]float64{.01, .04, .03, .005})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{.03, .06, .06, .02} {
		near(t, "adjusted", got[i], want, 1e-12)
	}
	for _, p := range []float64{-.1, 1.1, math.NaN()} {
		if _, err := Holm([]float64{.5, p}); err == nil || !strings.Contains(err.Error(), "2 of 2") {
			t.Errorf("p=%v: error %v", p, err)
		}
	}
	if got, err := Holm(nil); err != nil || len(got) != 0 {
		t.Errorf("no endpoint: %v, %v", got, err)
	}
}

func TestShifts(t *testing.T) {
	twice := func(n int) []Pair {
		var out []Pair
		for i := range n {
			out = append(out, Pair{i, 2 + float64(i)/1000, 1})
		}
		return out
	}
	every := func(n int) [][]Pair {
		var out [][]Pair
		for range ShiftPercentiles {
			out = append(out, twice(n))
		}
		return out
	}
	f, err := Shifts(ShiftPercentiles, every(9))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "level", f.Level, 1-10*2/512.0, 1e-12)
	lo, _ := f.Points[3].Lo.Get()
	hi, ok := f.Points[3].Hi.Get()
	if near(t, "lower end", lo, 2, 1e-12); !ok || f.Points[3].Percentile != 40 {
		t.Errorf("point %+v", f.Points[3])
	}
	near(t, "upper end", hi, 2.008, 1e-12)
	f, err = Shifts(ShiftPercentiles, every(8))
	if err != nil {
		t.Fatal(err)
	}
	if f.Level != 0 || !f.Points[0].Ratio.OK() || !strings.Contains(f.Points[0].Lo.Refusal(), "8 blocks give no band") {
		t.Errorf("eight blocks: %+v", f)
	}
	if _, err := Shifts([]float64{50}, nil); err == nil {
		t.Error("a percentile without pairs was taken")
	}
	if _, err := Shifts([]float64{50}, [][]Pair{nil}); err == nil || !strings.Contains(err.Error(), "p50") {
		t.Errorf("no block: %v", err)
	}
}

// TestFisher has the examples that R prints for fisher.test: Agresti's tea taster and
// Fisher's own twins of convicts.
func TestFisher(t *testing.T) {
	near(t, "tea", Fisher(3, 4, 1, 4), 0.4857, 5e-5)
	near(t, "twins", Fisher(2, 17, 10, 13), 0.0005367, 5e-8)
}
