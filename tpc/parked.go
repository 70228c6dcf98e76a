package tpc

import (
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
)

// A log ends somewhere within a chunk, and its next append goes on there. A
// partition that is idle would keep that chunk for good: 64 KiB, of which the
// device write of the next append needs at most one block, the partial one that
// it writes again. So the chunk of a tail that rests is given up and its last
// partial block is kept in a small object; readers find the rest on the device.
//
//	chunk    │ on the device, read from there │ partial block │ free │
//	parked                                    │ ≤ 4 KiB       │

// tailBlock is how many bytes of the last, partial block a log of that size has.
func tailBlock(size int64) int64 { return size % disk.Align }

// park gives up the chunk of the log's end if everything in it is on the device
// and nothing reads from it. It reports whether it did.
func (a *appender) park() bool {
	c, f := &a.chunks, a.tailFile()
	last := len(c.list) - 1
	if a.busy || len(a.files) > 1 || f.flushed != f.end || last < c.head || last != c.clean {
		return false
	}
	s, k := a.p.s, c.list[last]
	if n := tailBlock(f.end); n > 0 {
		small := s.arena.AllocFor(int(n), arena.Append)
		if small == nil {
			return false
		}
		at := f.end%c.size - n
		s.copies.Add(telemetry.CopyTail, copy(small.B, k.buf.B[at:at+n]))
		a.parked = small
	}
	c.list[last] = nil
	c.list = c.list[:last]
	s.freeChunk(k)
	s.parks.Inc()
	return true
}

// lastBlock is the log's last, partial block and what it lies in; nil when the
// log ends with a block.
func (a *appender) lastBlock() ([]byte, *iobuf.Buf) {
	f := a.tailFile()
	n := tailBlock(f.end)
	if n == 0 {
		return nil, nil
	}
	if a.parked != nil {
		return a.parked.B[:n], a.parked
	}
	k, end := a.chunks.at(f.seg.Base, f.end), f.end%a.chunks.size
	return k.buf.B[end-n : end], k.buf
}

// keepTail is park for a log that was just opened: tail is its partial block.
func (a *appender) keepTail(tail []byte) bool {
	if len(tail) == 0 {
		return true
	}
	a.parked = a.p.s.arena.TryReclaimAlloc(len(tail), arena.Append)
	if a.parked == nil {
		return false
	}
	copy(a.parked.B, tail)
	return true
}

// unpark begins a chunk at a position of its segment, with the block that was kept
// of the one before if that is where the log ends.
func (a *appender) unpark(pos int64, k *chunk) {
	n := tailBlock(pos)
	k.from = pos - n
	if a.parked != nil {
		a.p.s.copies.Add(telemetry.CopyTail, copy(k.buf.B[k.from%a.chunks.size:], a.parked.B[:n]))
		a.dropParked()
	}
	a.p.s.noteWarm(a.p)
}

func (a *appender) dropParked() {
	if a.parked != nil {
		a.parked.Release(a.p.s.arena)
		a.parked = nil
	}
}

// warmth is what a shard knows of the partitions whose last chunk is in memory.
type warmth struct {
	list   []*ownedPartition
	cursor int   // where the next look goes on
	idleNs int64 // append.idle.ms
}

// coolLooks bounds the partitions looked at in one go.
const coolLooks = 256

// noteWarm is called when a partition takes a chunk, not for every append.
func (s *shard) noteWarm(p *ownedPartition) {
	if p.warmAt == 0 {
		s.warm.list = append(s.warm.list, p)
		p.warmAt = len(s.warm.list)
		p.warmEnd = -1
	}
}

// noteCool takes a partition off the list.
func (s *shard) noteCool(p *ownedPartition) {
	if p.warmAt == 0 {
		return
	}
	l := s.warm.list
	last := len(l) - 1
	l[p.warmAt-1] = l[last]
	l[p.warmAt-1].warmAt = p.warmAt
	l[last] = nil
	s.warm.list = l[:last]
	p.warmAt = 0
}

// coolDown is housekeeping: it parks tails that have not moved for the idle time.
func (s *shard) coolDown(nowNs int64) {
	s.eachWarm(func(p *ownedPartition) bool {
		if end := p.app.tailFile().end; end != p.warmEnd {
			p.warmEnd, p.warmNs = end, nowNs
			return false
		}
		return nowNs-p.warmNs >= s.warm.idleNs && p.app.park()
	})
	for w := s.windows.next; w != &s.windows && nowNs-w.readNs >= s.warm.idleNs; w = s.windows.next {
		w.drop()
	}
}

// parkFor parks tails that rest just now, for want of memory, until about want
// bytes came free. The partition that memory is wanted for keeps its own.
func (s *shard) parkFor(want int) (freed int) {
	s.eachWarm(func(p *ownedPartition) bool {
		c := &p.app.chunks
		if freed >= want || p == s.reserving || c.list[len(c.list)-1].staged || !p.app.park() {
			return false
		}
		freed += s.chunkBytes - disk.Align
		return true
	})
	return freed
}

// eachWarm shows f the next partitions of the list; those for which it reports
// true have no chunk any more and leave it.
func (s *shard) eachWarm(f func(p *ownedPartition) bool) {
	w := &s.warm
	for range min(coolLooks, len(w.list)) {
		if w.cursor >= len(w.list) {
			w.cursor = 0
		}
		p := w.list[w.cursor]
		if c := &p.app.chunks; c.clean == len(c.list) || f(p) { // all it has is in the eviction order
			s.noteCool(p)
		} else {
			w.cursor++
		}
	}
}

// ofArena reports whether a buffer is the shard's own memory.
func (s *shard) ofArena(b *iobuf.Buf) bool { return b.Owner == iobuf.Allocator(s.arena) }
