package stats

// Isotonic is the non-decreasing sequence with the least sum of squared distances
// from values, each counted weight times: neighbours that contradict the order are
// pooled (Ayer, Brunk, Ewing, Reid and Silverman, Annals of Mathematical
// Statistics 26, 1955). Weights are positive and as many as the values.
func Isotonic(values, weights []float64) []float64 {
	type pool struct {
		sum, weight float64
		n           int
	}
	var pools []pool
	for i, v := range values {
		pools = append(pools, pool{v * weights[i], weights[i], 1})
		for k := len(pools) - 1; k > 0; k-- {
			a, b := pools[k-1], pools[k]
			if b.sum/b.weight >= a.sum/a.weight {
				break
			}
			pools[k-1] = pool{a.sum + b.sum, a.weight + b.weight, a.n + b.n}
			pools = pools[:k]
		}
	}
	var out []float64
	for _, p := range pools {
		for range p.n {
			out = append(out, p.sum/p.weight)
		}
	}
	return out
}
