package mesh

import (
	"fmt"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/telemetry"
)

// Carrier is what shards send messages with. [Mesh] has a ring for every pair of
// shards; [Inboxes] has one queue for every shard that all others write to. Both
// keep the order of each pair's messages and the protocol of [Waker].
type Carrier[T any] interface {
	SetWaker(i int, w Waker)
	Shards() int
	Send(from, to int, v T) bool
	Post(from, to int, v T) bool
	Flush(from int) int
	Recv(to, budget int, h Handler[T]) int
	Readable(to int) bool
	Unflushed(from int) bool
	Pending(from int) int
	Stats(from, to int) PairStats
}

var (
	_ Carrier[int] = (*Mesh[int])(nil)
	_ Carrier[int] = (*Inboxes[int])(nil)
)

// Inboxes connects n shards by one bounded queue each, with many writers and one
// reader. Beside [Mesh] it needs n queues instead of n², and an idle reader looks
// at one place instead of n; but writers meet at one index, which a flush moves
// by a compare-and-swap, and nothing keeps one writer from filling the queue or
// from being served first: messages are read in the order of their flushes.
//
// What Send stages lies with the writer until Flush, so that a flush costs one
// compare-and-swap for each reader however many messages it shows.
type Inboxes[T any] struct {
	n       int
	inboxes []inbox[T]
	ends    []inboxEnd[T]
	wakers  []Waker
}

// inbox is the queue of one reader. Indexes only grow; a slot is its index modulo
// the capacity. A writer first claims slots by moving tail and then fills them;
// a slot holds its message once its seq says so.
//
// Invariant: head <= tail <= head + capacity.
type inbox[T any] struct {
	_    [line]byte
	tail atomic.Uint64 // writers claim from here
	_    [line - 8]byte
	head atomic.Uint64 // given back by the reader
	_    [line - 8]byte
	// anyBlocked is raised after a writer's own flag in blocked, and taken down by
	// the reader before it looks at the flags.
	anyBlocked atomic.Bool
	blocked    []atomic.Bool // by writer
	_          [line]byte

	// The reader's own.
	read     uint64
	received []telemetry.Counter // by writer
	inRecv   bool
	_        [line]byte

	slots []inboxSlot[T]
	mask  uint64
	_     [line]byte
}

type inboxSlot[T any] struct {
	seq  atomic.Uint64 // index+1 once the message of that index is there
	from int32
	v    T
}

// inboxEnd is a writer's own.
type inboxEnd[T any] struct {
	_      [line]byte
	out    []outgoing[T] // by reader
	dirty  []int32
	marked []bool
	_      [line]byte
}

// outgoing is what one writer has for one reader and has not shown.
type outgoing[T any] struct {
	queue  queue[T]
	staged int // messages at the front that found room when they were sent
	full   telemetry.Counter
	sent   telemetry.Counter
}

// NewInboxes makes inboxes of the given capacity, a power of two; pending bounds
// what each pair may keep waiting behind a full one.
func NewInboxes[T any](n, capacity, pending int) *Inboxes[T] {
	if n < 1 || capacity < 1 || capacity&(capacity-1) != 0 || pending < 0 {
		panic(fmt.Sprintf("mesh: got %d shards, capacity %d, pending %d, want at least one shard, a power of two, no negative",
			n, capacity, pending))
	}
	m := &Inboxes[T]{n: n, inboxes: make([]inbox[T], n), ends: make([]inboxEnd[T], n), wakers: make([]Waker, n)}
	for i := range m.inboxes {
		b := &m.inboxes[i]
		b.slots, b.mask = make([]inboxSlot[T], capacity), uint64(capacity-1)
		b.blocked, b.received = make([]atomic.Bool, n), make([]telemetry.Counter, n)
		e := &m.ends[i]
		e.out, e.marked, e.dirty = make([]outgoing[T], n), make([]bool, n), make([]int32, 0, n)
		for k := range e.out {
			e.out[k].queue.limit = capacity + pending
		}
	}
	return m
}

// SetWaker says how shard i is woken. Before the shards start.
func (m *Inboxes[T]) SetWaker(i int, w Waker) { m.wakers[i] = w }

// Shards is the number of shards.
func (m *Inboxes[T]) Shards() int { return m.n }

func (m *Inboxes[T]) outgoing(from, to int) *outgoing[T] {
	if from == to {
		panic(fmt.Sprintf("mesh: shard %d sends to itself", from))
	}
	return &m.ends[from].out[to]
}

// room is how many slots are free, as far as the writer can see.
func (b *inbox[T]) room() int {
	head := b.head.Load() // before tail, which may run on but not back
	return int(b.mask+1) - int(b.tail.Load()-head)
}

// roomOrBlock is room that, when there is none, leaves word with the reader and
// looks again, so that a reader who made room in between has seen the word.
func (b *inbox[T]) roomOrBlock(from int) int {
	if n := b.room(); n > 0 {
		return n
	}
	b.blocked[from].Store(true)
	b.anyBlocked.Store(true)
	return b.room()
}

// stage queues v as one of the messages that the next flush has room for.
func (m *Inboxes[T]) stage(o *outgoing[T], from, to int, v T) bool {
	if o.queue.n > o.staged || m.inboxes[to].roomOrBlock(from) <= o.staged {
		return false
	}
	o.queue.push(v)
	o.staged++
	m.mark(from, to)
	return true
}

// Send stages a message; Flush shows it, unless others have taken the room by
// then, in which case it is pending. False when there is no room or older
// messages are pending: the caller keeps v.
func (m *Inboxes[T]) Send(from, to int, v T) bool {
	o := m.outgoing(from, to)
	if m.stage(o, from, to, v) {
		return true
	}
	o.full.Inc()
	return false
}

