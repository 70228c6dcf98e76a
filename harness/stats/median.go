package stats

import "math"

// MedianRank is the rank, from 0, such that the values of this rank from either
// end hold the median of their law with the smallest attainable confidence that
// reaches Wanted, whatever the law; -1 where n values cannot.
func MedianRank(n int) (rank int, level float64) {
	rank, tail, term := -1, 0.0, math.Exp2(-float64(n)) // P(no value below the median)
	for k := range n / 2 {
		tail += term
		if 1-2*tail < Wanted {
			break
		}
		rank, level = k, 1-2*tail
		term *= float64(n-k) / float64(k+1)
	}
	return rank, level
}
