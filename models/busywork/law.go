package busywork

import "math"

// Law is how service times are spread; its numbers are those of the setting.
type Law int64

// The laws.
const (
	Fixed Law = iota
	Exponential
	// Bimodal: nine in ten take half the mean, the tenth 5.5 times the mean
	// (Prekas, Kogias and Bugnion, SOSP 2017).
	Bimodal
)

func (l Law) String() string { return [...]string{"fixed", "exponential", "bimodal"}[l] }

// Time is the service time, in means of the law, below which a share u of all
// services lies: of u drawn evenly from [0, 1), one service.
func (l Law) Time(u float64) float64 {
	switch {
	case l == Fixed:
		return 1
	case l == Exponential:
		return -math.Log1p(-u)
	case u < 0.9:
		return 0.5
	}
	return 5.5
}
