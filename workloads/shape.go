package workloads

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The arrival laws. The first four have one rate all the time; the others bend
// the time of one of them ([Shape]), or repeat what was recorded.
const (
	Poisson  = "poisson"
	Constant = "constant"
	Gamma    = "gamma"
	Weibull  = "weibull"
	Bursts   = "bursts"
	MMPP     = "mmpp"
	Ramp     = "ramp"
	Sine     = "sine"
	Phases   = "phases"
	Trace    = "trace"
)

// laws are the names of all of them.
var laws = []string{Poisson, Constant, Gamma, Weibull, Bursts, MMPP, Ramp, Sine, Phases, Trace}

// Shape is how the rate of an arrival law moves around the load's; the one that
// the law names is set, and the law of its gaps where that has a shape. All but
// Ramp and Phases have the load's rate on average.
type Shape struct {
	Bursts *BurstShape `json:"bursts,omitempty"`
	MMPP   *MMPPShape  `json:"mmpp,omitempty"`
	Ramp   *RampShape  `json:"ramp,omitempty"`
	Sine   *SineShape  `json:"sine,omitempty"`
	Phases *PhaseShape `json:"phases,omitempty"`
	Trace  *TraceShape `json:"trace,omitempty"`

	Gamma   *GapShape `json:"gamma,omitempty"`
	Weibull *GapShape `json:"weibull,omitempty"`
}

// BurstShape lets requests arrive for On and none for Off, in turn, the first
// burst at the schedule's start. Gaps is the law within a burst.
type BurstShape struct {
	On   time.Duration `json:"on_ns"`
	Off  time.Duration `json:"off_ns"`
	Gaps string        `json:"gaps"`
}

// MMPPShape is a Markov-modulated Poisson process of two states: exponential
// stays of mean High at one rate and of mean Low at another, Ratio times lower.
type MMPPShape struct {
	High  time.Duration `json:"high_ns"`
	Low   time.Duration `json:"low_ns"`
	Ratio float64       `json:"ratio"`
}

// RampShape moves the rate from From to To times the load's in a straight line
// over Over, from the schedule's start, where warm-up begins; then it stays.
type RampShape struct {
	From float64       `json:"from"`
	To   float64       `json:"to"`
	Over time.Duration `json:"over_ns"`
	Gaps string        `json:"gaps"`
}

// SineShape is the rate 1 + Amplitude·sin(2πt/Period) times the load's.
type SineShape struct {
	Amplitude float64       `json:"amplitude"`
	Period    time.Duration `json:"period_ns"`
	Gaps      string        `json:"gaps"`
}

// PhaseShape is one rate after the other. The first phase begins Lead after the
// schedule's start; before it and after the last the rate is the load's. [Parse]
// sets Lead to the warm-up, so that phases count from the measured window's start
// and the schedule still follows from its arguments alone.
type PhaseShape struct {
	Lead  time.Duration `json:"lead_ns"`
	Steps []Phase       `json:"steps"`
	Gaps  string        `json:"gaps"`
}

// Phase is a rate for a while; 0 is a pause.
type Phase struct {
	For  time.Duration `json:"for_ns"`
	Rate float64       `json:"rate"` // times the load's
}

// TraceShape repeats recorded arrivals, stretched to the load's rate. TimesNs
// start at 0 and do not descend; [Load] reads them, [Parse] does not, so that a
// result can be read without the file.
type TraceShape struct {
	File    string  `json:"file"`
	TimesNs []int64 `json:"times_ns,omitempty"`
}

// The bounds of shapes.
const (
	minPhase     = time.Millisecond
	maxPhase     = time.Hour
	maxRatio     = 10000
	maxFactor    = 100
	minRampTo    = 0.01
	maxAmplitude = 1
	maxSteps     = 1000
	maxTrace     = 100_000 // arrivals
)

// check reports what of a law's shape cannot be meant.
func (s *Shape) check(law string) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	phase := func(what string, d time.Duration) {
		if d < minPhase || d > maxPhase {
			bad("%s of %v is not between %v and %v", what, d, minPhase, maxPhase)
		}
	}
	number := func(what string, v, low, high float64) {
		if !(v >= low && v <= high) {
			bad("%s of %g is not between %g and %g", what, v, low, high)
		}
	}
	gaps := func(g string) {
		if g != Poisson && g != Constant {
			bad("gaps %q are neither %s nor %s", g, Poisson, Constant)
		}
	}
	missing := false
	shaped := func(g *GapShape) {
		if missing = g == nil; !missing {
			number("shape", g.Shape, minGapShape, maxGapShape)
		}
	}
	switch law {
	case Poisson, Constant:
	case Gamma:
		shaped(s.Gamma)
	case Weibull:
		shaped(s.Weibull)
	case Bursts:
		if missing = s.Bursts == nil; !missing {
			phase("on", s.Bursts.On)
			phase("off", s.Bursts.Off)
			gaps(s.Bursts.Gaps)
		}
	case MMPP:
		if missing = s.MMPP == nil; !missing {
			phase("high", s.MMPP.High)
			phase("low", s.MMPP.Low)
			number("ratio", s.MMPP.Ratio, 1, maxRatio)
		}
	case Ramp:
		if missing = s.Ramp == nil; !missing {
			phase("over", s.Ramp.Over)
			number("from", s.Ramp.From, 0, maxFactor)
			number("to", s.Ramp.To, minRampTo, maxFactor)
			gaps(s.Ramp.Gaps)
		}
	case Sine:
		if missing = s.Sine == nil; !missing {
			phase("period", s.Sine.Period)
			number("amplitude", s.Sine.Amplitude, 0, maxAmplitude)
			gaps(s.Sine.Gaps)
		}
	case Phases:
		if missing = s.Phases == nil; !missing {
			for _, step := range s.Phases.Steps {
				phase("for", step.For)
				number("rate", step.Rate, 0, maxFactor)
			}
			if n := len(s.Phases.Steps); n < 1 || n > maxSteps {
				bad("%d phases are not between 1 and %d", n, maxSteps)
			}
			if s.Phases.Lead < 0 || s.Phases.Lead > maxWindow {
				bad("a lead of %v is not between 0s and %v", s.Phases.Lead, maxWindow)
			}
			switch s.Phases.Gaps {
			case Gamma:
				shaped(s.Gamma)
			case Weibull:
				shaped(s.Weibull)
			default:
				gaps(s.Phases.Gaps)
			}
		}
	case Trace:
		missing = s.Trace == nil
	default:
		bad("arrivals %q are none of %s", law, strings.Join(laws, ", "))
	}
	if missing {
		bad("arrivals %s have no parameters", law)
	}
	return errors.Join(errs...)
}

// gaps is the law of the gaps in bent time; "" where a trace gives them.
func (s *Shape) gaps(law string) string {
	switch law {
	case Bursts:
		return s.Bursts.Gaps
	case MMPP:
		return Poisson
	case Ramp:
		return s.Ramp.Gaps
	case Sine:
		return s.Sine.Gaps
	case Phases:
		return s.Phases.Gaps
	case Trace:
		return ""
	}
	return law
}

// warp is how the shape bends time; nil where it does not. Its random part is
// drawn from a seed of its own.
func (s *Shape) warp(law string, seed uint64) warp {
	switch law {
	case Bursts:
		return s.Bursts.warp()
	case MMPP:
		return s.MMPP.warp(Dimension(seed, "states"))
	case Ramp:
		return s.Ramp.warp()
	case Sine:
		return s.Sine.warp()
	case Phases:
		return s.Phases.warp()
	}
	return nil
}
