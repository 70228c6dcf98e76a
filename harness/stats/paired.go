package stats

import (
	"fmt"
	"math"
	"sort"
)

// Wanted is the confidence that every interval aims at.
const Wanted = 0.95

// MinBlocks is how many blocks an interval of the wanted level needs: the widest
// one has level 1-2^(1-n).
const MinBlocks = 6

// maxBlocks bounds the exact computation, whose cost grows with the cube.
const maxBlocks = 400

// Pair is one block's value of two arms; both must be positive.
type Pair struct {
	Block int
	A, B  float64
}

// PairBlocks matches values by block. A block that has only one of them gives
// nothing; the pairs come in the order of their blocks.
func PairBlocks(a, b map[int]float64) []Pair {
	var out []Pair
	for block, v := range a {
		if w, ok := b[block]; ok && v > 0 && w > 0 {
			out = append(out, Pair{block, v, w})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Block < out[j].Block })
	return out
}

// LogRatios is ln(A/B) of every pair.
func LogRatios(pairs []Pair) []float64 {
	out := make([]float64, len(pairs))
	for i, p := range pairs {
		out[i] = math.Log(p.A / p.B)
	}
	return out
}

// Shift is a Hodges-Lehmann estimate with its signed-rank interval.
type Shift struct {
	N        int
	Estimate float64
	Lo, Hi   float64
	// Level is the exact confidence of [Lo, Hi]: the smallest attainable one that
	// reaches Wanted, or with fewer than MinBlocks the highest there is. 0: no
	// interval at all.
	Level float64
}

// Reached reports whether the interval has the wanted level.
func (s Shift) Reached() bool { return s.Level >= Wanted }

// HodgesLehmann estimates the centre of symmetry of d: the median of its Walsh
// averages (d_i+d_j)/2, i <= j, and the interval between the (k+1)-th smallest
// and largest of them, k being the largest with 2·P(T+ <= k) <= 1-Wanted under
// Wilcoxon's signed-rank distribution. Hollander, Wolfe and Chicken,
// Nonparametric Statistical Methods, sections 3.2 and 3.3. It fails when d is
// empty or too long.
func HodgesLehmann(d []float64) (Shift, error) { return hodgesLehmann(d, Wanted) }

// hodgesLehmann is HodgesLehmann with an interval that aims at another level.
func hodgesLehmann(d []float64, wanted float64) (Shift, error) {
	n := len(d)
	if n == 0 || n > maxBlocks {
		return Shift{}, fmt.Errorf("stats: %d blocks, want 1 to %d", n, maxBlocks)
	}
	walsh := make([]float64, 0, n*(n+1)/2)
	for i, x := range d {
		for _, y := range d[i:] {
			walsh = append(walsh, (x+y)/2)
		}
	}
	sort.Float64s(walsh)
	m := len(walsh)
	s := Shift{N: n, Estimate: (walsh[(m-1)/2] + walsh[m/2]) / 2}
	if n == 1 {
		s.Lo, s.Hi = s.Estimate, s.Estimate
		return s, nil
	}
	k, tail := criticalRank(n, wanted)
	s.Level, s.Lo, s.Hi = 1-2*tail, walsh[k], walsh[m-1-k]
	return s, nil
}

// criticalRank is the largest k with P(T+ <= k) <= (1-wanted)/2, at least 0, and
// that probability.
func criticalRank(n int, wanted float64) (k int, tail float64) {
	p := signedRank(n)
	tail = p[0]
	for k+1 < len(p) && tail+p[k+1] <= (1-wanted)/2 {
		k++
		tail += p[k]
	}
	return k, tail
}

// signedRank is the null distribution of Wilcoxon's T+ for n untied differences:
// every subset of the ranks 1..n is equally likely to be the positive one.
func signedRank(n int) []float64 {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	return subsetSums(ranks)
}
