package log

import "sync/atomic"

// ringSize is how many of the latest batches can be found without looking at
// the file. Consumers at the tail ask for one of them; 8 KiB a log.
const ringSize = 256

// ring remembers where the latest batches are. One thread pushes, any thread
// looks up; a slot that is overwritten meanwhile is noticed, because its base
// changes and no base ever returns.
type ring struct {
	head  atomic.Int64 // batches ever pushed
	slots atomic.Pointer[[ringSize]slot]
}

type slot struct {
	base   atomic.Int64 // -1 while the slot changes
	extent atomic.Int64 // length << 32 | last offset delta
	pos    atomic.Int64
	seg    atomic.Int64
}

// place is where a batch is.
type place struct {
	base, last int64
	pos        int64
	length     int
	seg        int64
}

// push adds a batch behind all others. Writer only. The first push allocates,
// so that idle partitions cost nothing.
func (r *ring) push(base, last, pos int64, length int, seg int64) {
	slots := r.slots.Load()
	if slots == nil {
		slots = new([ringSize]slot)
		r.slots.Store(slots)
	}
	n := r.head.Load()
	s := &slots[n%ringSize]
	s.base.Store(-1)
	s.extent.Store(int64(length)<<32 | (last - base))
	s.pos.Store(pos)
	s.seg.Store(seg)
	s.base.Store(base)
	r.head.Store(n + 1)
}

// find looks for the batch that holds offset. Any thread.
func (r *ring) find(offset int64) (p place, ok bool) {
	slots := r.slots.Load()
	if slots == nil {
		return p, false
	}
	hi := r.head.Load()
	lo := max(0, hi-ringSize)
	for lo < hi { // the last batch whose base is at most offset
		mid := int64(uint64(lo+hi) >> 1)
		base := slots[mid%ringSize].base.Load()
		if base < 0 {
			return p, false
		}
		if base <= offset {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return p, false
	}
	s := &slots[(lo-1)%ringSize]
	p.base = s.base.Load()
	extent := s.extent.Load()
	p.length, p.last = int(extent>>32), p.base+extent&0xffffffff
	p.pos, p.seg = s.pos.Load(), s.seg.Load()
	if p.base < 0 || s.base.Load() != p.base {
		return p, false
	}
	return p, p.base <= offset && offset <= p.last
}
