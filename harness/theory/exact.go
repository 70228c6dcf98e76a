package theory

import "math"

// The formulas below are for a load rho per server below 1 and times in mean
// service times.

// MeanWait is the mean wait of a request before one server whose services have a
// squared coefficient of variation (Pollaczek, Mathematische Zeitschrift 32, 1930;
// Khinchine, Matematicheskij Sbornik 39, 1932).
func MeanWait(rho, variation float64) float64 { return rho * (1 + variation) / (2 * (1 - rho)) }

// MM1Quantile is the p-quantile of the response time where service is exponential:
// the response time is exponential too, with mean 1/(1-rho).
func MM1Quantile(rho, p float64) float64 { return -math.Log1p(-p) / (1 - rho) }

// MD1Quantile is the p-quantile of the response time where service is fixed.
func MD1Quantile(rho, p float64) float64 {
	d := newMD1(rho)
	return 1 + invert(p, d.waitWithin)
}

// MD1WaitWithin is the probability that a request waits at most t before its
// service, which always takes 1, begins.
func MD1WaitWithin(rho, t float64) float64 { return newMD1(rho).waitWithin(t) }

// md1 is the M/D/1 queue. Erlang's and Crommelin's series for its waits alternates,
// and loses all its digits where the load is high or the wait long, so the waits
// are found by way of how many requests are in the system, in sums without
// negative terms: those by Ramaswami's recursion (Stochastic Models 4, 1988), the
// wait by Franx's formula (Operations Research Letters 29, 2001).
type md1 struct {
	rho    float64
	system []float64 // system[n] is the probability of n in the system
	atMost []float64 // and of at most n
	above  []float64 // above[n] is the probability of more than n arrivals in a service
}

func newMD1(rho float64) *md1 {
	return &md1{rho: rho, system: []float64{1 - rho}, atMost: []float64{1 - rho}, above: []float64{-math.Expm1(-rho)}}
}

// grow makes the tables reach n.
func (d *md1) grow(n int) {
	for k := len(d.above); k <= n; k++ {
		// The tail of the Poisson law, summed from its own first term on: a
		// difference of two numbers near 1 would have no digits.
		lg, _ := math.Lgamma(float64(k) + 2)
		term := math.Exp(float64(k+1)*math.Log(d.rho) - d.rho - lg)
		sum := 0.0
		for j := float64(k + 2); term > sum*1e-17; j++ {
			sum += term
			term *= d.rho / j
		}
		d.above = append(d.above, sum)
	}
	for k := len(d.system); k <= n; k++ {
		sum := d.system[0] * d.above[k-1]
		for i := 1; i < k; i++ {
			sum += d.system[i] * d.above[k-i]
		}
		d.system = append(d.system, sum/(1-d.above[0]))
		d.atMost = append(d.atMost, d.atMost[k-1]+d.system[k])
	}
}

// waitWithin: with t in [k-1, k), the request that waits at most t is one that
// finds, k-t services later, no more than were ahead of it.
func (d *md1) waitWithin(t float64) float64 {
	if t < 0 {
		return 0
	}
	k := int(math.Floor(t)) + 1
	d.grow(k)
	x := d.rho * (float64(k) - t)
	term, sum := math.Exp(-x), 0.0
	for j := range k {
		sum += d.atMost[k-j] * term // at most k-1-j wait where at most k-j are in the system
		term *= x / float64(j+1)
	}
	return min(sum, 1)
}

// ErlangB is the share of calls that k lines refuse at an offered load of a
// (Erlang 1917), by the recursion over k that has no factorials.
func ErlangB(k int, a float64) float64 {
	b := 1.0
	for i := 1; i <= k; i++ {
		b = a * b / (float64(i) + a*b)
	}
	return b
}

// ErlangC is the probability that a request has to wait before k servers at a load
// of rho each, where service is exponential (Erlang 1917).
func ErlangC(k int, rho float64) float64 {
	b := ErlangB(k, float64(k)*rho)
	return b / (1 - rho*(1-b))
}

// MMkMeanWait is the mean wait in one queue before k servers with exponential
// service.
func MMkMeanWait(k int, rho float64) float64 {
	return ErlangC(k, rho) / (float64(k) * (1 - rho))
}

// MMkWithin is the probability that a response takes at most t: the wait is 0 or,
// with the probability of having to, exponential, and service comes on top.
func MMkWithin(k int, rho, t float64) float64 {
	if t <= 0 {
		return 0
	}
	c, drain := ErlangC(k, rho), float64(k)*(1-rho)
	if math.Abs(drain-1) < 1e-9 { // wait and service have the same rate: their sum is gamma
		return 1 - math.Exp(-t)*(1+c*t)
	}
	return 1 - math.Exp(-t)*(1-c) - c*(drain*math.Exp(-t)-math.Exp(-drain*t))/(drain-1)
}

// MMkQuantile is the p-quantile of the response time.
func MMkQuantile(k int, rho, p float64) float64 {
	return invert(p, func(t float64) float64 { return MMkWithin(k, rho, t) })
}

// invert is the least t at which a distribution function reaches p, by bisection.
func invert(p float64, within func(float64) float64) float64 {
	if within(0) >= p {
		return 0
	}
	lo, hi := 0.0, 1.0
	for within(hi) < p {
		lo, hi = hi, 2*hi
	}
	for range 60 {
		if mid := (lo + hi) / 2; within(mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}
