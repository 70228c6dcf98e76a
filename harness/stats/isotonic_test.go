package stats

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestIsotonic(t *testing.T) {
	for _, c := range []struct{ v, w, want []float64 }{
		{nil, nil, nil},
		{[]float64{1, 2, 3}, []float64{1, 1, 1}, []float64{1, 2, 3}},
		{[]float64{3, 1}, []float64{1, 3}, []float64{1.5, 1.5}},
		// The example of Barlow, Bartholomew, Bremner and Brunk's kind: pools grow backwards.
		{[]float64{1, 4, 3, 2, 9}, []float64{1, 1, 1, 1, 1}, []float64{1, 3, 3, 3, 9}},
	} {
		got := Isotonic(c.v, c.w)
		for i := range c.want {
			near(t, "fit", got[i], c.want[i], 1e-12)
		}
	}
}

// The fit rises, keeps the weighted mean, and no point of it can be moved for the better.
func TestIsotonicProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float64Range(-5, 5), 1, 20).Draw(t, "v")
		w := rapid.SliceOfN(rapid.Float64Range(0.1, 4), len(v), len(v)).Draw(t, "w")
		fit := Isotonic(v, w)
		sum, want := 0.0, 0.0
		for i := range v {
			sum, want = sum+fit[i]*w[i], want+v[i]*w[i]
			if i > 0 && fit[i] < fit[i-1]-1e-9 {
				t.Fatalf("falls at %d: %v", i, fit)
			}
		}
		if math.Abs(sum-want) > 1e-9 {
			t.Fatalf("mean moved from %v to %v", want, sum)
		}
		loss := func(f []float64) (s float64) {
			for i := range f {
				s += w[i] * (f[i] - v[i]) * (f[i] - v[i])
			}
			return s
		}
		other := append([]float64(nil), fit...)
		i := rapid.IntRange(0, len(v)-1).Draw(t, "i")
		by := rapid.Float64Range(0.001, 1).Draw(t, "by")
		for k := i; k < len(other); k++ {
			other[k] += by // keeps the order
		}
		if loss(other) < loss(fit)-1e-9 {
			t.Fatalf("%v is nearer than %v", other, fit)
		}
	})
}

// P(Binomial(n, 1/2) <= k), exactly.
func atMost(n, k int64) float64 {
	sum := new(big.Int)
	for i := int64(0); i <= k; i++ {
		sum.Add(sum, new(big.Int).Binomial(n, i))
	}
	v, _ := new(big.Rat).SetFrac(sum, new(big.Int).Lsh(big.NewInt(1), uint(n))).Float64()
	return v
}

func TestMedianRank(t *testing.T) {
	for n := 0; n <= 60; n++ {
		rank, level := MedianRank(n)
		if n < MinBlocks {
			if rank != -1 {
				t.Errorf("%d values: rank %d", n, rank)
			}
			continue
		}
		near(t, "level", level, 1-2*atMost(int64(n), int64(rank)), 1e-12)
		if next := 1 - 2*atMost(int64(n), int64(rank+1)); level < Wanted || next >= Wanted {
			t.Errorf("%d values: rank %d at %v, the next at %v", n, rank, level, next)
		}
	}
	// Conover, Practical Nonparametric Statistics, table of the sign test: 12 values
	// have their 3rd and 10th as a 96.1 % interval of the median.
	if rank, level := MedianRank(12); rank != 2 || math.Abs(level-0.9614) > 1e-4 {
		t.Errorf("12 values: rank %d at %v", rank, level)
	}
}
