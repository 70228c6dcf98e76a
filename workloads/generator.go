package workloads

import (
	"fmt"
	"math"
)

// Generator answers what request i of a workload is: whither, when, how large.
// It keeps the schedule's sums and so belongs to one thread; generators of equal
// arguments agree.
type Generator struct {
	W *Workload
	*Schedule
	partitions  *Choice
	connections *Choice
	sizes       uint64
	payload     uint64
	// fewer are the laws of both over fewer than all, made when first wanted.
	fewer map[fewer]*Choice
}

// fewer names a law over n.
type fewer struct {
	connections bool
	n           int
}

// NewGenerator returns the generator of a workload under an experiment's seed.
// A rate of 0 is a closed loop: the generator then has no Schedule.
func NewGenerator(w *Workload, seed uint64, perSec float64) (*Generator, error) {
	g := &Generator{W: w, sizes: Dimension(seed, "sizes"), payload: Dimension(seed, "payload"), fewer: map[fewer]*Choice{}}
	var err error
	if perSec != 0 {
		if g.Schedule, err = NewShaped(Dimension(seed, "arrivals"), perSec, w.Arrivals, w.Shape); err != nil {
			return nil, err
		}
	}
	if g.partitions, err = NewChoice(Dimension(seed, "partitions"), w.Keys, w.Topics*w.Partitions); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if g.connections, err = NewChoice(Dimension(seed, "connections"), w.Connection, w.Connections); err != nil {
		return nil, fmt.Errorf("connection: %w", err)
	}
	return g, nil
}

// Partition is where request i goes: topic*Partitions + partition.
func (g *Generator) Partition(i int64) int { return g.partitions.Of(i) }

// PartitionAmong is which of n partitions request i goes to, by the law of all, where
// its connection carries no others.
func (g *Generator) PartitionAmong(i int64, n int) int {
	return g.over(fewer{false, n}, g.partitions, g.W.Keys).Of(i)
}

// Connection is the connection that carries request i.
func (g *Generator) Connection(i int64) int { return g.ConnectionAmong(i, g.connections.n) }

// ConnectionAmong is which of n connections carries request i, by the law of all, where
// no others carry its partition. Two turns that went in step would bind connections to
// partitions and leave some without any request: among all, the connections' turn
// moves on by one when both begin anew together, and among fewer it is the turn of
// the partition's own requests.
func (g *Generator) ConnectionAmong(i int64, n int) int {
	if g.connections.kind != RoundRobin || g.partitions.kind != RoundRobin {
		return g.over(fewer{true, n}, g.connections, g.W.Connection).Of(i)
	}
	turn := i / int64(g.partitions.n)
	if n == g.connections.n {
		turn = i + i/int64(g.partitions.n/divisor(g.partitions.n, n)*n)
	}
	return int(turn % int64(n))
}

// over is a choice's law over as many as are asked for.
func (g *Generator) over(of fewer, all *Choice, law Law) *Choice {
	if of.n == all.n {
		return all
	}
	c := g.fewer[of]
	if c == nil {
		var err error
		if c, err = NewChoice(all.seed, law, of.n); err != nil {
			panic(fmt.Sprintf("workloads: a law that holds over %d does not over %d: %v", all.n, of.n, err))
		}
		g.fewer[of] = c
	}
	return c
}

// divisor is the greatest common one.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Size is the value size of record r of request i in bytes.
func (g *Generator) Size(i int64, r int) int {
	return g.W.Size.draw(g.sizes, i*int64(g.W.RecordsPerBatch)+int64(r))
}

// Payload fills dst with the payload numbered i: runs of random bytes and of one
// repeated byte in a period of 64, so that a compressor sees the entropy asked
// for at any scale.
func (g *Generator) Payload(i int64, dst []byte) {
	const period = 64
	random := int(math.Round(g.W.Entropy * period))
	seed := draw(g.payload, i)
	var word uint64
	for k := range dst {
		if k%period >= random {
			dst[k] = 'c'
			continue
		}
		if k%8 == 0 || k%period == 0 {
			word = draw(seed, int64(k/8))
		}
		dst[k] = byte(word >> (8 * (k % 8)))
	}
}
