package stats

import (
	"fmt"
	"math"
)

// ShiftPercentiles are where a shift function is usually read: every decile and
// the tail that every host class may claim.
var ShiftPercentiles = []float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 99}

// ShiftPoint is the ratio A/B of one percentile.
type ShiftPoint struct {
	Percentile float64 `json:"percentile"`
	Blocks     int     `json:"blocks"`
	Ratio      Number  `json:"ratio"`
	Lo         Number  `json:"lo"`
	Hi         Number  `json:"hi"`
}

// ShiftFunction compares two distributions percentile by percentile (Doksum,
// Annals of Statistics 2, 1974), with the block as the unit.
type ShiftFunction struct {
	Points []ShiftPoint `json:"points"`
	// Level is the confidence with which the band holds all the true ratios at
	// once, by Bonferroni's inequality; 0 when there is no band.
	Level float64 `json:"level"`
}

// Shifts estimates the shift function; pairs holds the blocks of each percentile.
// The band needs more blocks than one interval does, 9 for the ten
// [ShiftPercentiles]: with fewer it is refused and the ratios stand alone. It
// fails when the two lengths differ or a percentile has no or too many blocks.
func Shifts(percentiles []float64, pairs [][]Pair) (ShiftFunction, error) {
	if len(percentiles) == 0 || len(percentiles) != len(pairs) {
		return ShiftFunction{}, fmt.Errorf("stats: %d percentiles with pairs for %d of them", len(percentiles), len(pairs))
	}
	each := 1 - (1-Wanted)/float64(len(percentiles))
	f := ShiftFunction{Level: 1}
	var shifts []Shift
	short := 0
	for i, p := range percentiles {
		s, err := hodgesLehmann(LogRatios(pairs[i]), each)
		if err != nil {
			return ShiftFunction{}, fmt.Errorf("p%v: %w", p, err)
		}
		if s.Level < each {
			short = s.N
		}
		shifts = append(shifts, s)
		f.Level -= 1 - s.Level
	}
	for i, s := range shifts {
		at := ShiftPoint{Percentile: percentiles[i], Blocks: s.N, Ratio: Of(math.Exp(s.Estimate))}
		at.Lo, at.Hi = Of(math.Exp(s.Lo)), Of(math.Exp(s.Hi))
		if short > 0 {
			at.Lo = Refuse("%s give no band over %d percentiles at 95 %%", blocks(short), len(percentiles))
			at.Hi = at.Lo
		}
		f.Points = append(f.Points, at)
	}
	if short > 0 {
		f.Level = 0
	}
	return f, nil
}
