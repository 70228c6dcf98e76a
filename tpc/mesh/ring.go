package mesh

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/telemetry"
)

const (
	// line is two cache lines: the prefetcher fetches them in pairs.
	line = 128
	// batch is how many messages Recv takes from one writer before it turns to
	// the next, and after how many it gives the room back.
	batch = 32
)

// ring is the mailbox from one shard to another. Indexes only grow; a slot is
// its index modulo the capacity.
//
// Invariant: head <= tail <= staged <= head + capacity.
type ring[T any] struct {
	_    [line]byte
	tail atomic.Uint64 // published by the writer
	_    [line - 8]byte
	head atomic.Uint64 // published by the reader
	_    [line - 8]byte
	// blocked is raised by a writer that found no room, and taken down by the
	// reader, who then wakes the writer if it sleeps.
	blocked atomic.Bool
	_       [line - 8]byte

	// The writer's own.
	staged   uint64 // next slot to write
	headSeen uint64 // the reader's head as last looked at
	pending  queue[T]
	full     telemetry.Counter
	_        [line]byte

	// The reader's own.
	read     uint64 // next slot to read
	tailSeen uint64 // the writer's tail as last looked at
	_        [line]byte

	// Both read, nobody writes after init.
	slots []T
	mask  uint64
	_     [line]byte
}

func (r *ring[T]) init(capacity, pending int) {
	r.slots = make([]T, capacity)
	r.mask = uint64(capacity - 1)
	r.pending.limit = pending
}

// stage writes v into the next slot, if there is room. Writer only.
func (r *ring[T]) stage(v T) bool {
	if r.staged-r.headSeen > r.mask && !r.lookForRoom() {
		return false
	}
	r.slots[r.staged&r.mask] = v
	r.staged++
	return true
}

// lookForRoom reads the reader's head. Without room it raises blocked and looks
// again, so that a reader who made room in between cannot have missed the flag.
func (r *ring[T]) lookForRoom() bool {
	r.headSeen = r.head.Load()
	if r.staged-r.headSeen <= r.mask {
		return true
	}
	if !r.blocked.Load() {
		r.blocked.Store(true)
		r.headSeen = r.head.Load()
	}
	return r.staged-r.headSeen <= r.mask
}

// refill moves pending messages into the ring, in order, and returns how many.
func (r *ring[T]) refill() int {
	n := 0
	for r.pending.n > 0 && r.stage(r.pending.front()) {
		r.pending.drop()
		n++
	}
	return n
}

// publish shows what was staged and reports whether that was anything.
func (r *ring[T]) publish() bool {
	if r.tail.Load() == r.staged {
		return false
	}
	r.tail.Store(r.staged)
	return true
}

// ready reports whether a Flush would move something. Writer only.
func (r *ring[T]) ready() bool {
	if r.tail.Load() != r.staged {
		return true
	}
	return r.pending.n > 0 && (r.staged-r.headSeen <= r.mask || r.lookForRoom())
}

// readable reports whether the reader would find something. Reader only.
func (r *ring[T]) readable() bool { return r.tail.Load() != r.read }

// take hands at most limit messages to h and then gives their slots back with
// one store. Slots are cleared, lest the ring keep alive what they point to.
func (r *ring[T]) take(limit, from int, h Handler[T]) int {
	if r.tailSeen == r.read {
		if r.tailSeen = r.tail.Load(); r.tailSeen == r.read {
			return 0
		}
	}
	n := min(int(r.tailSeen-r.read), limit)
	var zero T
	for range n {
		slot := &r.slots[r.read&r.mask]
		v := *slot
		*slot = zero
		r.read++
		h.OnMessage(from, v)
	}
	r.head.Store(r.read)
	return n
}

// unblock takes the writer's flag down and reports whether it was up.
func (r *ring[T]) unblock() bool {
	if !r.blocked.Load() {
		return false
	}
	r.blocked.Store(false)
	return true
}

// queue is a bounded first-in-first-out queue that grows to its limit once and
// is reused from then on.
type queue[T any] struct {
	items []T
	first int
	n     int
	limit int
}

func (q *queue[T]) push(v T) bool {
	if q.n == q.limit {
		return false
	}
	if q.n == len(q.items) {
		q.grow()
	}
	q.items[(q.first+q.n)%len(q.items)] = v
	q.n++
	return true
}

func (q *queue[T]) grow() {
	items := make([]T, min(max(2*len(q.items), 16), q.limit))
	for i := range q.n {
		items[i] = q.items[(q.first+i)%len(q.items)]
	}
	q.items, q.first = items, 0
}

func (q *queue[T]) front() T { return q.items[q.first] }

func (q *queue[T]) drop() {
	var zero T
	q.items[q.first] = zero
	q.first = (q.first + 1) % len(q.items)
	q.n--
}
