package placement

import "math"

// Sample is what one partition has taken since the last sample.
type Sample[K comparable] struct {
	Key   K
	Shard int
	CPUNs int64 // time that its owner spent on it, ns
	Bytes int64 // written to and read from it
}

// nsPerByte is what a byte costs its owner beyond the time that is measured on
// the way: the device write that the kernel prepares for it and the pages that
// it holds down meanwhile. Estimated from a tenth of a microsecond a KiB.
const nsPerByte = 0.1

// halfLifeNs is after how long a load counts half: long enough that a burst of a
// second does not move anything, short enough that a change of the traffic is
// followed within a minute.
const halfLifeNs = 10e9

// partition is what is remembered of one.
type partition[K comparable] struct {
	key     K
	shard   int
	load    float64 // thousandths of a CPU
	bytes   float64 // bytes a second
	restNs  int64   // how much longer it stays where it is
	seen    int64   // the interval in which it was last sampled
	sampled bool    // its load stands on at least one sample
}

// Load is what a partition takes.
type Load struct {
	MilliCPU    float64 // thousandths of one CPU
	BytesPerSec float64
}

// observe takes one interval in.
func (p *partition[K]) observe(s *Sample[K], intervalNs int64) {
	p.shard = s.Shard
	seconds := float64(intervalNs) / 1e9
	load := (float64(s.CPUNs) + nsPerByte*float64(s.Bytes)) / float64(intervalNs) * 1000
	bytes := float64(s.Bytes) / seconds
	if !p.sampled { // not half of nothing
		p.load, p.bytes, p.sampled = load, bytes, true
		return
	}
	keep := math.Exp2(-float64(intervalNs) / halfLifeNs)
	p.load = keep*p.load + (1-keep)*load
	p.bytes = keep*p.bytes + (1-keep)*bytes
}
