package stats

import (
	"fmt"
	"math"
	"sort"
)

// Test is Wilcoxon's signed-rank test of a centre of symmetry at 0, exact.
type Test struct {
	N int
	// Less and Greater are the one-sided p-values for a centre below and above 0.
	Less, Greater float64
}

// TwoSided is the p-value against a centre on either side of 0.
func (t Test) TwoSided() float64 { return min(1, 2*min(t.Less, t.Greater)) }

// Wilcoxon tests d. Equal magnitudes share their mean rank and the distribution
// is that of the shared ranks, so the test stays exact. A difference of exactly 0
// keeps its rank and speaks for neither side, which can only raise a p-value. It
// fails when d is empty, too long or has something that is not a number.
func Wilcoxon(d []float64) (Test, error) {
	n := len(d)
	if n == 0 || n > maxBlocks {
		return Test{}, fmt.Errorf("stats: %d blocks, want 1 to %d", n, maxBlocks)
	}
	for i, x := range d {
		if math.IsNaN(x) {
			return Test{}, fmt.Errorf("stats: block %d of %d is not a number", i+1, n)
		}
	}
	ranks, above, below := doubledRanks(d)
	t := Test{N: n}
	tail := 0.0
	p := subsetSums(ranks)
	for sum := len(p) - 1; sum >= 0; sum-- {
		tail += p[sum]
		if sum == above {
			t.Greater = min(1, tail)
		}
		if sum == below {
			t.Less = min(1, tail)
		}
	}
	return t, nil
}

// doubledRanks ranks magnitudes, doubled so that the mean of tied ranks is a
// whole number, and sums the ranks of either sign.
func doubledRanks(d []float64) (ranks []int, above, below int) {
	byMagnitude := append([]float64(nil), d...)
	sort.Slice(byMagnitude, func(i, j int) bool { return math.Abs(byMagnitude[i]) < math.Abs(byMagnitude[j]) })
	ranks = make([]int, len(d))
	for first := 0; first < len(d); {
		end := first + 1
		for end < len(d) && math.Abs(byMagnitude[end]) == math.Abs(byMagnitude[first]) {
			end++
		}
		for i := first; i < end; i++ {
			ranks[i] = first + 1 + end
			switch {
			case byMagnitude[i] > 0:
				above += ranks[i]
			case byMagnitude[i] < 0:
				below += ranks[i]
			}
		}
		first = end
	}
	return ranks, above, below
}

// subsetSums is the distribution of the sum of a subset of ranks, every subset
// being equally likely.
func subsetSums(ranks []int) []float64 {
	top := 0
	for _, r := range ranks {
		top += r
	}
	p := make([]float64, top+1)
	p[0] = 1
	top = 0
	for _, r := range ranks {
		top += r
		for t := top; t >= 0; t-- {
			with := 0.0
			if t >= r {
				with = p[t-r]
			}
			p[t] = (p[t] + with) / 2
		}
	}
	return p
}
