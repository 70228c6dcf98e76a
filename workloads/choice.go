package workloads

import (
	"fmt"
	"math"
	"slices"
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
	hot        int // how many of place are hot
	hotLoad    float64
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
	case Hotspot:
		if !(law.Hot > 0 && law.Hot <= 1 && law.HotLoad > 0 && law.HotLoad <= 1) {
			return nil, fmt.Errorf("a hotspot of %g with a load of %g: both are shares in (0, 1]", law.Hot, law.HotLoad)
		}
		c.place = permutation(Dimension(seed, "rank"), n)
		c.hot, c.hotLoad = max(1, int(math.Round(law.Hot*float64(n)))), law.HotLoad
		return c, nil
	default:
		return nil, fmt.Errorf("%q is none of %s, %s, %s, %s, %s", law.Kind, None, RoundRobin, Uniform, Zipf, Hotspot)
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
	case Hotspot:
		x := draw(c.seed, i)
		if c.hot == c.n || unit(x) < c.hotLoad {
			return c.place[below(mix(x), c.hot)]
		}
		return c.place[c.hot+below(mix(x), c.n-c.hot)]
	}
	return below(draw(c.seed, i), c.n)
}

// Weight is the probability of v.
func (c *Choice) Weight(v int) float64 {
	if c.kind == Hotspot && c.hot < c.n {
		switch r := slices.Index(c.place, v); {
		case r < 0:
			return 0
		case r < c.hot:
			return c.hotLoad / float64(c.hot)
		}
		return (1 - c.hotLoad) / float64(c.n-c.hot)
	}
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
