package tpc

import "github.com/ceteris/ceteris/models/iobuf"

// Memory of a shard: append chunks, frames and cold windows all come from its
// arena. What can be given up are chunks that are on the device; they serve
// tail reads until the room is needed.

// allocChunk takes a chunk from the arena, evicting the oldest clean ones if it
// must. Nil means that everything left is dirty or being sent.
func (s *shard) allocChunk(p *ownedPartition) *chunk {
	size := int(p.app.chunks.size)
	buf := s.arena.TryReclaimAlloc(size)
	if buf == nil {
		return nil
	}
	k := s.freeChunks
	if k == nil {
		k = &chunk{}
	} else {
		s.freeChunks = k.next
	}
	*k = chunk{buf: buf, part: p}
	// What lies behind the end of the log goes to the device with its block:
	// zeros there are what recovery expects.
	clear(buf.B[:size])
	return k
}

// allocFrame takes memory for a frame, an answer or a cold read.
func (s *shard) allocFrame(n int) *iobuf.Buf { return s.arena.TryReclaimAlloc(n) }

// chunkClean puts a chunk into the eviction order.
func (s *shard) chunkClean(k *chunk) { s.evict = append(s.evict, k) }

// evictOne gives up the oldest clean chunk.
func (s *shard) evictOne() bool {
	if s.evictHead == len(s.evict) {
		return false
	}
	k := s.evict[s.evictHead]
	s.evict[s.evictHead] = nil
	s.evictHead++
	if s.evictHead > 1024 && s.evictHead > len(s.evict)/2 {
		n := copy(s.evict, s.evict[s.evictHead:])
		clear(s.evict[n:])
		s.evict, s.evictHead = s.evict[:n], 0
	}
	if k.part == nil { // dropped with its partition
		s.freeChunk(k)
		return true
	}
	if front := k.part.app.chunks.popFront(); front != k {
		panic("tpc: the oldest clean chunk of the shard is not its partition's oldest")
	}
	s.evictions.Inc()
	s.freeChunk(k)
	return true
}

func (s *shard) freeChunk(k *chunk) {
	if k.buf != nil {
		k.buf.Release(s.arena)
	}
	*k = chunk{next: s.freeChunks}
	s.freeChunks = k
}

// giveUp is the arena's reclaim hook: it evicts until about want bytes came free.
func (s *shard) giveUp(want int) {
	for freed := 0; freed < want && s.evictOne(); {
		freed += int(s.b.cfg.Int("append.chunk.bytes"))
	}
}

// exhausted reports a refusal for want of memory.
func (s *shard) exhausted(p *ownedPartition) {
	s.refusals.Inc()
	s.b.logf("shard %d: out of memory for an append to %s-%d: %d bytes free", s.id, p.Topic, p.Index, s.arena.FreeBytes())
}
