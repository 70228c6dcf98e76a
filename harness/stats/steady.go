package stats

import (
	"fmt"
	"math"
	"slices"
)

// MinIntervals is how many intervals a judgement of steadiness needs: with fewer
// a trend at 1 % would have to be nearly monotone.
const MinIntervals = 10

// maxIntervals bounds the exact computation, whose cost grows with the cube.
const maxIntervals = 400

// trendAlpha is the level of the trend test, and TrendShare the least change over
// the window that matters: both must be exceeded.
const (
	trendAlpha = 0.01
	TrendShare = 0.05
)

// Steady says what a series of one cell's intervals shows.
type Steady struct {
	Intervals int `json:"intervals"`
	// Cut is how many of the first intervals MSER would cut off as warm-up.
	Cut int `json:"warm_up_intervals"`
	// Change is the factor by which the trend line ends above its beginning, P the
	// two-sided p-value of Mann and Kendall's test; both of what is left.
	Change  Number        `json:"change"`
	P       Number        `json:"p"`
	Verdict SteadyVerdict `json:"verdict"`
	Words   string        `json:"words"`
}

// SteadyVerdict is what may be said of a window.
type SteadyVerdict string

// Verdicts of a window.
const (
	IsSteady  SteadyVerdict = "steady"
	Warming   SteadyVerdict = "warming"  // MSER finds the least error only in the window's second half
	Drifting  SteadyVerdict = "drifting" // a trend of at least TrendShare that chance does not explain
	NotJudged SteadyVerdict = "not judged"
)

// JudgeSteady judges positive values, one an interval, in order. It assumes that
// intervals are long beside the time for which a queue remembers: those that are
// not follow one another, and a test that takes them for independent finds trends
// where there are none.
func JudgeSteady(values []float64) Steady { return JudgeFrom(values, 0) }

// JudgeFrom is JudgeSteady of values of which the first are dropped, whatever MSER
// would cut: the trend is that of what is left by both.
func JudgeFrom(values []float64, dropped int) Steady {
	s := Steady{Intervals: len(values), Verdict: NotJudged}
	refuse := func(format string, args ...any) Steady {
		s.Words = fmt.Sprintf(format, args...)
		s.Change, s.P = Refuse("%s", s.Words), Refuse("%s", s.Words)
		return s
	}
	if n := len(values); n < MinIntervals || n > maxIntervals {
		return refuse("%d intervals, want %d to %d", n, MinIntervals, maxIntervals)
	}
	logs := make([]float64, len(values))
	for i, v := range values {
		if !(v > 0) || math.IsInf(v, 1) {
			return refuse("interval %d has no value", i+1)
		}
		logs[i] = math.Log(v)
	}
	s.Cut = MSER(logs)
	if s.Cut >= len(logs)/2 {
		s = refuse("no part of the window's first half belongs to the rest: the warm-up is too short")
		s.Verdict = Warming
		return s
	}
	from := max(s.Cut, dropped)
	rest := logs[from:]
	p, slope := MannKendall(rest), TheilSen(rest)
	change := slope * float64(len(rest)-1)
	s.P, s.Change = Of(p), Of(math.Exp(change))
	if p < trendAlpha && math.Abs(change) > math.Log1p(TrendShare) {
		s.Verdict, s.Words = Drifting, fmt.Sprintf("changes by a factor of %.3g over the window (p = %.2g)", math.Exp(change), p)
		return s
	}
	s.Verdict, s.Words = IsSteady, "no trend"
	if from > 0 {
		s.Words = fmt.Sprintf("no trend after %d of %d intervals", from, len(logs))
	}
	return s
}

// Moved reports whether the series was not steady; what could not be judged is no
// reason to say so.
func (s *Steady) Moved() bool { return s.Verdict == Warming || s.Verdict == Drifting }

// CommonCut is how many of the first intervals the cells of a block drop, so that
// each keeps the same requests: the largest cut of their series. One whose warm-up
// reaches into the second half has no say, because no cut would make it steady and
// the little that is left would be noise; it is Warming, and told.
func CommonCut(of []Steady) int {
	cut := 0
	for i := range of {
		if s := &of[i]; s.Verdict == IsSteady || s.Verdict == Drifting {
			cut = max(cut, s.Cut)
		}
	}
	return cut
}

// MSER is how many of the first values to cut off so that the standard error of
// the mean of the rest, taken as independent, is least; at most half, because
// beyond that the few values left are alike by chance. White, Simulation 69
// (1997). The values are means or percentiles of intervals already, which are the
// batches of five of White, Cobb and Spratt (Winter Simulation Conference 2000).
func MSER(values []float64) int {
	best, least := 0, math.Inf(1)
	for cut := range len(values)/2 + 1 {
		rest := values[cut:]
		mean, squares := 0.0, 0.0
		for _, v := range rest {
			mean += v
		}
		mean /= float64(len(rest))
		for _, v := range rest {
			squares += (v - mean) * (v - mean)
		}
		n := float64(len(rest))
		// Less by rounding alone is not less: equal values would be cut at random.
		if e := squares / (n * n); e < least-1e-15 {
			best, least = cut, e
		}
	}
	return best
}

// MannKendall is the two-sided p-value of the test that values, in order, have no
// monotone trend (Mann, Econometrica 13, 1945; Kendall, Rank Correlation Methods,
// 1948): exact without ties, else the normal approximation with the variance
// corrected for them and for continuity.
func MannKendall(values []float64) float64 {
	n := len(values)
	s, tied := 0, false
	for i, v := range values {
		for _, w := range values[i+1:] {
			switch {
			case w > v:
				s++
			case w < v:
				s--
			default:
				tied = true
			}
		}
	}
	if n < 2 {
		return 1
	}
	if !tied {
		// (pairs - |s|)/2 of all orders have at most so many inversions.
		return min(1, 2*inversionsAtMost(n, (n*(n-1)/2-abs(s))/2))
	}
	variance := float64(n*(n-1)*(2*n+5)) / 18
	sorted := slices.Sorted(slices.Values(values))
	for i := 0; i < n; {
		j := i
		for j < n && sorted[j] == sorted[i] {
			j++
		}
		t := float64(j - i)
		variance -= t * (t - 1) * (2*t + 5) / 18
		i = j
	}
	if s == 0 || variance <= 0 {
		return 1
	}
	z := (math.Abs(float64(s)) - 1) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

// inversionsAtMost is the probability that a random order of n things has at most
// k inversions: each thing in turn adds 0 up to as many as came before it.
func inversionsAtMost(n, k int) float64 {
	p := make([]float64, k+1)
	p[0] = 1
	next := make([]float64, k+1)
	for i := 2; i <= n; i++ {
		sum := 0.0
		for j := range p {
			sum += p[j]
			if j >= i {
				sum -= p[j-i]
			}
			next[j] = sum / float64(i)
		}
		p, next = next, p
	}
	total := 0.0
	for _, x := range p {
		total += x
	}
	return total
}

// TheilSen is the median of the slopes between all pairs of values, per interval
// (Sen, Journal of the American Statistical Association 63, 1968).
func TheilSen(values []float64) float64 {
	var slopes []float64
	for i, v := range values {
		for k, w := range values[i+1:] {
			slopes = append(slopes, (w-v)/float64(k+1))
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	m := len(slopes)
	return (slopes[(m-1)/2] + slopes[m/2]) / 2
}

func abs(i int) int {
	if i < 0 {
		return -i
	}
	return i
}
