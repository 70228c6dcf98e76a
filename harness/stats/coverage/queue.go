package coverage

import (
	"fmt"
	"math"
	"math/rand/v2"
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
	if !q.Fixed {
		return -math.Log(1-p) / (1/slow - q.Rho)
	}
	lo, hi := 0.0, 1.0
	for waitWithin(q.Rho*slow, hi) < p {
		hi *= 2
	}
	for range 60 {
		if mid := (lo + hi) / 2; waitWithin(q.Rho*slow, mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return slow * (1 + hi)
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
		if q.Fixed && math.Abs(waitWithin(rho, 1)-percentile/100) < jumpShare {
			return true
		}
	}
	return false
}

// waitWithin is the probability that a request of an M/D/1 queue at load rho
// waits at most t service times (Erlang 1909; the sum alternates, and is accurate
// for the percentiles up to 99 at the loads used here).
func waitWithin(rho, t float64) float64 {
	sum := 0.0
	for k := 0.0; k <= t; k++ {
		x := rho * (k - t)
		lg, _ := math.Lgamma(k + 1)
		term := math.Exp(k*math.Log(math.Abs(x)) - lg - x)
		if x == 0 {
			term = 0
			if k == 0 {
				term = 1
			}
		}
		if x < 0 && math.Mod(k, 2) == 1 {
			term = -term
		}
		sum += term
	}
	return (1 - rho) * sum
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
	wait := 0.0
	for i, gap := range gaps {
		service := slow
		if !q.Fixed {
			service *= random.ExpFloat64()
		}
		response := wait + service
		done(i, int64(response*serviceNs))
		wait = max(0, response-gap)
	}
}
