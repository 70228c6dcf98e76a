package stats

import (
	"fmt"
	"math"
	"strconv"
)

// Effect is one comparison of two arms, as ratios A/B.
type Effect struct {
	Blocks int     `json:"blocks"`
	Ratio  Number  `json:"ratio"`
	Lo     Number  `json:"lo"`
	Hi     Number  `json:"hi"`
	Level  float64 `json:"level"` // of [Lo, Hi]
	// Lower counts the blocks in which A was below B.
	Lower int `json:"blocks_lower"`
	// Floor is the factor, at least 1, that the same estimate of two runs of one
	// arm may reach: the further end of its interval. Where that has not the wanted
	// level, and with MinBlocks, it is the largest difference in a block.
	Floor       Number  `json:"floor"`
	FloorBlocks int     `json:"floor_blocks"`
	Verdict     Verdict `json:"verdict"`
	Words       string  `json:"words"` // the verdict spelled out
	// P is the two-sided p-value of the signed-rank test against a ratio of 1, and
	// PEqual that of the two one-sided tests that the ratio lies within the smallest
	// difference of interest.
	P      Number `json:"p"`
	PEqual Number `json:"p_equivalence"`
}

// Verdict is what may be said of an effect.
type Verdict string

// Verdicts. Only Resolved is a difference.
const (
	Resolved   Verdict = "resolved"   // the interval excludes 1 and the effect exceeds the floor
	Inside     Verdict = "inside"     // no larger than what one arm differs from itself
	Unresolved Verdict = "unresolved" // the interval includes 1, or is not of the wanted level
	Unfloored  Verdict = "unfloored"  // no replicate to hold it against
	Equivalent Verdict = "equivalent" // the interval lies within the smallest difference of interest
	Absent     Verdict = "absent"     // nothing to compare
)

// Compare estimates A/B from pairs, null being the pairs of a replicate and the
// arm it repeats; rope is the smallest relative difference of interest, 0 for
// none.
func Compare(pairs, null []Pair, rope float64) (Effect, error) {
	return CompareWithin(exactly(LogRatios(pairs)), exactly(LogRatios(null)), rope)
}

// judge chooses the verdict; the floor comes first, because a precise interval
// of something that one arm does to itself shows nothing.
func (e *Effect) judge(s Shift, rope float64) {
	floor, floored := e.Floor.Get()
	within := rope > 0 && s.Lo > -math.Log1p(rope) && s.Hi < math.Log1p(rope)
	switch {
	case math.IsNaN(s.Estimate):
		e.Verdict, e.Words = Unresolved, "not resolved: "+e.Ratio.Refusal()
	case s.Reached() && within:
		e.Verdict, e.Words = Equivalent, fmt.Sprintf("equal within %s %%", Percent(rope))
	case floored && math.Abs(s.Estimate) <= math.Log(floor):
		e.Verdict, e.Words = Inside, "inside the floor: not resolved"
	case !s.Reached():
		e.Verdict, e.Words = Unresolved, fmt.Sprintf("not resolved at 95 %% with %s", blocks(s.N))
	case s.Lo <= 0 && s.Hi >= 0:
		e.Verdict, e.Words = Unresolved, "not resolved: the interval includes 1"
	case !floored:
		e.Verdict, e.Words = Unfloored, "not resolved: no A/A floor to hold it against"
	case s.Hi < 0:
		e.Verdict, e.Words = Resolved, "lower"
	default:
		e.Verdict, e.Words = Resolved, "higher"
	}
}

// MaxAbs is the largest magnitude in d; 0 of nothing.
func MaxAbs(d []float64) float64 {
	var most float64
	for _, x := range d {
		most = max(most, math.Abs(x))
	}
	return most
}

// Percent writes a share as a percentage without needless digits: 0.9375 is 93.8.
func Percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*1000)/10, 'f', -1, 64)
}

func blocks(n int) string {
	if n == 1 {
		return "1 block"
	}
	return fmt.Sprintf("%d blocks", n)
}
