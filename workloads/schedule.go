package workloads

import (
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// Schedule is the intended arrival times of one load: At is a pure function of
// (seed, rate, law, index). It keeps sums it has computed, so it belongs to one
// thread; any number of schedules of the same arguments agree in every event.
type Schedule struct {
	seed      uint64
	microRate uint64    // requests per 1e6 seconds
	law       string    // of the gaps, all alike or drawn; "" where trace has them
	bend      *gapTable // nil where gaps that are drawn are exponential
	cdf       func(gap float64) float64
	trace     *recorded // nil but for a trace
	warp      warp      // nil where the rate is the same all the time

	// sums[k] is the sum of the gaps of events 0..k*checkpoint-1 in units of
	// 2^-gapBits mean gaps.
	sums []sum
	// next and total remember where the last At ended, for a walk in order.
	next  int64
	total sum
}

// sum is a 128-bit unsigned number.
type sum struct{ hi, lo uint64 }

const (
	// gapBits is the resolution of an exponential gap: 2^-44 of the mean.
	gapBits    = 44
	checkpoint = 1024

	// MaxPerSec bounds a rate; MinPerSec is its resolution.
	MaxPerSec = 1e8
	MinPerSec = 1e-6
)

// NewSchedule returns the schedule of a law whose rate is the same all the time
// (Poisson or Constant), in requests per second, which counts in steps of 1e-6.
func NewSchedule(seed uint64, perSec float64, law string) (*Schedule, error) {
	return NewShaped(seed, perSec, law, Shape{})
}

// NewShaped returns the schedule of any law; shape holds its parameters.
func NewShaped(seed uint64, perSec float64, law string, shape Shape) (*Schedule, error) {
	if !(perSec >= MinPerSec && perSec <= MaxPerSec) {
		return nil, fmt.Errorf("a rate of %g per second is not between %g and %g", perSec, MinPerSec, MaxPerSec)
	}
	if err := shape.check(law); err != nil {
		return nil, err
	}
	s := &Schedule{
		seed: seed, microRate: uint64(math.Round(perSec * 1e6)), law: shape.gaps(law), warp: shape.warp(law, seed),
		sums: make([]sum, 1, 64),
	}
	s.bend, s.cdf = gapTableOf(s.law, &shape), shape.gapCDF(s.law)
	if law == Trace {
		if s.trace = shape.Trace.recorded(); s.trace == nil {
			return nil, fmt.Errorf("arrivals %s: the file %s has not been read", law, shape.Trace.File)
		}
	}
	return s, nil
}

// At is the intended time of event i >= 0 in ns after the start. A constant
// rate and a trace send event 0 at 0; where gaps are drawn it waits for the first.
func (s *Schedule) At(i int64) int64 {
	at := s.steady(i)
	if s.warp != nil {
		return s.warp.real(at)
	}
	return at
}

// Operational turns a time after the start into the one at which the same
// number of requests is expected of the load's own rate (time rescaling): there,
// arrivals have the law of [Schedule.Gaps]. A time before the start stays.
func (s *Schedule) Operational(ns int64) int64 {
	if s.warp == nil || ns < 0 {
		return ns
	}
	return s.warp.operational(ns)
}

// Before is how many events come before a time in ns after the start.
func (s *Schedule) Before(ns int64) int64 {
	high := 1
	for s.At(int64(high)) < ns {
		high *= 2
	}
	return int64(sort.Search(high, func(i int) bool { return s.At(int64(i)) >= ns }))
}

// Gaps is the law of the gaps in operational time: Poisson, Constant, Gamma,
// Weibull, or "" for those of a trace.
func (s *Schedule) Gaps() string { return s.law }

// GapCDF is the distribution function of the gaps in operational time, in units of
// their mean; nil where they are not drawn.
func (s *Schedule) GapCDF() func(gap float64) float64 { return s.cdf }

// steady is the time of event i at the load's own rate.
func (s *Schedule) steady(i int64) int64 {
	if i < 0 {
		panic(fmt.Sprintf("workloads: schedule: event %d is before the first", i))
	}
	if s.trace != nil {
		return s.scaled(s.trace.sum(i))
	}
	if s.law == Constant {
		// floor(i * 1e15 / microRate): rounded once, from the exact quotient.
		hi, lo := bits.Mul64(uint64(i), 1e15)
		return s.divide(hi, lo)
	}
	if s.next != i+1 {
		s.seek(i)
		for s.next <= i {
			s.advance()
		}
	}
	return s.scaled(s.total)
}

// seek moves to the last known sum at or before event i.
func (s *Schedule) seek(i int64) {
	k := min(i/checkpoint, int64(len(s.sums)-1))
	if s.next <= i && s.next >= k*checkpoint {
		return
	}
	s.next, s.total = k*checkpoint, s.sums[k]
}

// advance adds the gap of event next.
func (s *Schedule) advance() {
	e := gap(draw(s.seed, s.next))
	if s.bend != nil {
		e = s.bend.of(e)
	}
	var carry uint64
	s.total.lo, carry = bits.Add64(s.total.lo, e, 0)
	s.total.hi += carry
	s.next++
	if s.next%checkpoint == 0 && s.next/checkpoint == int64(len(s.sums)) {
		s.sums = append(s.sums, s.total)
	}
}

// scaled is floor(total * 2^-gapBits * 1e15 / microRate), exactly.
func (s *Schedule) scaled(total sum) int64 {
	// total < 2^(63+gapBits), so the product fits 192 bits and, shifted, 128.
	hi1, mid1 := bits.Mul64(total.hi, 1e15)
	mid2, lo := bits.Mul64(total.lo, 1e15)
	mid, carry := bits.Add64(mid1, mid2, 0)
	hi := hi1 + carry
	if hi>>gapBits != 0 {
		panic("workloads: schedule: time beyond 2^63 ns")
	}
	return s.divide(hi<<(64-gapBits)|mid>>gapBits, mid<<(64-gapBits)|lo>>gapBits)
}

func (s *Schedule) divide(hi, lo uint64) int64 {
	if hi >= s.microRate {
		panic("workloads: schedule: time beyond 2^63 ns")
	}
	q, _ := bits.Div64(hi, lo, s.microRate)
	if q > math.MaxInt64 {
		panic("workloads: schedule: time beyond 2^63 ns")
	}
	return int64(q)
}

// ln2 is the natural logarithm of 2 in units of 2^-64.
const ln2 = 0xb17217f7d1cf79ab

// gap turns a draw into an exponential variate of mean 1 in units of 2^-gapBits:
// -ln((x+1)/2^64), by the binary logarithm taken bit by bit. Only integers are
// used, so that every architecture computes the same schedule.
func gap(x uint64) uint64 {
	x++
	if x == 0 {
		return 0 // the draw was the largest: the logarithm of 1
	}
	zeros := bits.LeadingZeros64(x)
	m := x << zeros // in [2^63, 2^64): the mantissa in [1, 2)
	// log2((x+1)/2^64) = -(zeros+1) + log2(m/2^63)
	var frac uint64
	for range gapBits {
		hi, lo := bits.Mul64(m, m) // in [2^126, 2^128)
		frac <<= 1
		if hi>>63 == 1 {
			frac |= 1
			m = hi
		} else {
			m = hi<<1 | lo>>63
		}
	}
	log2 := uint64(zeros+1)<<gapBits - frac
	hi, _ := bits.Mul64(log2, ln2)
	return hi
}
