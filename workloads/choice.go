package workloads

import (
	"fmt"
	"math"
	"sort"
)

// Choice draws one of n by a law: a pure function of (seed, index).
type Choice struct {
	seed uint64
	n    int
	kind string
	// cumulative[r] is the probability of rank <= r, and place[r] what has that
	// rank: the hottest of n is not always number 0.
	cumulative []float64
	place      []int
}

// NewChoice returns the law over [0, n).
func NewChoice(seed uint64, law Law, n int) (*Choice, error) {
	if n < 1 {
		return nil, fmt.Errorf("cannot choose one of %d", n)
	}
	c := &Choice{seed: seed, n: n, kind: law.Kind}
	switch law.Kind {
	case None, RoundRobin, Uniform:
		return c, nil
	case Zipf:
		if !(law.Zipf > 0 && law.Zipf <= 10) {
			return nil, fmt.Errorf("a Zipf exponent of %g is not in (0, 10]", law.Zipf)
		}
	default:
		return nil, fmt.Errorf("%q is none of %s, %s, %s, %s", law.Kind, None, RoundRobin, Uniform, Zipf)
	}
	c.cumulative = make([]float64, n)
	total := 0.0
	for r := range n {
		total += math.Pow(float64(r+1), -law.Zipf)
		c.cumulative[r] = total
	}
	for r := range n {
		c.cumulative[r] /= total
	}
	c.cumulative[n-1] = 1
	c.place = permutation(Dimension(seed, "rank"), n)
	return c, nil
}

// Of is the choice of event i.
func (c *Choice) Of(i int64) int {
	switch c.kind {
	case RoundRobin:
		return int(i % int64(c.n))
	case Zipf:
		u := unit(draw(c.seed, i))
		return c.place[sort.SearchFloat64s(c.cumulative, math.Nextafter(u, 2))]
	}
	return below(draw(c.seed, i), c.n)
}

// Weight is the probability of v.
func (c *Choice) Weight(v int) float64 {
	if c.kind != Zipf {
		return 1 / float64(c.n)
	}
	for r, p := range c.place {
		if p != v {
			continue
		}
		if r == 0 {
			return c.cumulative[0]
		}
		return c.cumulative[r] - c.cumulative[r-1]
	}
	return 0
}

// permutation is a Fisher-Yates shuffle of 0..n-1 that a seed names.
func permutation(seed uint64, n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := below(draw(seed, int64(i)), i+1)
		p[i], p[j] = p[j], p[i]
	}
	return p
}
