package stats

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Components splits the variance of nested repetitions by level, the lowest first:
// s[i] is the mean, over what contains them, of the variance of the means at level
// i, and r[i] how many of level i one of level i+1 contains. Kalibera and Jones,
// Rigorous Benchmarking in Reasonable Time (ISMM 2013), whose S² and T² these are. An
// estimate can be below 0: then that level is not seen to add anything.
func Components(s, r []float64) []float64 {
	t := make([]float64, len(s))
	for i, v := range s {
		if t[i] = v; i > 0 {
			t[i] -= s[i-1] / r[i-1]
		}
	}
	return t
}

// Repetitions is how many of a level one of the level above should contain so that a
// given precision costs least (the same paper; Cochran, Sampling Techniques, 1977,
// section 10.6): cost is what one more of the lower and of the upper level takes
// beside what it contains, lower and upper are their components.
func Repetitions(lowerCost, upperCost, lower, upper float64) Number {
	switch {
	case !(lowerCost > 0) || upperCost < 0:
		return Refuse("what a repetition costs is not known")
	case lower <= 0:
		return Of(1)
	case upper <= 0:
		return Refuse("the level above adds nothing that can be seen: as many as can be had")
	}
	return Of(max(1, math.Ceil(math.Sqrt(upperCost/lowerCost*lower/upper))))
}

// BlocksForHalf is how many blocks give an interval that is expected to be half as
// wide as that of n blocks, by Student's law: the spread between blocks stays, the
// interval narrows with the root of their number and with the degrees of freedom.
// The signed-rank interval is about as wide (0.955 of its efficiency where blocks are
// normal: Hodges and Lehmann, Annals of Mathematical Statistics 27, 1956).
func BlocksForHalf(n int) Number {
	if n < 2 {
		return Refuse("one block says nothing of the spread between blocks")
	}
	half := func(n int) float64 {
		return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile((1+Wanted)/2) / math.Sqrt(float64(n))
	}
	want := half(n) / 2
	for more := n + 1; more <= 4*n; more++ {
		if half(more) <= want {
			return Of(float64(more))
		}
	}
	return Of(float64(4 * n))
}

// Variance is the unbiased one of values; 0 of fewer than two.
func Variance(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	mean, sum := 0.0, 0.0
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return sum / float64(len(values)-1)
}
