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
}

// NewGenerator returns the generator of a workload under an experiment's seed.
// A rate of 0 is a closed loop: the generator then has no Schedule.
func NewGenerator(w *Workload, seed uint64, perSec float64) (*Generator, error) {
	g := &Generator{W: w, sizes: Dimension(seed, "sizes"), payload: Dimension(seed, "payload")}
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

// Connection is the connection that carries request i.
func (g *Generator) Connection(i int64) int { return g.connections.Of(i) }

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
