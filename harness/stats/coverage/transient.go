package coverage

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/ceteris/ceteris/harness/stats"
)

// Start is the state of the queue as measurement begins.
type Start struct {
	Name string
	// Share of the window's requests that wait as it begins; Steady is a queue that
	// was warmed up instead, and 0 an empty one.
	Share  float64
	Steady bool
}

// Starts are those that are simulated.
var Starts = []Start{
	{Name: "steady", Steady: true},
	{Name: "empty"},
	{Name: "backlog 1%", Share: 0.01},
	{Name: "backlog 5%", Share: 0.05},
	{Name: "backlog 25%", Share: 0.25},
}

// TransientQueues and TransientRequests, of a window, are what the self-test does.
var TransientQueues = []Queue{{Rho: 0.5}, {Rho: 0.7}}

const TransientRequests = 20_000

// Kept is what one way of treating the window's beginning gives, in sums over
// experiments.
type Kept struct {
	// Bias and Square are of the log of arm B's percentile over the true one, cell
	// by cell.
	Bias, Square float64
	Covered      int // intervals of A/B that hold the true ratio
	Experiments  int // with an interval
}

func (k *Kept) add(more Kept) {
	k.Bias, k.Square = k.Bias+more.Bias, k.Square+more.Square
	k.Covered, k.Experiments = k.Covered+more.Covered, k.Experiments+more.Experiments
}

// Transient is the outcome for one queue and start, of p50 and p99: the whole
// windows, and what the common cut of each block leaves of them.
type Transient struct {
	Queue       Queue
	Start       Start
	Requests    int
	Experiments int
	Cells       int
	Moved       int     // cells that no cut makes steady
	Drifting    int     // of them: a trend in what the cell's own cut leaves
	Cut         float64 // shares of the window that blocks dropped, summed
	Blocks      int
	Whole, Rest [2]Kept
}

// warmup is how many relaxation times a steady start is warmed up for.
const warmup = 50

// transientParts is how many intervals a window has, as most cells do.
const transientParts = 20

