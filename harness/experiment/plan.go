package experiment

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"time"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// cell is a planned cell together with what it takes to run it.
type cell struct {
	result.PlannedCell
	spec    workloads.CellSpec
	traffic int // the block whose requests it gets: its own, or the one it repeats
}

// plan lists every cell of an experiment in the order in which they run: a pure
// function of the experiment, so that a resumed run finds the same order.
func plan(e *workloads.Experiment) []cell {
	var out []cell
	for block := range e.AllBlocks() {
		specs := e.CellsOf(block)
		shuffle(specs, workloads.Dimension(e.Seed, fmt.Sprintf("order/%d", block)))
		counterbalance(specs, e, block)
		// A search goes on from its last answer; within a round the order is random.
		slices.SortStableFunc(specs, func(a, b workloads.CellSpec) int { return a.Probe - b.Probe })
		for position, spec := range specs {
			out = append(out, cell{
				PlannedCell: result.PlannedCell{
					ID: spec.ID, Block: block, Position: position,
					Workload: spec.Workload.Name, Durability: string(spec.Durability),
					Arm: armName(e, spec), Model: spec.Arm.Model, Replicate: spec.Replicate,
					LoadPerSec: spec.LoadPerSec, Probe: spec.Probe, Fraction: spec.Fraction,
				},
				spec: spec, traffic: block,
			})
		}
	}
	return out
}

// Plan lists the planned cells in order.
func Plan(e *workloads.Experiment) []result.PlannedCell {
	var out []result.PlannedCell
	for _, c := range plan(e) {
		out = append(out, c.PlannedCell)
	}
	return out
}

// Within lists the cells that a budget (0: none) allows, as [Run] would run them, and
// how long that takes: of a new run or, with its directory in resume, of the rest of
// one.
func Within(e *workloads.Experiment, budget time.Duration, resume string, certified bool) (cells []result.PlannedCell, takes time.Duration, err error) {
	var todo []cell
	if resume == "" {
		takes = ahead(e, certified)
		if err := fit(e, budget, takes); err != nil {
			return nil, 0, err
		}
		todo = plan(e)
	} else {
		run, err := result.Open(resume)
		if err == nil {
			err = unchanged(run, e)
		}
		if err != nil {
			return nil, 0, err
		}
		events, err := result.ReadJournal(resume)
		if err != nil {
			return nil, 0, err
		}
		_, todo = left(e, run, events)
		if todo, _, err = affordable(e, todo, budget); err != nil {
			return nil, 0, err
		}
	}
	blocks := map[int]bool{}
	for _, c := range todo {
		cells, blocks[c.Block] = append(cells, c.PlannedCell), true
	}
	return cells, takes + Estimate(e, len(cells), len(blocks)), nil
}

// armName is the name of the arm that a cell runs; a replicate's is that of the
// arm it repeats.
func armName(e *workloads.Experiment, spec workloads.CellSpec) string {
	if !spec.Replicate {
		return spec.Arm.Name
	}
	for _, a := range e.Models {
		if a.Model == spec.Arm.Model && reflect.DeepEqual(a.Set, spec.Arm.Set) {
			return a.Name
		}
	}
	panic("experiment: the replicate repeats no arm: " + spec.Arm.Model)
}

// shuffle is Fisher and Yates's, on a generator whose sequence is specified:
// the order of a recorded seed stays the same with every release of Go.
func shuffle(cells []workloads.CellSpec, seed uint64) {
	random := rand.NewPCG(seed, 0)
	for i := len(cells) - 1; i > 0; i-- {
		j := int(random.Uint64() % uint64(i+1)) // the bias is below 2^-50
		cells[i], cells[j] = cells[j], cells[i]
	}
}

// loadSeed is the seed of a cell's traffic. Every arm of a block gets the same,
// and every block another.
func loadSeed(e *workloads.Experiment, c *cell) uint64 { return TrafficSeed(e, c.traffic, c.Workload) }

