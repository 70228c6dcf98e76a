package tpc

import (
	"cmp"
	"slices"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/tpc/placement"
)

// load is what a partition has cost its owner since it was last asked. The
// owner's thread writes and reads it.
//
// The CPU time of a produced part is measured: the stage clock has read the time
// before and after it anyway. A fetched part is priced instead, because a leg has
// stamps for all its parts together and they include waits for the device. What
// the connection's shard does (receive, decode, encode, send) does not move with
// the partition and is not in it.
type load struct {
	cpuNs, bytes int64
}

// fetchPartNs is the price of looking at one part of a leg: search, references,
// and its share of the leg. A search at the tail takes 23 to 34 ns (models/log);
// waking the leg and sending it home is most of the rest.
const fetchPartNs = 500

func (l *load) produced(ns int64, bytes int) {
	l.cpuNs += ns
	l.bytes += int64(bytes)
}

func (l *load) fetched(bytes int) {
	l.cpuNs += fetchPartNs
	l.bytes += int64(bytes)
}

// sampleSlice is how many partitions one task of a shard asks for their load: a
// shard with thousands is not held for longer than its quota.
const sampleSlice = 256

// samples takes what every partition has cost since the last call. Nothing moves
// meanwhile: the caller has entered moves.
func (b *Broker) samples() []placement.Sample[partKey] {
	byShard := make([][]*ownedPartition, len(b.shards))
	all := b.checkpoints.all()
	slices.SortFunc(all, func(x, y *ownedPartition) int { // the same loads lead to the same moves
		return cmp.Or(cmp.Compare(x.Topic, y.Topic), cmp.Compare(x.Index, y.Index))
	})
	for _, p := range all {
		byShard[p.s.id] = append(byShard[p.s.id], p)
	}
	var out []placement.Sample[partKey]
	for id, parts := range byShard {
		for len(parts) > 0 {
			n := min(len(parts), sampleSlice)
			slice := parts[:n]
			parts = parts[n:]
			_ = b.on(b.shards[id], func(s *shard) error { // one that has stopped has no load
				for _, p := range slice {
					if p.gone {
						continue
					}
					out = append(out, placement.Sample[partKey]{
						Key: partKey{p.ID, p.Index}, Shard: id, CPUNs: p.load.cpuNs, Bytes: p.load.bytes,
					})
					p.load = load{}
				}
				return nil
			})
		}
	}
	return out
}

// named is the move of a partition by its topic's name, false when it is gone.
func named(im *cluster.Image, m placement.Move[partKey]) (cluster.Move, bool) {
	t := im.TopicByID(m.Key.id)
	if t == nil {
		return cluster.Move{}, false
	}
	return cluster.Move{Topic: t.Name, Index: m.Key.index, To: int32(m.To)}, true
}
