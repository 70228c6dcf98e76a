package stats

import (
	"math"
	"slices"
)

// Range is a block's log ratio of which only is known that it lies between Lo and
// Hi: what a search has left open is not the block's noise, which an interval over
// blocks knows, and blocks that were searched on the same grid all leave the same
// open. Either end may be infinite. Mid is the best guess; it is infinite where one
// end is, and NaN where both are.
type Range struct{ Lo, Mid, Hi float64 }

// Less is the range of a less b.
func (a Range) Less(b Range) Range {
	return Range{Lo: a.Lo - b.Hi, Mid: a.Mid - b.Mid, Hi: a.Hi - b.Lo}
}

// Exactly is a value of which nothing is left open.
func Exactly(x float64) Range { return Range{x, x, x} }

// Anything is a value of which nothing is known.
func Anything() Range { return Range{math.Inf(-1), math.NaN(), math.Inf(1)} }

func exactly(d []float64) []Range {
	out := make([]Range, len(d))
	for i, x := range d {
		out[i] = Exactly(x)
	}
	return out
}

// HodgesLehmannWithin is [HodgesLehmann] of ranges. Its ends grow with each block's
// value, so that the lower end of the lowest values and the upper end of the highest
// hold the interval of whatever the values are: the level is at least the one
// stated. The estimate is that of the guesses, NaN where they give none.
func HodgesLehmannWithin(r []Range) (Shift, error) {
	lows, mids, highs := ends(r)
	s, err := HodgesLehmann(lows)
	if err != nil {
		return Shift{}, err
	}
	high, err := HodgesLehmann(highs)
	if err != nil {
		return Shift{}, err
	}
	s.Hi, s.Estimate = high.Hi, math.NaN()
	mids = slices.DeleteFunc(mids, math.IsNaN) // these say nothing either way
	if 2*len(mids) < len(r) || slices.Contains(mids, math.Inf(-1)) && slices.Contains(mids, math.Inf(1)) {
		return s, nil
	}
	mid, err := HodgesLehmann(mids)
	if !math.IsInf(mid.Estimate, 0) {
		s.Estimate = mid.Estimate
	}
	return s, err
}

// ends takes ranges apart.
func ends(r []Range) (lows, mids, highs []float64) {
	for _, x := range r {
		lows, mids, highs = append(lows, x.Lo), append(mids, x.Mid), append(highs, x.Hi)
	}
	return lows, mids, highs
}

// wilcoxonWithin is [Wilcoxon] with the largest p-values that any values within the
// ranges have.
func wilcoxonWithin(r []Range) (Test, error) {
	lows, _, highs := ends(r)
	low, err := Wilcoxon(lows)
	if err != nil {
		return Test{}, err
	}
	high, err := Wilcoxon(highs)
	return Test{N: low.N, Less: high.Less, Greater: low.Greater}, err
}

// CompareWithin is [Compare] of ranges.
func CompareWithin(ratios, null []Range, rope float64) (Effect, error) {
	e := Effect{Blocks: len(ratios), FloorBlocks: len(null), Verdict: Absent, Words: "no block has both"}
	none := Refuse("no block has both")
	e.Ratio, e.Lo, e.Hi, e.Floor = none, none, none, Refuse("no block has a valid replicate")
	e.P, e.PEqual = none, none
	if len(null) > 0 {
		floor, err := floorOf(null)
		if err != nil {
			return e, err
		}
		if e.Floor = Of(math.Exp(floor)); !e.Floor.OK() {
			e.Floor = Refuse("not bounded by what is known of the replicates")
		}
	}
	if len(ratios) == 0 {
		return e, nil
	}
	s, err := HodgesLehmannWithin(ratios)
	if err != nil {
		return e, err
	}
	for _, x := range ratios {
		if x.Mid < 0 {
			e.Lower++
		}
	}
	if e.Ratio, e.Level = Of(math.Exp(s.Estimate)), s.Level; math.IsNaN(s.Estimate) {
		e.Ratio = Refuse("not known in too many of %s", blocks(s.N))
	}
	if s.Level == 0 {
		e.Lo, e.Hi = Refuse("one block gives no interval"), Refuse("one block gives no interval")
	} else {
		e.Lo, e.Hi = Of(math.Exp(s.Lo)), Of(math.Exp(s.Hi))
		if math.IsInf(s.Hi, 1) {
			e.Hi = Refuse("not bounded by what is known")
		}
	}
	if err := e.test(ratios, rope); err != nil {
		return e, err
	}
	e.judge(s, rope)
	return e, nil
}

// floorOf is how far from 0 the interval of the null's log ratios reaches. It
// narrows with more blocks as the effect's own interval does; the largest of the
// differences would only grow, and hide what the blocks have shown.
func floorOf(null []Range) (float64, error) {
	s, err := HodgesLehmannWithin(null)
	if err != nil {
		return 0, err
	}
	if !s.Reached() {
		lows, _, highs := ends(null)
		return max(MaxAbs(lows), MaxAbs(highs)), nil
	}
	return max(math.Abs(s.Lo), math.Abs(s.Hi)), nil
}

// test fills in the p-values.
func (e *Effect) test(d []Range, rope float64) error {
	w, err := wilcoxonWithin(d)
	if err != nil {
		return err
	}
	e.P = Of(w.TwoSided())
	e.PEqual = Refuse("no smallest difference of interest was declared")
	if rope > 0 {
		lows, _, highs := ends(d)
		low, err := TOST(lows, rope)
		if err != nil {
			return err
		}
		high, err := TOST(highs, rope)
		if err != nil {
			return err
		}
		e.PEqual = Of(max(low.NotBelow, high.NotAbove))
	}
	return nil
}
