package tpc

import (
	"errors"
	"fmt"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// Memory of a shard: append chunks, frames and cold windows all come from its
// arena. What can be given up are windows, which the device can bring back, and
// chunks that are on the device; they serve tail reads until the room is needed.

// reserveChunks makes sure that takeChunk can be called n times, evicting the
// oldest clean chunks if it must. False means that everything left is dirty,
// being sent, or kept for frames: a broker that could not even read a request
// could not refuse it.
func (s *shard) reserveChunks(n int) bool {
	for len(s.spare) < n {
		if buf := s.stagedChunk(); buf != nil {
			s.spareChunk(buf, true)
			continue
		}
		buf := s.ownChunk()
		if buf == nil {
			buf = s.loans.takeBorrowed(s.chunkBytes)
		}
		if buf == nil {
			return false
		}
		s.spareChunk(buf, false)
	}
	return true
}

// spareChunk makes a reserved chunk of buf.
func (s *shard) spareChunk(buf *iobuf.Buf, staged bool) {
	k := s.freeChunks
	if k == nil {
		k = &chunk{}
	} else {
		s.freeChunks = k.next
	}
	*k = chunk{buf: buf, staged: staged}
	if !staged && !s.ofArena(buf) {
		s.loans.addLoan(k)
	}
	s.spare = append(s.spare, k)
}

// ownChunk is memory for a chunk from the shard's own arena, nil when that would
// take from the frames' share.
func (s *shard) ownChunk() *iobuf.Buf {
	if free := s.arena.FreeBytes(); free < s.budget.frames+int64(s.chunkBytes) {
		s.giveUp(int(s.budget.frames + int64(s.chunkBytes) - free))
		s.arena.Drain()
		if s.arena.FreeBytes() < s.budget.frames+int64(s.chunkBytes) {
			return nil
		}
	}
	return s.arena.TryReclaimAlloc(s.chunkBytes, arena.Append)
}

// takeChunk is a reserved chunk for p.
func (s *shard) takeChunk(p *ownedPartition) *chunk {
	n := len(s.spare) - 1
	k := s.spare[n]
	s.spare[n] = nil
	s.spare = s.spare[:n]
	k.part = p
	return k
}

// starveRetryNs is when connections that want memory try again.
const starveRetryNs = 2e6

// starvation is the shard as the handler of the timer for that.
type starvation shard

// OnTimer lets every starving connection try once more, in the order in which
// they ran out.
func (h *starvation) OnTimer(*reactor.Timer) {
	(*shard)(h).feed()
	h.retry()
}

// retry lets the starving connections try.
func (h *starvation) retry() {
	s := (*shard)(h)
	list := s.starved
	s.starved = s.starvedSpare[:0]
	for i, c := range list {
		list[i] = nil
		c.starving = false
		if !c.closed {
			c.parse(telemetry.Now())
		}
	}
	s.starvedSpare = list[:0]
}

// reclaimEveryNs bounds how often a shard below its low-water mark gives things
// up between rounds; there may be nothing to give.
const reclaimEveryNs = 1e6

// reclaimSoon makes room ahead of need: what may not reclaim by itself, such as
// receiving, must not wait for housekeeping.
func (s *shard) reclaimSoon() {
	if s.arena.NeedReclaim() && s.r.Now()-s.budget.reclaimedNs >= reclaimEveryNs {
		s.budget.reclaimedNs = s.r.Now()
		s.arena.Reclaim()
	}
}

// chunkClean puts a chunk into the eviction order.
func (s *shard) chunkClean(k *chunk) {
	k.clean = true
	s.evict = append(s.evict, k)
	if k.staged {
		s.area.Clean(k.buf)
		return
	}
	s.evictable++
	s.arena.Retag(k.buf, arena.Cache)
}

// evictOne gives up the oldest clean chunk and tells how many bytes of the arena
// that freed: none when the chunk is still being sent, is staged, or lies in
// another shard's memory. False when there is no clean chunk.
func (s *shard) evictOne() (freed int, ok bool) {
	if s.evictHead == len(s.evict) {
		return 0, false
	}
	k := s.evict[s.evictHead]
	s.evict[s.evictHead] = nil
	s.evictHead++
	if s.evictHead > 1024 && s.evictHead > len(s.evict)/2 {
		n := copy(s.evict, s.evict[s.evictHead:])
		clear(s.evict[n:])
		s.evict, s.evictHead = s.evict[:n], 0
	}
	if !k.staged {
		s.evictable--
		if k.loan == 0 && k.buf.Refs() == 1 {
			freed = s.chunkBytes
		}
	}
	if k.part != nil { // nil: dropped with its partition
		if front := k.part.app.chunks.popFront(); front != k {
			panic(fmt.Sprintf("tpc: evicting chunk %d of segment %d, the oldest of %s-%d is %d of segment %d",
				k.index, k.segBase, k.part.Topic, k.part.Index, front.index, front.segBase))
		}
		s.evictions.Inc()
	}
	s.freeChunk(k)
	return freed, true
}

func (s *shard) freeChunk(k *chunk) {
	if k.staged {
		s.area.Clean(k.buf)
	}
	if k.loan > 0 {
		s.loans.dropLoan(k)
	}
	k.buf.Release(s.arena)
	*k = chunk{next: s.freeChunks}
	s.freeChunks = k
}

// roomy reports whether there is memory for what nobody needs yet: more than a
// quarter of the shard's is free or can be given up.
func (s *shard) roomy() bool {
	return s.arena.FreeBytes()+int64(s.evictable)*int64(s.chunkBytes)+s.windowBytes > int64(s.arenaBytes)/4
}

// giveUp is the arena's reclaim hook: it drops windows, then chunks, then the
// chunks of tails that rest, until about want bytes came free.
func (s *shard) giveUp(want int) {
	freed := 0
	for freed < want && s.windows.next != &s.windows {
		freed += s.windows.next.drop()
	}
	for freed < want && s.evictable > 0 {
		n, _ := s.evictOne()
		freed += n
	}
	if freed < want {
		s.parkFor(want - freed)
	}
}

// freeMemory gives back everything the shard holds, after its reactor has ended
// and every connection is closed.
func (s *shard) freeMemory() {
	s.arena.Own()
	for _, p := range s.parts {
		p.freeMemory()
	}
	for _, p := range s.arriving {
		p.room.Release(s.arena)
	}
	for ok := true; ok; {
		_, ok = s.evictOne()
	}
	for _, k := range s.spare {
		s.freeChunk(k)
	}
	s.spare = nil
	for b := s.loans.answer; b != nil; b = s.loans.answer { // the shard ended before it came
		s.loans.answer, b.Next = b.Next, nil
		b.Release(s.arena)
	}
	s.dropPool()
}

// unmap ends the shard's memory and its staging file's mapping. Anything still
// out is an error.
func (s *shard) unmap() error {
	var err error
	if s.area != nil {
		err = s.area.Close()
	}
	return errors.Join(err, s.arena.Close())
}
