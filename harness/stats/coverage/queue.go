package coverage

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/ceteris/ceteris/harness/theory"
)

// serviceNs is the mean service time of the faster arm. It is large beside the
// histogram's resolution, so that rounding does not blur the answer.
const serviceNs = 100_000

// Queue is a first-come-first-served queue with Poisson arrivals.
type Queue struct {
	Rho   float64 // load of the faster arm
	Fixed bool    // service takes always the same time (M/D/1), else it is exponential
}

// Queues are those that the self-test simulates.
var Queues = []Queue{{Rho: 0.5}, {Rho: 0.7}, {Rho: 0.5, Fixed: true}, {Rho: 0.7, Fixed: true}}

func (q Queue) String() string {
	if q.Fixed {
		return fmt.Sprintf("M/D/1 %.1f", q.Rho)
	}
	return fmt.Sprintf("M/M/1 %.1f", q.Rho)
}

// Quantile is the p-quantile of the response time in units of the faster arm's
// service time, for an arm whose service takes slow times as long.
func (q Queue) Quantile(slow, p float64) float64 {
	// At a load of rho*slow, times are in units of a slower service.
	if !q.Fixed {
		return slow * theory.MM1Quantile(q.Rho*slow, p)
	}
	return slow * theory.MD1Quantile(q.Rho*slow, p)
}

// Atom reports whether the percentile lies where requests of the faster arm that
// met no other pile up on one value. It is then a constant, whose ratios differ
// by nothing but the histogram's rounding, or on the edge of one, where an
// estimate errs to one side only: either way no interval is promised to hold.
func (q Queue) Atom(percentile float64) bool { return q.Fixed && percentile/100 <= 1-q.Rho }

// jumpShare is how near to a jump of the density counts as on it: some standard
// deviations of the share of requests below it.
const jumpShare = 0.02

// Jump reports whether the percentile of either arm lies where the density jumps:
// in an M/D/1 queue, where the wait is exactly one service. To the left of it an
// estimate moves less than to the right, however long the window, so that it is
// not symmetric about the truth.
func (q Queue) Jump(slow, percentile float64) bool {
	for _, rho := range []float64{q.Rho, q.Rho * slow} {
		if q.Fixed && math.Abs(theory.MD1WaitWithin(rho, 1)-percentile/100) < jumpShare {
			return true
		}
	}
	return false
}

// Window is how many requests arrive in 1000 relaxation times of the faster arm's
// M/M/1 queue, 1/(1-sqrt(rho))^2 service times each.
func (q Queue) Window() int {
	root := 1 - math.Sqrt(q.Rho)
	return int(math.Ceil(1000 * q.Rho / (root * root)))
}

// serve runs one cell by Lindley's recursion from an empty queue and hands over
// every response time, in ns, with the number of its request.
func (q Queue) serve(gaps []float64, slow float64, random *rand.Rand, done func(i int, ns int64)) {
	q.serveFrom(0, gaps, slow, random, done)
}

// serveFrom is serve from a queue in which the first request waits for so long, in
// service times of the faster arm.
func (q Queue) serveFrom(wait float64, gaps []float64, slow float64, random *rand.Rand, done func(i int, ns int64)) {
	theory.Lindley(wait, gaps, func() float64 {
		if q.Fixed {
			return slow
		}
		return slow * random.ExpFloat64()
	}, func(i int, response float64) { done(i, int64(response*serviceNs)) })
}
