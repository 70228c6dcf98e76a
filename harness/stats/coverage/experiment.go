package coverage

import (
	"fmt"
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
	parts    [parts]*hdr.Histogram // of one cell, by time
}

// parts is how many intervals the cell has whose percentile is bootstrapped.
const parts = 40

func newSimulator(q Queue, requests int, slow float64) *simulator {
	s := &simulator{
		queue: q, requests: requests, slow: slow,
		h: hdr.New(1, 60e9, 3), gaps: make([]float64, requests+requests/10),
	}
	for i := range s.parts {
		s.parts[i] = hdr.New(1, 60e9, 3)
	}
	return s
}

// experiment simulates all blocks; textbook and within say whether these intervals
// of the p99 of one cell hold the truth.
func (s *simulator) experiment(random *rand.Rand) (out [Blocks]cells, textbook, within bool) {
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
			single := b == 0 && i == armB
			s.h.Reset()
			for k := 0; single && k < parts; k++ {
				s.parts[k].Reset()
			}
			begin := len(s.gaps) / 11
			s.queue.serve(s.gaps, slow, random, func(at int, ns int64) {
				if at < begin {
					return // the warm-up from an empty queue
				}
				record(s.h, ns)
				if single {
					record(s.parts[(at-begin)*parts/(len(s.gaps)-begin)], ns)
				}
			})
			for p, percentile := range stats.ShiftPercentiles {
				out[b][i][p] = float64(s.h.ValueAtPercentile(percentile))
			}
			if single {
				textbook, within = s.textbook(0.99), s.within(99, random.Uint64())
			}
		}
	}
	return out, textbook, within
}

func record(h *hdr.Histogram, ns int64) {
	if err := h.RecordValue(ns); err != nil {
		panic(fmt.Sprintf("coverage: response of %d ns: %v", ns, err))
	}
}

// within reports whether the bootstrap over the parts of the cell holds the truth.
func (s *simulator) within(percentile float64, seed uint64) bool {
	var intervals [][]stats.Bucket
	for _, h := range s.parts {
		var buckets []stats.Bucket
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				buckets = append(buckets, stats.Bucket{Value: float64(bar.To), Count: bar.Count})
			}
		}
		intervals = append(intervals, buckets)
	}
	low, high := stats.WithinRun(intervals, percentile, seed)
	lo, _ := low.Get()
	hi, ok := high.Get()
	want := s.queue.Quantile(1, percentile/100) * serviceNs
	return ok && lo <= want && want <= hi
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
