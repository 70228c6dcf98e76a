package stats

import (
	"fmt"
	"math"
)

// Fisher is the two-sided p-value of Fisher's exact test (Statistical Methods for
// Research Workers, 5th edition, 1934, section 21.02): how likely, were it all the
// same to which of two groups a case belongs, what happened to a of the n cases of one
// and to b of the m of the other would divide no more likely than it did. It panics
// when more happened than there were cases.
func Fisher(a, n, b, m int) float64 {
	if a < 0 || b < 0 || a > n || b > m {
		panic(fmt.Sprintf("stats: %d of %d and %d of %d", a, n, b, m))
	}
	hit := a + b
	logP := func(x int) float64 { return logChoose(n, x) + logChoose(m, hit-x) - logChoose(n+m, hit) }
	// What is as likely but for rounding counts, as in SciPy and R.
	limit := logP(a) + 1e-7
	p := 0.0
	for x := max(0, hit-m); x <= min(n, hit); x++ {
		if l := logP(x); l <= limit {
			p += math.Exp(l)
		}
	}
	return min(1, p)
}

// logChoose is the logarithm of n over k.
func logChoose(n, k int) float64 {
	logFactorial := func(n int) float64 {
		l, _ := math.Lgamma(float64(n) + 1)
		return l
	}
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}
