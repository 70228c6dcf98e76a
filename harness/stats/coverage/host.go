package coverage

import (
	"math"
	"math/rand/v2"
)

// Host is what the machine does to measured times, all as factors.
type Host struct {
	Name  string
	Block float64 // standard deviation of the log factor that a block's cells share
	Drift float64 // log factor from the first cell of an experiment to the last
	// Cell is the standard deviation of the log factor of each cell, of the arm A
	// and of the others; Uneven multiplies it by 1 to 5 depending on the block.
	A, B   float64
	Uneven bool
	// Stall is the probability that a cell of A takes half as long again: not
	// symmetric, so against what the interval assumes.
	Stall float64
}

// Hosts are the machines that are simulated; the last breaks the assumption.
var Hosts = []Host{
	{Name: "quiet"},
	{Name: "block sd 30%", Block: 0.3},
	{Name: "drift x2", Drift: math.Ln2},
	{Name: "block+drift", Block: 0.3, Drift: math.Ln2, A: 0.02, B: 0.02},
	{Name: "arms 10%/2%", A: 0.10, B: 0.02},
	{Name: "uneven blocks", A: 0.02, B: 0.02, Uneven: true, Block: 0.3},
	{Name: "stalls on A*", Stall: 0.2},
}

// Broken reports whether the host breaks what the interval assumes.
func (h Host) Broken() bool { return h.Stall > 0 }

// disturb multiplies the percentiles of every cell of one block of blocks by the
// host's factors. Cells run in random order.
func (h Host) disturb(c *cells, block, blocks int, random *rand.Rand) {
	shared := h.Block * random.NormFloat64()
	spread := 1.0
	if h.Uneven {
		spread = 1 + 4*random.Float64()
	}
	order := random.Perm(len(c))
	for i := range c {
		at := float64(block*len(c)+order[i]) / float64(blocks*len(c)-1)
		sd := h.B
		if i == armA || i == againA {
			sd = h.A
		}
		log := shared + h.Drift*at + sd*spread*random.NormFloat64()
		if (i == armA || i == againA) && random.Float64() < h.Stall {
			log += math.Log(1.5)
		}
		for p := range c[i] {
			c[i][p] *= math.Exp(log)
		}
	}
}
