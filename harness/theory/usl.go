package theory

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// USL is Gunther's universal scalability law: what n requesters that never pause
// get done together (Guerrilla Capacity Planning, 2007).
//
//	X(n) = PerSec n / (1 + Contention (n-1) + Coherency n (n-1))
//
// Without its last term it is Amdahl's law; with it, throughput has a peak.
type USL struct {
	PerSec     float64 // of one requester
	Contention float64 // sigma: the share that waits in line for something
	Coherency  float64 // kappa: what each pair of requesters costs
}

// At is the throughput of n requesters.
func (u USL) At(n float64) float64 {
	return u.PerSec * n / (1 + u.Contention*(n-1) + u.Coherency*n*(n-1))
}

// Peak is the number of requesters at which throughput is highest; infinite where
// it has no peak.
func (u USL) Peak() float64 {
	if u.Coherency <= 0 {
		return math.Inf(1)
	}
	return math.Sqrt(max(0, 1-u.Contention) / u.Coherency)
}

// MinLevels is how many different numbers of requesters a fit of three coefficients
// takes, as many as usl4j asks for.
const MinLevels = 6

// Distance is what a fit makes least the squares of.
type Distance int

// Absolute distances are what usl4j and R's usl take. Relative ones suit points whose
// noise is a share of them: otherwise a few requesters, who get little done, say
// nothing.
const (
	Absolute Distance = iota
	Relative
)

// weight is that of a point in a sum of squares.
func (d Distance) weight(perSec float64) float64 {
	if d == Relative {
		return 1 / (perSec * perSec)
	}
	return 1
}

// FitUSL is the law of least squares through measured points, with no coefficient
// below 0.
func FitUSL(n, perSec []float64, d Distance) (USL, error) {
	levels := slices.Clone(n)
	slices.Sort(levels)
	levels = slices.Compact(levels)
	if len(levels) < MinLevels {
		return USL{}, fmt.Errorf("%d values of concurrency, want %d", len(levels), MinLevels)
	}
	best, least := USL{}, math.Inf(1)
	// Where the freest fit is out of bounds, the best one is on a bound.
	for _, free := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		u, sum, ok := fitFree(n, perSec, d, free)
		if ok && u.PerSec > 0 && u.Contention >= 0 && u.Coherency >= 0 && sum < least {
			best, least = u, sum
		}
		if len(free) == 3 && least < math.Inf(1) {
			break
		}
	}
	if math.IsInf(least, 1) {
		return USL{}, errors.New("the points determine no law")
	}
	return best, nil
}

// fitFree fits the coefficients that are free, the others being 0, by Levenberg
// and Marquardt's method from the line through n/X, and returns the sum of squares.
func fitFree(n, x []float64, d Distance, free []int) (USL, float64, bool) {
	c, ok := start(n, x, free)
	if !ok {
		return USL{}, 0, false
	}
	damping, sum := 1e-3, squares(c, n, x, d)
	for range 200 {
		step, ok := step(c, n, x, d, free, damping)
		if !ok {
			return USL{}, 0, false
		}
		next, moved := c, 0.0
		for i, k := range free {
			next[k] += step[i]
			moved = max(moved, math.Abs(step[i])/(math.Abs(c[k])+1e-12))
		}
		if s := squares(next, n, x, d); s <= sum {
			c, sum, damping = next, s, damping/10
			if moved < 1e-10 {
				break
			}
			continue
		}
		if damping *= 10; damping > 1e12 {
			break // no step is downhill: this is the bottom
		}
	}
	return USL{c[0], c[1], c[2]}, sum, !math.IsNaN(sum)
}

// terms are what the coefficients multiply in n/X: 1, n-1 and n(n-1).
func terms(n float64) [3]float64 { return [3]float64{1, n - 1, n * (n - 1)} }

// start is the law whose n/X is the straight one of least relative error.
func start(n, x []float64, free []int) (c [3]float64, ok bool) {
	k := len(free)
	a, b := make([][]float64, k), make([]float64, k)
	for i := range a {
		a[i] = make([]float64, k)
	}
	for p := range n {
		t, y := terms(n[p]), n[p]/x[p]
		for i, fi := range free {
			b[i] += t[fi] / y
			for j, fj := range free {
				a[i][j] += t[fi] * t[fj] / (y * y)
			}
		}
	}
	s, ok := solve(a, b)
	if !ok || s[0] <= 0 {
		return c, false
	}
	c[0] = 1 / s[0]
	for i, f := range free[1:] {
		c[f] = s[i+1] / s[0]
	}
	return c, true
}

func squares(c [3]float64, n, x []float64, d Distance) (sum float64) {
	u := USL{c[0], c[1], c[2]}
	for i := range n {
		off := x[i] - u.At(n[i])
		sum += d.weight(x[i]) * off * off
	}
	return sum
}

// step solves the normal equations, their diagonal raised by a share of itself.
func step(c [3]float64, n, x []float64, d Distance, free []int, damping float64) ([]float64, bool) {
	k := len(free)
	a, b := make([][]float64, k), make([]float64, k)
	for i := range a {
		a[i] = make([]float64, k)
	}
	u := USL{c[0], c[1], c[2]}
	for p := range n {
		t := terms(n[p])
		below := 1 + c[1]*t[1] + c[2]*t[2]
		at, w := u.At(n[p]), d.weight(x[p])
		slope := [3]float64{at / c[0], -at * t[1] / below, -at * t[2] / below}
		for i, fi := range free {
			b[i] += w * slope[fi] * (x[p] - at)
			for j, fj := range free {
				a[i][j] += w * slope[fi] * slope[fj]
			}
		}
	}
	for i := range a {
		a[i][i] *= 1 + damping
	}
	return solve(a, b)
}

// solve is Gauss's elimination of a small symmetric system, scaled to a diagonal of
// ones first, because the coefficients differ by many powers of ten.
func solve(a [][]float64, b []float64) ([]float64, bool) {
	k := len(b)
	scale := make([]float64, k)
	for i := range a {
		if !(a[i][i] > 0) {
			return nil, false
		}
		scale[i] = 1 / math.Sqrt(a[i][i])
	}
	for i := range a {
		b[i] *= scale[i]
		for j := range a {
			a[i][j] *= scale[i] * scale[j]
		}
	}
	for i := range k {
		if !(a[i][i] > 1e-13) { // positive definite, or the points tell no difference
			return nil, false
		}
		for r := i + 1; r < k; r++ {
			f := a[r][i] / a[i][i]
			for j := i; j < k; j++ {
				a[r][j] -= f * a[i][j]
			}
			b[r] -= f * b[i]
		}
	}
	for i := k - 1; i >= 0; i-- {
		for j := i + 1; j < k; j++ {
			b[i] -= a[i][j] * b[j]
		}
		b[i] /= a[i][i]
	}
	for i := range b {
		b[i] *= scale[i]
	}
	return b, true
}
