package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Gilbert, Statistical Methods for Environmental Pollution Monitoring (1987),
// section 16.4: 10, 15, 14, 20 have S = 4, one-sided p = 0.167.
func TestGilbertTrend(t *testing.T) {
	near(t, "p", MannKendall([]float64{10, 15, 14, 20}), 2*0.167, 1e-3)
}

func TestMannKendallEdges(t *testing.T) {
	for _, c := range []struct {
		d    []float64
		want float64
	}{
		{nil, 1},
		{[]float64{3}, 1},
		{[]float64{1, 2}, 1},
		{[]float64{1, 2, 3, 4, 5}, 2.0 / 120},
		{[]float64{5, 4, 3, 2, 1}, 2.0 / 120},
		{[]float64{7, 7, 7, 7}, 1},
		// S = 5 of 6 pairs, variance (4·3·13 − 2·1·9)/18 = 23/3, z = 4/√(23/3).
		{[]float64{1, 1, 2, 3}, math.Erfc(4 / math.Sqrt(23.0/3) / math.Sqrt2)},
	} {
		near(t, "p", MannKendall(c.d), c.want, 1e-12)
	}
}

// A false alarm at 1 % comes in 1 % of series without a trend.
func TestMannKendallLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 0))
	const n = 4000
	alarms := 0
	for range n {
		d := make([]float64, 20)
		for i := range d {
			d[i] = random.ExpFloat64()
		}
		if MannKendall(d) < 0.01 {
			alarms++
		}
	}
	if share := float64(alarms) / n; share > 0.0165 || share < 0.004 {
		t.Errorf("%d of %d alarms", alarms, n)
	}
}

func TestMSER(t *testing.T) {
	for _, c := range []struct {
		d    []float64
		want int
	}{
		{[]float64{9, 5, 1, 1, 1, 1, 1, 1}, 2},
		{[]float64{1, 2, 1, 2, 1, 2, 1, 2}, 0},
		{[]float64{9, 9, 9, 9, 9, 9, 9, 1}, 0},
		{slices.Repeat([]float64{math.Log(100_000)}, 20), 0},
		// The cut that would be best lies beyond the half, which is as far as it looks.
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8}, 4},
	} {
		if got := MSER(c.d); got != c.want {
			t.Errorf("%v: cut %d, want %d", c.d, got, c.want)
		}
	}
}

func TestCommonCut(t *testing.T) {
	s := func(cut int, v SteadyVerdict) Steady { return Steady{Cut: cut, Verdict: v} }
	for _, c := range []struct {
		of   []Steady
		want int
	}{
		{nil, 0},
		{[]Steady{s(2, IsSteady), s(5, IsSteady), s(0, IsSteady)}, 5},
		{[]Steady{s(2, IsSteady), s(7, Drifting)}, 7},
		{[]Steady{s(2, IsSteady), s(10, Warming), s(0, NotJudged)}, 2},
	} {
		if got := CommonCut(c.of); got != c.want {
			t.Errorf("%+v: %d, want %d", c.of, got, c.want)
		}
	}
}

// TestJudgeFrom: what another cell makes this one drop is not part of its trend.
func TestJudgeFrom(t *testing.T) {
	d := make([]float64, 30)
	random := rand.New(rand.NewPCG(9, 0))
	for i := range d {
		d[i] = 100 * math.Exp(0.06*float64(max(0, 8-i))+0.03*random.NormFloat64())
	}
	whole, rest := JudgeFrom(d, 0), JudgeFrom(d, 12)
	if rest.Cut != whole.Cut || rest.Verdict != IsSteady || !strings.Contains(rest.Words, "after 12 of 30") {
		t.Errorf("%+v, without the beginning %+v", whole, rest)
	}
}

func TestJudgeSteady(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 0))
	series := func(f func(i int) float64) []float64 {
		out := make([]float64, 20)
		for i := range out {
			out[i] = f(i) * math.Exp(0.01*random.NormFloat64())
		}
		return out
	}
	for _, c := range []struct {
		name string
		d    []float64
		want SteadyVerdict
		says string
	}{
		{"level", series(func(int) float64 { return 100 }), IsSteady, "no trend"},
		{"warm-up", series(func(i int) float64 { return 100 * (1 + 3*math.Exp(-float64(i)/1.2)) }), IsSteady, "of 20 intervals"},
		{"ever slower", series(func(i int) float64 { return 100 * math.Exp(0.08*float64(i)) }), Warming, "too short"},
		{"small drift", series(func(i int) float64 { return 100 * (1 + 0.001*float64(i)) }), IsSteady, "no trend"},
		{"few", series(func(int) float64 { return 100 })[:9], NotJudged, "9 intervals"},
		{"hole", append(series(func(int) float64 { return 100 }), 0), NotJudged, "interval 21"},
	} {
		if s := JudgeSteady(c.d); s.Verdict != c.want || !strings.Contains(s.Words, c.says) {
			t.Errorf("%s: %+v, want %s with %q", c.name, s, c.want, c.says)
		}
	}
	slow := series(func(i int) float64 { return 100 * (1 + 0.006*float64(i)) })
	for i := range slow {
		slow[i] *= math.Exp(0.02 * random.NormFloat64())
	}
	if s := JudgeSteady(slow); s.Verdict == IsSteady && s.Cut == 0 {
		t.Errorf("12 %% over the window: %+v", s)
	}
}
