package log

import "sync/atomic"

// ringSize is how many of the latest batches can be found without looking at
// the file. Consumers at the tail ask for one of them; 8 KiB a log. A log begins
// with firstRing of them, 512 bytes, because of ten thousand partitions most
// have few batches.
const (
	ringSize  = 256
	firstRing = 16
)

// ring remembers where the latest batches are. One thread pushes, any thread
// looks up; a slot that is overwritten meanwhile is noticed, because its base
// changes and no base ever returns.
type ring struct {
	head  atomic.Int64           // batches ever pushed
	slots atomic.Pointer[[]slot] // a power of two, up to ringSize
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
	n := r.head.Load()
	slots := r.room(n)
	s := &slots[n&int64(len(slots)-1)]
	s.base.Store(-1)
	s.extent.Store(int64(length)<<32 | (last - base))
	s.pos.Store(pos)
	s.seg.Store(seg)
	s.base.Store(base)
	r.head.Store(n + 1)
}

// room is the ring with a place for batch n: four times as large as before when
// the next one would overwrite the first for the first time. Who still looks
// into the old one finds batches that are where it says, or none.
func (r *ring) room(n int64) []slot {
	old := r.slots.Load()
	if old != nil && (n != int64(len(*old)) || n >= ringSize) {
		return *old
	}
	slots := make([]slot, firstRing)
	if old != nil {
		slots = make([]slot, 4*len(*old))
		for i := range *old {
			from := &(*old)[i]
			slots[i].base.Store(from.base.Load())
			slots[i].extent.Store(from.extent.Load())
			slots[i].pos.Store(from.pos.Load())
			slots[i].seg.Store(from.seg.Load())
		}
	}
	r.slots.Store(&slots)
	return slots
}

// find looks for the batch that holds offset. Any thread.
func (r *ring) find(offset int64) (p place, ok bool) {
	ring := r.slots.Load()
	if ring == nil {
		return p, false
	}
	slots := *ring
	mask := int64(len(slots) - 1)
	hi := r.head.Load()
	lo := max(0, hi-int64(len(slots)))
	for lo < hi { // the last batch whose base is at most offset
		mid := int64(uint64(lo+hi) >> 1)
		base := slots[mid&mask].base.Load()
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
	s := &slots[(lo-1)&mask]
	p.base = s.base.Load()
	extent := s.extent.Load()
	p.length, p.last = int(extent>>32), p.base+extent&0xffffffff
	p.pos, p.seg = s.pos.Load(), s.seg.Load()
	if p.base < 0 || s.base.Load() != p.base {
		return p, false
	}
	return p, p.base <= offset && offset <= p.last
}
