package cluster

import (
	"fmt"
	"slices"
)

// PlaceLeastLoaded chooses shards for n new partitions: each goes where the
// fewest are, ties to the lowest shard. Partitions that exist stay. A nil image
// counts as empty.
func PlaceLeastLoaded(im *Image, n, shards int) []int32 {
	load := ownerLoad(im, shards)
	owners := make([]int32, n)
	for i := range owners {
		least := 0
		for s := range load {
			if load[s] < load[least] {
				least = s
			}
		}
		owners[i] = int32(least)
		load[least]++
	}
	return owners
}

// ownerLoad counts the partitions of each shard. Owners beyond the last shard
// are not counted: nobody has them.
func ownerLoad(im *Image, shards int) []int {
	if shards < 1 {
		panic(fmt.Sprintf("cluster: shards: got %d, want at least 1", shards))
	}
	load := make([]int, shards)
	if im == nil {
		return load
	}
	for _, t := range im.sorted {
		for p := range t.Parts {
			if o := t.Parts[p].Owner; o >= 0 && int(o) < shards {
				load[o]++
			}
		}
	}
	return load
}

// Reassign spreads the partitions over the given number of shards so that no
// two shards differ by more than one, and moves as few as that allows. It
// returns the receiver itself when nothing moves.
func (im *Image) Reassign(shards int) (next *Image, moved int) {
	load := ownerLoad(im, shards)
	quota := quotas(load, im.partitions)
	next = im.clone()
	target := 0 // lowest shard that may still be below its quota
	for i, t := range im.sorted {
		var parts []PartMeta
		for p := range t.Parts {
			owner := t.Parts[p].Owner
			if owner >= 0 && int(owner) < shards && load[owner] <= quota[owner] {
				continue
			}
			if owner >= 0 && int(owner) < shards {
				load[owner]--
			}
			for load[target] >= quota[target] {
				target++
			}
			load[target]++
			if parts == nil {
				parts = slices.Clone(t.Parts)
			}
			parts[p].Owner = int32(target)
			moved++
		}
		if parts != nil {
			fresh := *t
			fresh.Parts = parts
			next.put(i, &fresh)
		}
	}
	if moved == 0 {
		return im, 0
	}
	return next, moved
}

// EvenMoves are the moves after which no two shards differ by more than one
// partition: as few as that allows.
func (im *Image) EvenMoves(shards int) (moves []Move) {
	next, _ := im.Reassign(shards)
	for i, t := range next.sorted {
		for p := range t.Parts {
			if to := t.Parts[p].Owner; to != im.sorted[i].Parts[p].Owner {
				moves = append(moves, Move{Topic: t.Name, Index: int32(p), To: to})
			}
		}
	}
	return moves
}

// quotas says how many of total partitions each shard should have. The larger
// shares go to the shards that already hold most, which is what makes the moves
// fewest.
func quotas(load []int, total int) []int {
	order := make([]int, len(load))
	for s := range order {
		order[s] = s
	}
	slices.SortStableFunc(order, func(a, b int) int { return load[b] - load[a] })
	quota := make([]int, len(load))
	for rank, s := range order {
		quota[s] = total / len(load)
		if rank < total%len(load) {
			quota[s]++
		}
	}
	return quota
}
