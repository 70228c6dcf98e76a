package workloads

import (
	"math"
	"math/bits"
	"sort"
	"time"
)

// A warp bends the time of a process of one rate into that of a process whose
// rate moves: if arrivals have the unit law in operational time, which is the
// integral of the rate over the load's, they have the law asked for in real
// time. Both are ns from the schedule's start. A warp is piecewise linear and
// all its breakpoints are integers, so that nothing drifts. It belongs to one
// thread.
type warp interface {
	// real is when an operational time is reached; operational is its inverse,
	// and stands still while nothing may arrive.
	real(operationalNs int64) int64
	operational(realNs int64) int64
}

// course is a warp of which one stretch is known. It begins at (0, 0) and
// repeats, or goes on at a last rate.
type course struct {
	realNs, operNs []int64
	// after is the rate behind the end in units of 2^-20 of the load's; 0
	// repeats it.
	after uint64
}

// steps is how many straight pieces a curve is cut into: the rate is off by at
// most a 2/steps of its range anywhere, its integral nowhere at a breakpoint.
const steps = 1024

// rateBits is the resolution of a rate behind its end.
const rateBits = 20

func (t *course) end() int { return len(t.realNs) - 1 }

func (t *course) real(oper int64) int64 { return t.look(oper, t.operNs, t.realNs, false) }

func (t *course) operational(real int64) int64 { return t.look(real, t.realNs, t.operNs, true) }

// look finds x on one axis and returns what the other has there.
func (t *course) look(x int64, from, to []int64, forward bool) int64 {
	base := int64(0)
	if last := from[t.end()]; x >= last {
		if t.after != 0 {
			num, den := uint64(1)<<rateBits, t.after
			if forward {
				num, den = den, num
			}
			return to[t.end()] + scale(x-last, num, den)
		}
		base, x = x/last*to[t.end()], x%last
	}
	// The first breakpoint beyond x ends a piece that is not flat on this axis.
	k := sort.Search(len(from), func(k int) bool { return from[k] > x })
	return base + to[k-1] + scale(x-from[k-1], uint64(to[k]-to[k-1]), uint64(from[k]-from[k-1]))
}

// scale is floor(x·num/den), at most the largest int64.
func scale(x int64, num, den uint64) int64 {
	hi, lo := bits.Mul64(uint64(x), num)
	if hi >= den {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, den)
	return int64(min(q, math.MaxInt64))
}

func (b *BurstShape) warp() warp {
	on, cycle := int64(b.On), int64(b.On+b.Off)
	return &course{realNs: []int64{0, on, cycle}, operNs: []int64{0, cycle, cycle}}
}

// warp adds the phases up; each is rounded to a ns of operational time.
func (p *PhaseShape) warp() warp {
	t := &course{realNs: []int64{0}, operNs: []int64{0}, after: 1 << rateBits}
	add := func(long time.Duration, rate float64) {
		if long > 0 {
			end := t.end()
			t.realNs = append(t.realNs, t.realNs[end]+int64(long))
			t.operNs = append(t.operNs, t.operNs[end]+int64(math.Round(float64(long)*rate)))
		}
	}
	add(p.Lead, 1)
	for _, step := range p.Steps {
		add(step.For, step.Rate)
	}
	return t
}

// warp integrates the sine: t + amplitude·period/2π·(1 − cos(2πt/period)).
func (s *SineShape) warp() warp {
	period := float64(s.Period)
	return curve(int64(s.Period), 0, func(t float64) float64 {
		return t + float64(s.Amplitude*period/(2*math.Pi))*(1-math.Cos(2*math.Pi*t/period))
	})
}

// warp integrates the ramp: from·t + (to − from)·t²/2·over.
func (r *RampShape) warp() warp {
	over := float64(r.Over)
	return curve(int64(r.Over), uint64(math.Round(r.To*(1<<rateBits))), func(t float64) float64 {
		return float64(r.From*t) + float64((r.To-r.From)*t)*(t/over)/2
	})
}

// curve is the course of the operational times that oper has. Its values are
// rounded to ns, which hides in what order an architecture adds and multiplies.
func curve(end int64, after uint64, oper func(realNs float64) float64) *course {
	t := &course{after: after}
	for k := range int64(steps + 1) {
		at := scale(end, uint64(k), steps)
		t.realNs = append(t.realNs, at)
		t.operNs = append(t.operNs, int64(math.Round(oper(float64(at)))))
	}
	return t
}

// states is the warp of a process that changes between two rates at random.
type states struct {
	seed   uint64
	meanNs [2]uint64 // of a stay: low, high
	rate   [2]uint64 // in units of 2^-20 of the load's
	first  int       // the state at the start
	now    stay
	marks  []stay // every markEvery-th
}

// stay is one stay in a state, and where it begins.
type stay struct {
	index          int64
	realNs, operNs int64
}

const markEvery = 256

// warp starts in the state in which a process that has run for long is found.
func (m *MMPPShape) warp(seed uint64) warp {
	low, high := float64(m.Low), float64(m.High)
	slow := (low + high) / (low + m.Ratio*high) // so that the mean is the load's rate
	s := &states{
		seed: seed, meanNs: [2]uint64{uint64(m.Low), uint64(m.High)},
		rate: [2]uint64{max(1, uint64(math.Round(slow*(1<<rateBits)))), max(1, uint64(math.Round(m.Ratio*slow*(1<<rateBits))))},
	}
	if unit(draw(seed, 0)) < high/(low+high) {
		s.first = 1
	}
	s.marks = []stay{s.now}
	return s
}

func (s *states) state(index int64) int { return (s.first + int(index)) % 2 }

// next is the stay after one.
func (s *states) next(a stay) stay {
	k := s.state(a.index)
	hi, lo := bits.Mul64(gap(draw(s.seed, a.index+1)), s.meanNs[k])
	dwell := int64(hi<<(64-gapBits) | lo>>gapBits)
	return stay{a.index + 1, a.realNs + dwell, a.operNs + scale(dwell, s.rate[k], 1<<rateBits)}
}

// seek moves to the stay that a time falls into.
func (s *states) seek(x int64, of func(stay) int64) {
	if of(s.now) > x {
		k := sort.Search(len(s.marks), func(k int) bool { return of(s.marks[k]) > x })
		s.now = s.marks[max(k-1, 0)]
	}
	for {
		next := s.next(s.now)
		if of(next) > x {
			return
		}
		s.now = next
		if next.index == int64(len(s.marks))*markEvery {
			s.marks = append(s.marks, next)
		}
	}
}

func (s *states) real(oper int64) int64 {
	s.seek(oper, func(a stay) int64 { return a.operNs })
	return s.now.realNs + scale(oper-s.now.operNs, 1<<rateBits, s.rate[s.state(s.now.index)])
}

func (s *states) operational(real int64) int64 {
	s.seek(real, func(a stay) int64 { return a.realNs })
	return s.now.operNs + scale(real-s.now.realNs, s.rate[s.state(s.now.index)], 1<<rateBits)
}
