package workloads

import (
	"math"
	"math/bits"
	"sync"

	"gonum.org/v1/gonum/mathext"
)

// GapShape is the shape of a gamma or a Weibull law of gaps; the scale follows
// from the load's rate. Shape 1 of either is the exponential law, less is burstier
// and more is more even. The squared coefficient of variation of a gamma law is
// 1/Shape, that of a Weibull law Γ(1+2/Shape)/Γ(1+1/Shape)² − 1.
type GapShape struct {
	Shape float64 `json:"shape"`
}

// The bounds of a shape: below, one gap in 2^64 could be beyond what a sum of
// gaps has room for.
const (
	minGapShape = 0.25
	maxGapShape = 100
)

// gapTable bends exponential variates into those of another law: the gap that is
// exceeded as often as an exponential variate e exceeds its own value is
// F⁻¹(1 − exp(−e)) (inverse transform). It is computed at breakpoints, rounded to
// 26 bits, which hides in what order an architecture adds and multiplies, and
// straight in between, so that a schedule is made of integers. The values are
// scaled so that the mean of the pieces is 1, not only that of the law.
type gapTable struct{ at []uint64 }

// Breakpoints lie at 0, at 2^-24 and from there on 64 an octave up to 64, which
// is beyond the largest exponential variate of 64 bits, 44.4.
const (
	gapLow     = gapBits - 24
	gapHigh    = gapBits + 6
	pieceBits  = 6
	roundTo    = 26
	gapEntries = (gapHigh-gapLow)<<pieceBits + 2
)

// gapTables keeps the tables that were made: every thread of a generator has a
// schedule of its own. They do not change.
var gapTables sync.Map // of law and shape

// gapTableOf is the table of a law; nil of one that needs none.
func gapTableOf(law string, s *Shape) *gapTable {
	quantile := s.gapQuantile(law)
	if quantile == nil {
		return nil
	}
	of := [2]any{law, s.gapShape(law)}
	if t, ok := gapTables.Load(of); ok {
		return t.(*gapTable)
	}
	t := newGapTable(quantile)
	gapTables.Store(of, t)
	return t
}

func newGapTable(quantile func(e float64) float64) *gapTable {
	x, y := make([]float64, gapEntries), make([]float64, gapEntries)
	for k := 1; k < gapEntries; k++ {
		start, _ := gapPiece(k)
		x[k] = math.Ldexp(float64(start), -gapBits)
		y[k] = quantile(x[k])
	}
	mean := meanOfPieces(x, y)
	t := &gapTable{at: make([]uint64, gapEntries)}
	for k := 1; k < gapEntries; k++ {
		fraction, exponent := math.Frexp(y[k] / mean)
		t.at[k] = uint64(math.Ldexp(math.Round(math.Ldexp(fraction, roundTo)), exponent-roundTo+gapBits))
	}
	return t
}

// gapPiece is where a piece starts and how many bits long it is.
func gapPiece(k int) (start uint64, bitsLong int) {
	if k == 0 {
		return 0, gapLow
	}
	octave := gapLow + (k-1)>>pieceBits
	return 1<<octave + uint64((k-1)&(1<<pieceBits-1))<<(octave-pieceBits), octave - pieceBits
}

// of is the gap that an exponential variate becomes, both in units of 2^-gapBits.
func (t *gapTable) of(e uint64) uint64 {
	k := 0
	if octave := bits.Len64(e) - 1; octave >= gapLow {
		k = 1 + (octave-gapLow)<<pieceBits + int(e>>(octave-pieceBits))&(1<<pieceBits-1)
	}
	start, long := gapPiece(k)
	hi, lo := bits.Mul64(e-start, t.at[k+1]-t.at[k])
	return t.at[k] + (hi<<(64-long) | lo>>long)
}

// meanOfPieces is the mean of the broken line through (x, y) over the exponential
// law, piece by piece in closed form.
func meanOfPieces(x, y []float64) float64 {
	mean := 0.0
	for k := range x[1:] {
		width := x[k+1] - x[k]
		inside := -math.Expm1(-width) // of the piece, over exp(-x[k])
		slope := (y[k+1] - y[k]) / width
		mean += math.Exp(-x[k]) * (float64(y[k]*inside) + float64(slope*(inside-float64(width*math.Exp(-width)))))
	}
	return mean
}

// gapShape is the shape of a law that has one.
func (s *Shape) gapShape(law string) float64 {
	switch law {
	case Gamma:
		return s.Gamma.Shape
	case Weibull:
		return s.Weibull.Shape
	}
	return 1
}

// gapQuantile is the gap, in any unit, that is exceeded with probability exp(-e);
// nil of the exponential law and of gaps that are not drawn.
func (s *Shape) gapQuantile(law string) func(e float64) float64 {
	switch law {
	case Weibull:
		return func(e float64) float64 { return math.Pow(e, 1/s.Weibull.Shape) }
	case Gamma:
		return func(e float64) float64 { return gammaQuantile(s.Gamma.Shape, e) }
	}
	return nil
}

// gammaQuantile is the x with P(a, x) = 1 - exp(-e) of the incomplete gamma
// function: Newton's steps on logarithms, on which the function is concave on
// either side, from its first term or, in the tail, from the library's inverse,
// which is exact there and not near 0.
func gammaQuantile(a, e float64) float64 {
	lg, _ := math.Lgamma(a)
	p := -math.Expm1(-e)
	lnX := (math.Log(p) + math.Log(a) + lg) / a
	if e >= 1 {
		lnX = math.Log(mathext.GammaIncRegCompInv(a, math.Exp(-e)))
	}
	for range 100 {
		x := math.Exp(lnX)
		slope := math.Exp(a*lnX - x - lg) // of P over ln x
		var off float64
		if e < 1 {
			at := mathext.GammaIncReg(a, x)
			off = (math.Log(at) - math.Log(p)) * at / slope
		} else {
			at := mathext.GammaIncRegComp(a, x)
			off = -(math.Log(at) + e) * at / slope
		}
		lnX -= off
		if math.Abs(off) < 1e-14 {
			break
		}
	}
	return math.Exp(lnX)
}

// gapCDF is the law's distribution function over gaps in units of their mean; nil
// of gaps that are not drawn.
func (s *Shape) gapCDF(law string) func(gap float64) float64 {
	switch law {
	case Poisson:
		return func(g float64) float64 { return -math.Expm1(-g) }
	case Weibull:
		k := s.Weibull.Shape
		scale := math.Gamma(1 + 1/k)
		return func(g float64) float64 { return -math.Expm1(-math.Pow(g*scale, k)) }
	case Gamma:
		a := s.Gamma.Shape
		return func(g float64) float64 { return mathext.GammaIncReg(a, a*g) }
	}
	return nil
}
