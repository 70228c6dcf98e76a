package placement

import (
	"cmp"
	"fmt"
	"slices"
)

// Options says when moving pays. The zero value of a field is its default.
type Options struct {
	// Threshold is how far the busiest shard must be above the mean of all, as a
	// part of the mean; default 0.2. Moves aim below half of it.
	Threshold float64
	// Floor is how far, in thousandths of a CPU, at least; default 50.
	Floor float64
	// Patience is for how many intervals in a row; default 3.
	Patience int
	// MinGain is by how much one move must lower the busiest shard, thousandths of
	// a CPU; default 5. A move costs its two shards less than a millisecond and
	// its clients a wait of a few, so it pays within a second.
	MinGain float64
	// MaxMoves bounds the moves of one interval; default 4.
	MaxMoves int
	// RestNs is how long a partition that has moved stays; default one minute.
	RestNs int64
}

func (o *Options) fill() {
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Threshold, 0.2)
	def(&o.Floor, 50)
	def(&o.MinGain, 5)
	if o.Patience == 0 {
		o.Patience = 3
	}
	if o.MaxMoves == 0 {
		o.MaxMoves = 4
	}
	if o.RestNs == 0 {
		o.RestNs = 60e9
	}
}

// Move is one partition's way.
type Move[K comparable] struct {
	Key      K
	From, To int
}

// Balancer remembers loads between intervals. One goroutine at a time.
type Balancer[K comparable] struct {
	o        Options
	shards   int
	parts    map[K]*partition[K]
	order    []*partition[K] // by first sight, so that the same samples give the same moves
	interval int64
	above    int // intervals in a row in which the busiest was above the threshold
}

// New is a balancer for a number of shards.
func New[K comparable](shards int, o Options) *Balancer[K] {
	if shards < 1 {
		panic(fmt.Sprintf("placement: got %d shards, want at least 1", shards))
	}
	o.fill()
	return &Balancer[K]{o: o, shards: shards, parts: map[K]*partition[K]{}}
}

// Observe takes in what every partition took in an interval. Partitions that are
// not among the samples are gone.
func (b *Balancer[K]) Observe(intervalNs int64, samples []Sample[K]) {
	if intervalNs <= 0 {
		panic(fmt.Sprintf("placement: an interval of %d ns", intervalNs))
	}
	b.interval++
	for i := range samples {
		s := &samples[i]
		p := b.parts[s.Key]
		if p == nil {
			p = &partition[K]{key: s.Key}
			b.parts[s.Key] = p
			b.order = append(b.order, p)
		}
		if s.Shard < 0 || s.Shard >= b.shards {
			panic(fmt.Sprintf("placement: a partition on shard %d of %d", s.Shard, b.shards))
		}
		p.seen = b.interval
		p.restNs = max(0, p.restNs-intervalNs)
		p.observe(s, intervalNs)
	}
	b.order = slices.DeleteFunc(b.order, func(p *partition[K]) bool {
		if p.seen != b.interval {
			delete(b.parts, p.key)
			return true
		}
		return false
	})
	if loads := b.shardLoads(); b.excess(loads) > b.limit(loads) {
		b.above++
	} else {
		b.above = 0
	}
}

// Loads is what each shard's partitions take, thousandths of a CPU.
func (b *Balancer[K]) shardLoads() []float64 {
	loads := make([]float64, b.shards)
	for _, p := range b.order {
		loads[p.shard] += p.load
	}
	return loads
}

// excess is how far the busiest shard is above the mean.
func (b *Balancer[K]) excess(loads []float64) float64 { return slices.Max(loads) - mean(loads) }

// limit is how far it may be.
func (b *Balancer[K]) limit(loads []float64) float64 {
	return max(b.o.Floor, b.o.Threshold*mean(loads))
}

func mean(loads []float64) float64 {
	sum := 0.0
	for _, l := range loads {
		sum += l
	}
	return sum / float64(len(loads))
}

// Load is what a partition takes, and false when there is no sample of it.
func (b *Balancer[K]) Load(k K) (Load, bool) {
	p := b.parts[k]
	if p == nil {
		return Load{}, false
	}
	return Load{MilliCPU: p.load, BytesPerSec: p.bytes}, true
}

// Plan is the moves that are due now: none unless the imbalance has lasted. They
// count as made; for one that was not, call [Balancer.Stayed].
func (b *Balancer[K]) Plan() []Move[K] {
	if b.above < b.o.Patience {
		return nil
	}
	return b.plan()
}

// PlanNow is Plan for a user who asks: patience and rest are not waited for.
func (b *Balancer[K]) PlanNow() []Move[K] {
	for _, p := range b.order {
		p.restNs = 0
	}
	return b.plan()
}

// plan moves from the busiest shard to the idlest, each time the partition that
// brings the two closest together.
func (b *Balancer[K]) plan() (moves []Move[K]) {
	loads := b.shardLoads()
	aim := b.limit(loads) / 2
	for len(moves) < b.o.MaxMoves && b.excess(loads) > aim {
		from, to := extremes(loads)
		p := b.best(from, loads[from]-loads[to])
		if p == nil {
			break
		}
		moves = append(moves, Move[K]{Key: p.key, From: from, To: to})
		loads[from] -= p.load
		loads[to] += p.load
		p.shard, p.restNs = to, b.o.RestNs
	}
	if len(moves) > 0 {
		b.above = 0
	}
	return moves
}

// best is the partition of a shard whose move over a gap lowers the higher of
// the two shards most, nil when none lowers it enough. A partition larger than
// the gap would only change which of them is the busier one.
func (b *Balancer[K]) best(from int, gap float64) (best *partition[K]) {
	most := b.o.MinGain
	for _, p := range b.order {
		if p.shard != from || p.restNs > 0 {
			continue
		}
		if gain := min(p.load, gap-p.load); gain > most {
			best, most = p, gain
		}
	}
	return best
}

func extremes(loads []float64) (most, least int) {
	for i, l := range loads {
		if cmp.Compare(l, loads[most]) > 0 {
			most = i
		}
		if cmp.Compare(l, loads[least]) < 0 {
			least = i
		}
	}
	return most, least
}

// Stayed takes back a move that was not made. The partition rests all the same,
// lest the next interval try the same again.
func (b *Balancer[K]) Stayed(m Move[K]) {
	if p := b.parts[m.Key]; p != nil {
		p.shard = m.From
	}
}
