package coverage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/ceteris/ceteris/harness/stats"
)

// MaxExperiments bounds one run.
const MaxExperiments = 1_000_000

// Slower is how many times as long the service of arm A takes: the injected effect.
const Slower = 1.1

// Row is the outcome for one queue, host, number of blocks and percentile.
type Row struct {
	Queue      Queue
	Host       Host
	Requests   int // per cell
	Blocks     int
	Percentile float64
	True       float64 // the ratio A/B
	Tally
}

// Outcome is everything that one queue gave.
type Outcome struct {
	Queue    Queue
	Requests int
	Rows     []Row
	Family   Family
}

// Run simulates experiments on one queue with that many requests per cell, each
// judged on all of hosts. The outcome depends on the seed and not on the number of
// processors. It fails on numbers out of range and when ctx ends.
func Run(ctx context.Context, q Queue, requests, experiments int, seed uint64, hosts []Host) (Outcome, error) {
	out := Outcome{Queue: q, Requests: requests}
	if need := stats.MinSamples(99); experiments < 1 || experiments > MaxExperiments || int64(requests) < need || requests > 1<<24 {
		return out, fmt.Errorf("coverage: %d experiments of %d requests, want 1 to %d of %d to %d",
			experiments, requests, MaxExperiments, need, 1<<24)
	}
	if q.Rho <= 0 || q.Rho*Slower >= 0.95 {
		return out, fmt.Errorf("coverage: load %v is out of range", q.Rho)
	}
	truth := make([]float64, len(stats.ShiftPercentiles))
	for i, p := range stats.ShiftPercentiles {
		truth[i] = q.Quantile(Slower, p/100) / q.Quantile(1, p/100)
	}
	for _, h := range hosts {
		for _, blocks := range []int{stats.MinBlocks, Blocks} {
			for _, p := range []int{p50, p99} {
				out.Rows = append(out.Rows, Row{
					Queue: q, Host: h, Requests: requests, Blocks: blocks,
					Percentile: stats.ShiftPercentiles[p], True: truth[p],
				})
			}
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	workers := min(runtime.GOMAXPROCS(0), experiments)
	for w := range workers {
		wg.Go(func() {
			s := newSimulator(q, requests, Slower)
			for i := w; i < experiments && ctx.Err() == nil; i += workers {
				got, err := s.once(rand.New(rand.NewPCG(seed, uint64(i))), hosts, truth)
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					out.add(got)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return out, failed
}

// once simulates and judges one experiment.
func (s *simulator) once(random *rand.Rand, hosts []Host, truth []float64) (Outcome, error) {
	var out Outcome
	clean, textbook, within := s.experiment(random)
	for _, h := range hosts {
		noisy := clean
		for b := range noisy {
			h.disturb(&noisy[b], b, Blocks, random)
		}
		for _, blocks := range []int{stats.MinBlocks, Blocks} {
			for _, p := range []int{p50, p99} {
				t, err := judge(noisy[:blocks], p, truth[p])
				if err != nil {
					return out, err
				}
				out.Rows = append(out.Rows, Row{Tally: t})
			}
		}
	}
	var err error
	out.Family, err = judgeAll(clean[:], truth)
	out.Family.Textbook, out.Family.Within = one(textbook), one(within)
	return out, err
}

func (o *Outcome) add(more Outcome) {
	for i := range o.Rows {
		o.Rows[i].add(more.Rows[i].Tally)
	}
	o.Family.add(more.Family)
}

// Smallest doubles the requests per cell from 500 until an effect on the p99 is
// reported in 95 % of the experiments with Blocks blocks, and returns them, the
// share, and whether it got there before most.
func Smallest(ctx context.Context, q Queue, most, experiments int, seed uint64) (requests int, share float64, reached bool, err error) {
	for requests = 500; ; requests *= 2 {
		o, err := Run(ctx, q, requests, experiments, seed, Hosts[:1])
		if err != nil {
			return requests, 0, false, err
		}
		last := o.Rows[len(o.Rows)-1]
		share = float64(last.Found) / float64(last.Experiments)
		if share >= 0.95 || requests*2 > most {
			return requests, share, share >= 0.95, nil
		}
	}
}
