package tpc

import (
	"errors"
	"fmt"
	"runtime"

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
		if free := s.arena.FreeBytes(); free < s.frameBytes+int64(s.chunkBytes) {
			s.giveUp(int(s.frameBytes + int64(s.chunkBytes) - free))
			s.arena.Drain()
			if s.arena.FreeBytes() < s.frameBytes+int64(s.chunkBytes) {
				return false
			}
		}
		buf := s.arena.TryReclaimAlloc(s.chunkBytes)
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
	s.spare = append(s.spare, k)
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

// waitShare says what is worth waiting for: a sixth of the arena, which even as
// the next power of two leaves room for other things.
const waitShare = 6

// allocFrame takes memory for a frame, an answer or a cold read.
func (s *shard) allocFrame(n int) *iobuf.Buf {
	buf := s.arena.TryReclaimAlloc(n)
	if buf == nil && n <= s.arenaBytes/waitShare {
		s.allocFailed = true // it will fit when others are done
	}
	return buf
}

// starveRetryNs is when connections that want memory try again.
const starveRetryNs = 2e6

// starvation is the shard as the handler of the timer for that.
type starvation shard

// OnTimer lets every starving connection try once more, in the order in which
// they ran out.
func (h *starvation) OnTimer(*reactor.Timer) {
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

// chunkClean puts a chunk into the eviction order.
func (s *shard) chunkClean(k *chunk) {
	s.evict = append(s.evict, k)
	if k.staged {
		s.area.Clean(k.buf)
	} else {
		s.evictable++
	}
}

// evictOne gives up the oldest clean chunk and tells how many bytes of the arena
// that freed: none when the chunk is still being sent, or is staged. False when
// there is no clean chunk.
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
		if k.buf.Refs() == 1 {
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
	k.buf.Release(s.arena)
	*k = chunk{next: s.freeChunks}
	s.freeChunks = k
}

// giveUp is the arena's reclaim hook: it drops windows and then chunks until
// about want bytes came free.
func (s *shard) giveUp(want int) {
	freed := 0
	for freed < want && s.windows.next != &s.windows {
		w := s.windows.next
		if w.buf.Refs() == 1 {
			freed += len(w.buf.B)
		}
		w.drop()
	}
	for freed < want && s.evictable > 0 {
		n, _ := s.evictOne()
		freed += n
	}
}

// refusalLogNs is how often a refusal for want of memory is logged.
const refusalLogNs = 1e9

// exhausted reports a refusal for want of memory.
func (s *shard) exhausted(p *ownedPartition) {
	s.refusals.Inc()
	if now := s.r.Now(); s.refusedNs == 0 || now-s.refusedNs >= refusalLogNs {
		s.refusedNs = now
		s.b.logf("shard %d: out of memory for an append to %s-%d: %d bytes free", s.id, p.Topic, p.Index, s.arena.FreeBytes())
	}
}

// freeMemory gives back everything the shard holds, after its reactor has ended
// and every connection is closed, and unmaps the arena. Anything still out has
// leaked; its memory stays mapped.
func (s *shard) freeMemory() error {
	runtime.LockOSThread() // the arena may check who calls
	defer runtime.UnlockOSThread()
	s.arena.Own()
	for _, p := range s.parts {
		p.freeMemory()
	}
	for _, p := range s.arriving {
		s.freeChunk(p.room)
	}
	for ok := true; ok; {
		_, ok = s.evictOne()
	}
	for _, k := range s.spare {
		s.freeChunk(k)
	}
	s.spare = nil
	if s.area != nil {
		if err := s.area.Close(); err != nil {
			return errors.Join(err, s.arena.Close())
		}
	}
	return s.arena.Close()
}