// Post is Send with a bounded queue behind it. False when that queue is full too.
func (m *Inboxes[T]) Post(from, to int, v T) bool {
	o := m.outgoing(from, to)
	if m.stage(o, from, to, v) {
		return true
	}
	o.full.Inc()
	if o.queue.n-o.staged >= o.queue.limit-int(m.inboxes[to].mask+1) || !o.queue.push(v) {
		return false
	}
	m.mark(from, to)
	return true
}

func (m *Inboxes[T]) mark(from, to int) {
	if e := &m.ends[from]; !e.marked[to] {
		e.marked[to] = true
		e.dirty = append(e.dirty, int32(to))
	}
}

// Flush shows what fits, wakes each reader that sleeps, once, and returns the
// messages that wait for room.
func (m *Inboxes[T]) Flush(from int) int {
	e := &m.ends[from]
	kept, pending := e.dirty[:0], 0
	for _, to := range e.dirty {
		o := &e.out[to]
		b := &m.inboxes[to]
		shown := false
		for o.queue.n > 0 {
			if !b.put(o, from) {
				break
			}
			shown = true
		}
		o.staged = 0
		if shown {
			m.wake(int(to))
		}
		if o.queue.n > 0 {
			pending += o.queue.n
			kept = append(kept, to)
		} else {
			e.marked[to] = false
		}
	}
	e.dirty = kept
	return pending
}

// put claims slots for as much as fits and fills them; false when nothing does.
func (b *inbox[T]) put(o *outgoing[T], from int) bool {
	for {
		want := min(b.roomOrBlock(from), o.queue.n)
		if want <= 0 {
			return false
		}
		tail := b.tail.Load()
		if n := b.claim(tail, want); n > 0 {
			b.fill(tail, n, o, from)
			return true
		}
	}
}

// claim takes up to want slots from tail on, or none when another writer was
// faster. The room is counted from this tail, because others may have claimed
// since it was looked at.
func (b *inbox[T]) claim(tail uint64, want int) int {
	n := min(want, int(b.mask+1)-int(tail-b.head.Load()))
	if n <= 0 || !b.tail.CompareAndSwap(tail, tail+uint64(n)) {
		return 0
	}
	return n
}

// fill shows the oldest n messages of o in slots that are claimed.
func (b *inbox[T]) fill(tail uint64, n int, o *outgoing[T], from int) {
	o.sent.Add(uint64(n)) // before the reader can count them as received
	for i := range uint64(n) {
		slot := &b.slots[(tail+i)&b.mask]
		slot.v, slot.from = o.queue.front(), int32(from)
		o.queue.drop()
		slot.seq.Store(tail + i + 1)
	}
}

// Recv hands at most budget messages to h, in the order of their flushes, and
// returns how many.
func (m *Inboxes[T]) Recv(to, budget int, h Handler[T]) int {
	b := &m.inboxes[to]
	if b.inRecv {
		panic(fmt.Sprintf("mesh: Recv of shard %d from within its handler", to))
	}
	b.inRecv = true
	taken := 0
	for taken < budget {
		n := b.take(min(batch, budget-taken), h)
		if n == 0 {
			break
		}
		taken += n
		if b.anyBlocked.Load() {
			m.unblock(b)
		}
	}
	b.inRecv = false
	return taken
}

// take hands at most limit messages to h and gives their slots back with one
// store. It stops at a slot that is claimed and not filled.
func (b *inbox[T]) take(limit int, h Handler[T]) int {
	var zero T
	n := 0
	for ; n < limit; n++ {
		slot := &b.slots[b.read&b.mask]
		if slot.seq.Load() != b.read+1 {
			break
		}
		v, from := slot.v, int(slot.from)
		slot.v = zero
		b.read++
		h.OnMessage(from, v)
		b.received[from].Inc()
	}
	if n > 0 {
		b.head.Store(b.read)
	}
	return n
}

// unblock wakes the writers that have left word and sleep.
func (m *Inboxes[T]) unblock(b *inbox[T]) {
	b.anyBlocked.Store(false)
	for from := range b.blocked {
		if b.blocked[from].Load() {
			b.blocked[from].Store(false)
			m.wake(from)
		}
	}
}

func (m *Inboxes[T]) wake(i int) {
	if w := m.wakers[i]; w != nil && w.Asleep() {
		w.Wake()
	}
}

// Readable reports whether a message waits for shard to.
func (m *Inboxes[T]) Readable(to int) bool {
	b := &m.inboxes[to]
	return b.slots[b.read&b.mask].seq.Load() == b.read+1
}

// Pending is how many messages of shard from wait for room.
func (m *Inboxes[T]) Pending(from int) (n int) {
	for _, to := range m.ends[from].dirty {
		o := &m.ends[from].out[to]
		n += o.queue.n - o.staged
	}
	return n
}

// Unflushed reports whether shard from has to Flush before it may sleep.
func (m *Inboxes[T]) Unflushed(from int) bool {
	for _, to := range m.ends[from].dirty {
		if o := &m.ends[from].out[to]; o.staged > 0 || o.queue.n > 0 && m.inboxes[to].roomOrBlock(from) > 0 {
			return true
		}
	}
	return false
}

// Stats reads a pair's counters. Any thread.
func (m *Inboxes[T]) Stats(from, to int) PairStats {
	o := m.outgoing(from, to)
	received := m.inboxes[to].received[from].Load() // before sent
	return PairStats{Sent: o.sent.Load(), Received: received, Full: o.full.Load()}
}
