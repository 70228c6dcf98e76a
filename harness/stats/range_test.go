package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever the values within the ranges are, their own interval and p-values are no
// wider, and no smaller, than those of the ranges.
func TestRangesHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 14).Draw(t, "blocks")
		open := rapid.Float64Range(0, 0.3)
		var r []Range
		var d []float64
		for range n {
			x := rapid.Float64Range(-0.3, 0.5).Draw(t, "value")
			a := Range{Lo: x - open.Draw(t, "below"), Mid: x, Hi: x + open.Draw(t, "above")}
			a.Mid = (a.Lo + a.Hi) / 2
			switch rapid.IntRange(0, 9).Draw(t, "end") {
			case 0:
				a.Lo, a.Mid = math.Inf(-1), math.Inf(-1)
			case 1:
				a.Hi, a.Mid = math.Inf(1), math.Inf(1)
			case 2:
				a = Range{math.Inf(-1), math.NaN(), math.Inf(1)}
			}
			r, d = append(r, a), append(d, x)
		}
		s, err := HodgesLehmannWithin(r)
		if err != nil {
			t.Fatal(err)
		}
		own, err := HodgesLehmann(d)
		if err != nil {
			t.Fatal(err)
		}
		if s.Lo > own.Lo || s.Hi < own.Hi || s.Level != own.Level {
			t.Fatalf("%v holds %v: %+v, its own %+v", r, d, s, own)
		}
		if !math.IsNaN(s.Estimate) && (s.Estimate < s.Lo || s.Estimate > s.Hi) {
			t.Fatalf("%v: %+v", r, s)
		}
		got, err := wilcoxonWithin(r)
		if err != nil {
			t.Fatal(err)
		}
		w, err := Wilcoxon(d)
		if err != nil {
			t.Fatal(err)
		}
		if got.Less < w.Less || got.Greater < w.Greater {
			t.Fatalf("%v holds %v: %+v, its own %+v", r, d, got, w)
		}
	})
}

// TestCompareWithin: what is left open widens the interval and the floor, and
// decides nothing.
func TestCompareWithin(t *testing.T) {
	all := func(r Range) []Range { return slices.Repeat([]Range{r}, 8) }
	inf := math.Inf(1)
	for _, c := range []struct {
		name  string
		ratio Range
		null  Range
		rope  float64
		want  Verdict
	}{
		{"known to the digit", Range{0.09, 0.09, 0.09}, Range{}, 0, Resolved},
		{"within what the ratio leaves open", Range{0, 0.09, 0.18}, Range{}, 0, Unresolved},
		{"within what the null leaves open", Range{0.08, 0.09, 0.1}, Range{-0.09, 0, 0.09}, 0, Inside},
		{"beyond both", Range{0.4, 0.5, 0.6}, Range{-0.09, 0, 0.09}, 0, Resolved},
		{"equal as far as is known", Range{}, Range{}, 0.05, Equivalent},
		{"equal, and more than the rope left open", Range{-0.09, 0, 0.09}, Range{}, 0.05, Inside},
		{"never broken", Range{0.4, inf, inf}, Range{}, 0, Unresolved},
		{"neither known", Range{-inf, math.NaN(), inf}, Range{}, 0, Unresolved},
	} {
		e, err := CompareWithin(all(c.ratio), all(c.null), c.rope)
		if err != nil || e.Verdict != c.want {
			t.Errorf("%s: %v, %+v; want %s", c.name, err, e, c.want)
		}
	}
	e, err := CompareWithin([]Range{{0.4, inf, inf}, {0.4, 0.5, 0.6}}, []Range{{-inf, -inf, 0}}, 0)
	if err != nil || e.Floor.OK() || e.Hi.OK() || e.Ratio.OK() {
		t.Errorf("without bounds: %v, %+v", err, e)
	}
}