// TrafficSeed is the seed of a workload's traffic in a block, of one that is
// repeated in that which it repeats.
func TrafficSeed(e *workloads.Experiment, block int, workload string) uint64 {
	return workloads.Dimension(e.Seed, fmt.Sprintf("traffic/%d/%s", block, workload))
}

// cellOverhead is what a cell takes beside its warm-up and its window: starting,
// draining, stopping, settling. Measured on two cores: 0.4 s when little is
// written, 1.2 s at 80 MiB.
const cellOverhead = time.Second

// Estimate is how long n cells of so many blocks will take, and what is measured of
// the machine before each block.
func Estimate(e *workloads.Experiment, n, blocks int) time.Duration {
	return time.Duration(n)*(e.Warmup+e.Measure+cellOverhead) + time.Duration(blocks)*probing(e)
}

// ahead is how long a run takes before its first cell.
func ahead(e *workloads.Experiment, certified bool) time.Duration {
	if !certified {
		return 0
	}
	return 30*time.Second + time.Duration(len(e.Workloads))*3*time.Second
}

// fit lowers the number of blocks to what a budget allows, of which something is
// spent before the first.
func fit(e *workloads.Experiment, budget, ahead time.Duration) error {
	rest := budget - ahead
	if budget <= 0 || Estimate(e, len(plan(e)), e.AllBlocks()) <= rest {
		return nil
	}
	perBlock := Estimate(e, len(e.CellsOf(0)), 1)
	if e.Stop == nil { // where a capacity is searched for, a block comes with another of its shares
		perBlock += Estimate(e, len(e.CellsOf(e.Blocks)), e.AllBlocks()/e.Blocks-1)
	}
	if rest < perBlock {
		return fmt.Errorf("--budget %v is less than one block takes, about %v", budget, (ahead + perBlock).Round(time.Second))
	}
	blocks := int(rest / perBlock)
	e.Blocks = min(e.Blocks, blocks)
	if e.Stop != nil {
		e.Stop.MaxBlocks = blocks
	}
	return nil
}

// affordable is those of a run's remaining cells that fit into a budget: whole blocks,
// or what is left of them; cut tells that there are others.
func affordable(e *workloads.Experiment, todo []cell, budget time.Duration) (some []cell, cut bool, err error) {
	if budget <= 0 {
		return todo, false, nil
	}
	n, blocks := 0, 0
	for i := range todo {
		if i+1 < len(todo) && todo[i+1].Block == todo[i].Block {
			continue
		}
		blocks++
		if takes := Estimate(e, i+1, blocks); takes > budget {
			if n == 0 {
				return nil, false, fmt.Errorf("--budget %v is less than the rest of a block takes, about %v", budget, takes.Round(time.Second))
			}
			return todo[:n], true, nil
		}
		n = i + 1
	}
	return todo, false, nil
}

// What a closed loop may reach in a cell is not known ahead. These are above
// what a broker of two CPUs has done, and in small batches it is the requests
// that are too many, not the bytes.
const (
	closedBytesPerSec    = 1.2e9
	closedRequestsPerSec = 250_000
)

// prewarmBytes is what a cell will write, half as much again for framing and
// long records, the same for every arm, and at most a quarter of the machine's
// memory. Too little is an unfair test: a guest's pages that the host has taken
// back cost 1.5 ms of CPU a MiB at their next touch and 0.45 ms when they are
// there, and it is the page cache that touches them, never direct I/O.
func prewarmBytes(e *workloads.Experiment, c *cell, memoryBytes int64) int64 {
	w := c.spec.Workload
	perRequest := float64(max(w.FanOut, 1)*max(w.RecordsPerBatch, 1)) * w.Size.MeanBytes()
	perSecond := 1.5 * c.LoadPerSec * perRequest * w.MeanFactor(e.Warmup+e.Measure)
	if c.LoadPerSec == 0 {
		perSecond = min(closedBytesPerSec, closedRequestsPerSec*perRequest)
	}
	return int64(min(perSecond*(e.Warmup+e.Measure).Seconds(), float64(memoryBytes/4)))
}
