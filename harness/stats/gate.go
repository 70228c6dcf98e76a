package stats

import (
	"fmt"
	"math"
	"strconv"
)

// classCLimit is the highest percentile that a shared machine can show: beyond
// it the host's own pauses are what is measured.
const classCLimit = 99

// MinSamples is how many samples a percentile needs for a finite upper limit of
// its distribution-free 95 % interval: the largest of n samples lies above the
// p-quantile with probability 1-p^n, which has to reach 97.5 %.
func MinSamples(percentile float64) int64 {
	p := percentile / 100
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("stats: percentile: got %v, want [0, 100)", percentile))
	}
	if p == 0 {
		return 1
	}
	return int64(math.Ceil(math.Log(0.025) / math.Log(p)))
}

// Samples is what is known of a distribution beside its values.
type Samples struct {
	Count    int64
	Censored int64  // entered at the value at which they were given up
	Class    string // the host class: A, B or C
}

// Gate says why a percentile of s must not be shown; empty when it may be.
func (s Samples) Gate(percentile float64) string {
	name := "p" + strconv.FormatFloat(percentile, 'f', -1, 64)
	if need := MinSamples(percentile); s.Count < need {
		return fmt.Sprintf("%s needs %d samples, %d there", name, need, s.Count)
	}
	if s.Class != "A" && s.Class != "B" && percentile > classCLimit {
		return fmt.Sprintf("%s is not claimed on host class C", name)
	}
	if above := (1 - percentile/100) * float64(s.Count); float64(s.Censored) > above {
		return fmt.Sprintf("%d of %d requests were given up or still waiting: %s is not known", s.Censored, s.Count, name)
	}
	return ""
}

// Highest is the highest percentile, to a tenth of a nine, that s carries; 0
// when it carries none.
func (s Samples) Highest() float64 {
	for tenth := 60; tenth > 0; tenth-- {
		if p := Percentile(float64(tenth) / 10); s.Gate(p) == "" {
			return p
		}
	}
	return 0
}

// Nines counts a percentile's nines, the scale of percentile plots: 0 for 0, 1
// for 90, 2 for 99.
func Nines(percentile float64) float64 { return -math.Log10(1 - percentile/100) }

// Percentile is the percentile with that many nines, rounded so that 2 nines are
// 99 and not a neighbour of it.
func Percentile(nines float64) float64 {
	return math.Round((100-100*math.Pow(10, -nines))*1e8) / 1e8
}