// RunTransient simulates experiments of Blocks blocks whose cells all begin alike.
// A block is arm A, arm B and B again, under one trace of arrivals.
func RunTransient(ctx context.Context, q Queue, start Start, requests, experiments int, seed uint64) (Transient, error) {
	out := Transient{Queue: q, Start: start, Requests: requests, Experiments: experiments}
	if need := int(stats.MinSamples(99)) * transientParts; experiments < 1 || experiments > MaxExperiments || requests < need || requests > 1<<24 {
		return out, fmt.Errorf("coverage: %d experiments of %d requests, want 1 to %d of %d to %d",
			experiments, requests, MaxExperiments, need, 1<<24)
	}
	if q.Rho <= 0 || q.Rho*Slower >= 0.95 {
		return out, fmt.Errorf("coverage: load %v is out of range", q.Rho)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	// Sums of floating point depend on their order, which is that of experiments.
	each := make([]Transient, experiments)
	workers := min(runtime.GOMAXPROCS(0), experiments)
	for w := range workers {
		wg.Go(func() {
			s := newTransient(q, start, requests)
			for i := w; i < experiments && ctx.Err() == nil; i += workers {
				got, err := s.once(rand.New(rand.NewPCG(seed, uint64(i))))
				if each[i] = got; err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i := range each {
		out.add(&each[i])
	}
	if failed == nil {
		failed = ctx.Err()
	}
	return out, failed
}

func (t *Transient) add(more *Transient) {
	t.Cells, t.Moved, t.Drifting = t.Cells+more.Cells, t.Moved+more.Moved, t.Drifting+more.Drifting
	t.Cut, t.Blocks = t.Cut+more.Cut, t.Blocks+more.Blocks
	for k := range t.Whole {
		t.Whole[k].add(more.Whole[k])
		t.Rest[k].add(more.Rest[k])
	}
}

// transient makes the blocks of one queue and start; not for concurrent use.
type transient struct {
	queue    Queue
	start    Start
	requests int
	lead     int // requests before the window
	gaps     []float64
	cells    [3][]float64 // response times of the window, ns, in order of arrival
	sorted   []float64
}

func newTransient(q Queue, start Start, requests int) *transient {
	s := &transient{queue: q, start: start, requests: requests, sorted: make([]float64, 0, requests)}
	if start.Steady {
		root := 1 - math.Sqrt(q.Rho*Slower)
		s.lead = int(warmup * q.Rho / (root * root))
	}
	s.gaps = make([]float64, s.lead+requests)
	for c := range s.cells {
		s.cells[c] = make([]float64, requests)
	}
	return s
}

// transientOf are the percentiles that are read.
var transientOf = [2]float64{50, 99}

// once simulates and judges one experiment.
func (s *transient) once(random *rand.Rand) (Transient, error) {
	var out Transient
	var whole, rest [2][]stats.Pair
	for b := range Blocks {
		for i := range s.gaps {
			s.gaps[i] = random.ExpFloat64() / s.queue.Rho
		}
		var judged []stats.Steady
		for c := range s.cells {
			s.cell(c, random)
			bad := false
			for _, j := range s.judge(c) {
				judged = append(judged, j)
				bad = bad || j.Moved()
				if j.Verdict == stats.Drifting {
					out.Drifting++
				}
			}
			out.Cells++
			if bad {
				out.Moved++
			}
		}
		cut := stats.CommonCut(judged)
		out.Blocks++
		out.Cut += float64(cut) / transientParts
		for _, x := range []struct {
			from int
			to   *[len(transientOf)][]stats.Pair
		}{{0, &whole}, {cut, &rest}} {
			var at [2][len(transientOf)]float64
			for c := range at {
				s.sort(c, x.from, transientParts)
				for k, p := range transientOf {
					at[c][k] = s.at(p)
				}
			}
			for k := range x.to {
				x.to[k] = append(x.to[k], stats.Pair{Block: b, A: at[0][k], B: at[1][k]})
			}
		}
	}
	for k, p := range transientOf {
		for _, x := range []struct {
			to *Kept
			of []stats.Pair
		}{{&out.Whole[k], whole[k]}, {&out.Rest[k], rest[k]}} {
			if err := x.to.judge(x.of, s.queue, p/100); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// cell simulates one cell.
func (s *transient) cell(c int, random *rand.Rand) {
	slow := 1.0
	if c == 0 {
		slow = Slower
	}
	s.queue.serveFrom(s.start.Share*float64(s.requests)*slow, s.gaps, slow, random, func(i int, ns int64) {
		if i >= s.lead {
			s.cells[c][i-s.lead] = float64(ns)
		}
	})
}

// judge judges both percentiles of a cell's intervals.
func (s *transient) judge(c int) []stats.Steady {
	var values [len(transientOf)][]float64
	for i := range transientParts {
		s.sort(c, i, i+1)
		for k, p := range transientOf {
			values[k] = append(values[k], s.at(p))
		}
	}
	var out []stats.Steady
	for k := range values {
		out = append(out, stats.JudgeSteady(values[k]))
	}
	return out
}

// sort prepares the intervals of a cell from one to before another for at.
func (s *transient) sort(c, from, to int) {
	s.sorted = append(s.sorted[:0], s.cells[c][from*s.requests/transientParts:to*s.requests/transientParts]...)
	slices.Sort(s.sorted)
}

func (s *transient) at(percentile float64) float64 {
	return s.sorted[int(math.Ceil(percentile/100*float64(len(s.sorted))))-1]
}

// judge enters one experiment's blocks.
func (k *Kept) judge(pairs []stats.Pair, q Queue, p float64) error {
	for _, x := range pairs {
		e := math.Log(x.B / (q.Quantile(1, p) * serviceNs))
		k.Bias, k.Square = k.Bias+e, k.Square+e*e
	}
	shift, err := stats.HodgesLehmann(stats.LogRatios(pairs))
	truth := math.Log(q.Quantile(Slower, p) / q.Quantile(1, p))
	if k.Experiments++; shift.Lo <= truth && truth <= shift.Hi {
		k.Covered++
	}
	return err
}

// What is promised of the rest of a window whose beginning was dropped: its bias, as
// a share. MSER drops what is dearer than the rest by chance, too, so that a high
// percentile of what it leaves is a little low.
var restBias = [len(transientOf)]float64{0.01, 0.03}

// Problems names what contradicts the promises: what is left of windows is without
// bias and its intervals hold the true ratio as often as those of steady windows,
// or else the cells are told.
func (t *Transient) Problems() []string {
	if float64(t.Moved) > 0.95*float64(t.Cells) {
		return nil
	}
	var out []string
	say := func(k int, format string, args ...any) {
		out = append(out, fmt.Sprintf("%v, start %s, p%v: ", t.Queue, t.Start.Name, transientOf[k])+fmt.Sprintf(format, args...))
	}
	level := 0.958 // of twelve blocks
	for k := range t.Rest {
		x := &t.Rest[k]
		n := x.Experiments
		slip := deviations * x.RootMeanSquare() / math.Sqrt(float64(n*Blocks))
		if b := math.Abs(x.MeanBias()); b > restBias[k]+slip {
			say(k, "bias of what is left %.1f %%, promised at most %s", 100*b, percent(restBias[k]))
		}
		if c := float64(x.Covered) / float64(n); c < level-below-slack(level-below, n) {
			say(k, "covered %s, promised at least %s", share(x.Covered, n), percent(level-below))
		}
	}
	return out
}

// MeanBias is the mean error of arm B's log percentile.
func (k *Kept) MeanBias() float64 { return k.Bias / float64(k.Experiments*Blocks) }

// RootMeanSquare is that of the same errors.
func (k *Kept) RootMeanSquare() float64 { return math.Sqrt(k.Square / float64(k.Experiments*Blocks)) }

// PrintTransients writes a table of them, shares in per cent.
func PrintTransients(w io.Writer, all []Transient) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "queue\trequests\tstart\tcut\tmoved\tof\tbias\tbias cut\terror\terror cut\tcovered\tcovered cut")
	for i := range all {
		x := &all[i]
		for k, p := range transientOf {
			fmt.Fprintf(t, "%v\t%d\t%s\t%s\t%s\tp%v", x.Queue, x.Requests, x.Start.Name, percent(x.Cut/float64(x.Blocks)), share(x.Moved, x.Cells), p)
			a, b := &x.Whole[k], &x.Rest[k]
			fmt.Fprintf(t, "\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t%s\n", 100*a.MeanBias(), 100*b.MeanBias(), 100*a.RootMeanSquare(), 100*b.RootMeanSquare(),
				share(a.Covered, a.Experiments), share(b.Covered, b.Experiments))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, TransientLegend)
	return err
}

// TransientLegend explains the columns of [PrintTransients].
const TransientLegend = `start     the queue as measurement begins: warmed up, empty, or with this share of the window's requests waiting
cut       of the window, dropped from all cells of a block by the largest of their cuts (MSER of p50 and of p99)
moved     cells that are told as not steady
bias      of a cell's percentile, mean of log(estimate/truth); error: its root mean square
covered   intervals over twelve blocks that hold the true ratio; "cut": of what is left of the windows
`
