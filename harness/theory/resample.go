package theory

import "math/rand/v2"

// Resamples is how often blocks are drawn: the ends of a 95 % interval over six blocks
// (stats.DrawnTail) are then the fifth from either side.
const Resamples = 2000

// ResampleUSL fits the law to blocks drawn with replacement, as many as there are,
// again and again (Efron, Annals of Statistics 7, 1979): how the fits scatter is how
// well the blocks determine it. Block i has the points n[i] and perSec[i]. Draws that
// cannot be fitted are left out.
func ResampleUSL(n, perSec [][]float64, d Distance, seed uint64) []USL {
	random := rand.New(rand.NewPCG(seed, 0))
	var out []USL
	for range Resamples {
		var ns, xs []float64
		for range n {
			i := random.IntN(len(n))
			ns, xs = append(ns, n[i]...), append(xs, perSec[i]...)
		}
		if u, err := FitUSL(ns, xs, d); err == nil {
			out = append(out, u)
		}
	}
	return out
}
