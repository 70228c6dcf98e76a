package stats

import (
	"fmt"
	"sort"
)

// Holm adjusts the p-values of a family of endpoints so that the probability of
// any false claim among those with an adjusted value of at most alpha is at most
// alpha, however the endpoints depend on one another (Holm, Scandinavian Journal
// of Statistics 6, 1979). The result is in the order of p; it fails when one is
// not a probability.
func Holm(p []float64) ([]float64, error) {
	order := make([]int, len(p))
	for i, x := range p {
		if !(x >= 0 && x <= 1) {
			return nil, fmt.Errorf("stats: p-value %d of %d: got %v, want 0 to 1", i+1, len(p), x)
		}
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return p[order[i]] < p[order[j]] })
	adjusted := make([]float64, len(p))
	most := 0.0
	for step, i := range order {
		// A claim cannot be easier than one with a smaller p-value.
		most = max(most, min(1, p[i]*float64(len(p)-step)))
		adjusted[i] = most
	}
	return adjusted, nil
}
