package stats

import (
	"fmt"
	"math"
)

// Equivalence is the outcome of two one-sided tests (Schuirmann, Journal of
// Pharmacokinetics and Biopharmaceutics 15, 1987), each of them Wilcoxon's.
type Equivalence struct {
	N    int
	Rope float64
	// NotBelow and NotAbove are the p-values against a ratio of at most 1/(1+Rope)
	// and of at least 1+Rope.
	NotBelow, NotAbove float64
}

// P is the p-value of the claim that the ratio lies strictly within the rope.
// Both tests must reject, so neither has to be corrected for the other.
func (e Equivalence) P() float64 { return max(e.NotBelow, e.NotAbove) }

// Shown reports whether the claim may be made at alpha. At 0.05 this asks for
// less than [Compare], which wants the whole 95 % interval within the rope and so
// tests at 0.025.
func (e Equivalence) Shown(alpha float64) bool { return e.P() <= alpha }

// TOST tests whether the log ratios d are centred within ±ln(1+rope), rope being
// the smallest relative difference of interest. It fails when rope is not
// positive and finite, and as [Wilcoxon] does.
func TOST(d []float64, rope float64) (Equivalence, error) {
	if !(rope > 0) || math.IsInf(rope, 1) {
		return Equivalence{}, fmt.Errorf("stats: rope: got %v, want a positive share", rope)
	}
	half := math.Log1p(rope)
	raised, lowered := make([]float64, len(d)), make([]float64, len(d))
	for i, x := range d {
		raised[i], lowered[i] = x+half, x-half
	}
	below, err := Wilcoxon(raised)
	if err != nil {
		return Equivalence{}, err
	}
	above, err := Wilcoxon(lowered)
	if err != nil {
		return Equivalence{}, err
	}
	return Equivalence{N: len(d), Rope: rope, NotBelow: below.Greater, NotAbove: above.Less}, nil
}
