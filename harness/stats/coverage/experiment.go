package coverage

import (
	"math"
	"math/rand/v2"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/stats"
)

// Blocks is how many blocks every simulated experiment has; its first
// stats.MinBlocks are also judged on their own.
const Blocks = 12

// The cells of a block: A is the slower arm and B the faster; the rest repeat them.
const (
	armA = iota
	armB
	againA
	againB // the other arm of the A/A experiment
	thirdB // its replicate
	cellsPerBlock
)

// Percentiles of each cell that are read, those of the shift function. The
// indices of p50 and p99 are those of the endpoints.
const (
	p50 = 4
	p90 = 8
	p99 = 9
)

// cells holds the percentiles of every cell of a block.
type cells [cellsPerBlock][10]float64

// simulator makes the cells of one queue; it is not for concurrent use.
type simulator struct {
	queue    Queue
	requests int
	slow     float64
	h        *hdr.Histogram
	gaps     []float64
}

func newSimulator(q Queue, requests int, slow float64) *simulator {
	return &simulator{
		queue: q, requests: requests, slow: slow,
		h: hdr.New(1, 60e9, 3), gaps: make([]float64, requests+requests/10),
	}
}

// experiment simulates all blocks; covered says whether the textbook interval of
// the p99 of one cell holds the truth.
func (s *simulator) experiment(random *rand.Rand) (out [Blocks]cells, covered bool) {
	for b := range out {
		for i := range s.gaps {
			s.gaps[i] = random.ExpFloat64() / s.queue.Rho
		}
		for i := range out[b] {
			if i == againA && b%2 == 0 {
				continue // the replicate repeats the other arm
			}
			slow := 1.0
			if i == armA || i == againA {
				slow = s.slow
			}
			s.queue.serve(s.h, s.gaps, slow, random)
			for p, percentile := range stats.ShiftPercentiles {
				out[b][i][p] = float64(s.h.ValueAtPercentile(percentile))
			}
			if b == 0 && i == armB {
				covered = s.textbook(0.99)
			}
		}
	}
	return out, covered
}

// textbook reports whether the order-statistic interval for the p-quantile, which
// takes requests for independent, holds the true one.
func (s *simulator) textbook(p float64) bool {
	n := float64(s.h.TotalCount())
	half := 1.96 * math.Sqrt(p*(1-p)/n)
	want := s.queue.Quantile(1, p) * serviceNs
	return float64(s.h.ValueAtPercentile(100*(p-half))) <= want && want <= float64(s.h.ValueAtPercentile(100*(p+half)))
}

// pairs takes percentile p of cells x and y of each block, y shifted by some
// blocks: 0 pairs what ran together.
func pairs(c []cells, p, x, y, shifted int) []stats.Pair {
	var out []stats.Pair
	for b := range c {
		out = append(out, stats.Pair{Block: b, A: c[b][x][p], B: c[(b+shifted)%len(c)][y][p]})
	}
	return out
}

// nulls are the pairs of the replicate, which repeats the arms x and y in turn.
func nulls(c []cells, p, x, againX, y, againY int) []stats.Pair {
	out := pairs(c, p, againY, y, 0)
	for b, pair := range pairs(c, p, againX, x, 0) {
		if b%2 == 1 {
			out[b] = pair
		}
	}
	return out
}
