package mesh

import "fmt"

// Handler takes what Recv reads. It may send, but not call Recv for its shard.
type Handler[T any] interface {
	OnMessage(from int, v T)
}

// Waker is how a shard that sleeps is woken. Before it sleeps a shard makes
// Asleep true and then asks Readable and Unflushed once more. Both sides write
// first and read second, so one of them always sees the other: no message
// arrives, and no room comes free, unseen.
type Waker interface {
	Asleep() bool // any thread
	Wake()        // any thread
}

// Mesh connects n shards. All methods that take from belong to that shard's
// thread, all that take to to that one's; counters may be read anywhere.
type Mesh[T any] struct {
	n     int
	rings []ring[T] // by from*n + to; none is used where from == to
	ends  []end
	// wakers is read by every shard, and so kept off the lines that ends write.
	wakers []Waker
}

// end is what one shard keeps for itself.
type end struct {
	_      [line]byte
	dirty  []int32 // readers with staged messages
	marked []bool  // by reader: in dirty
	queued int     // messages in this shard's pending queues
	first  int     // writer that the next Recv starts with
	inRecv bool
	_      [line]byte
}

// New makes a mesh of n shards with rings of the given capacity, a power of two,
// and pending queues of four times that.
func New[T any](n, capacity int) *Mesh[T] { return NewBounded[T](n, capacity, 4*capacity) }

// NewBounded is New with a bound for the pending queue of each pair; 0 means
// none, so that Post refuses as soon as the ring is full.
func NewBounded[T any](n, capacity, pending int) *Mesh[T] {
	if n < 1 || capacity < 1 || capacity&(capacity-1) != 0 || pending < 0 {
		panic(fmt.Sprintf("mesh: got %d shards, capacity %d, pending %d, want at least one shard, a power of two, no negative",
			n, capacity, pending))
	}
	m := &Mesh[T]{n: n, rings: make([]ring[T], n*n), ends: make([]end, n), wakers: make([]Waker, n)}
	for i := range m.rings {
		if i/n != i%n {
			m.rings[i].init(capacity, pending)
		}
	}
	for i := range m.ends {
		m.ends[i].dirty = make([]int32, 0, n)
		m.ends[i].marked = make([]bool, n)
	}
	return m
}

// SetWaker says how shard i is woken. Before the shards start.
func (m *Mesh[T]) SetWaker(i int, w Waker) { m.wakers[i] = w }

// Shards is the number of shards.
func (m *Mesh[T]) Shards() int { return m.n }

func (m *Mesh[T]) ring(from, to int) *ring[T] {
	if from == to {
		panic(fmt.Sprintf("mesh: shard %d sends to itself", from))
	}
	return &m.rings[from*m.n+to]
}

// Send stages a message; Flush shows it. False when the ring is full or older
// messages are pending: the caller keeps v.
func (m *Mesh[T]) Send(from, to int, v T) bool {
	r := m.ring(from, to)
	if r.pending.n > 0 || !r.stage(v) {
		r.full.Inc()
		return false
	}
	m.ends[from].mark(to)
	return true
}

// Post is Send with a bounded queue behind it: what finds the ring full waits
// in order for a later Flush. False when that queue is full too.
func (m *Mesh[T]) Post(from, to int, v T) bool {
	r := m.ring(from, to)
	if r.pending.n == 0 && r.stage(v) {
		m.ends[from].mark(to)
		return true
	}
	r.full.Inc()
	if !r.pending.push(v) {
		return false
	}
	e := &m.ends[from]
	e.queued++
	e.mark(to)
	return true
}

// Flush shows everything staged, pending messages as far as they fit, and wakes
// each reader that sleeps, once. A reader that makes room later wakes this
// shard, which then has to flush again. It returns the messages still pending.
func (m *Mesh[T]) Flush(from int) int {
	e := &m.ends[from]
	kept := e.dirty[:0]
	for _, to := range e.dirty {
		r := &m.rings[from*m.n+int(to)]
		e.queued -= r.refill()
		if r.publish() {
			m.wake(int(to))
		}
		if r.pending.n > 0 {
			kept = append(kept, to)
		} else {
			e.marked[to] = false
		}
	}
	e.dirty = kept
	return e.queued
}

// Recv hands at most budget messages to h and returns how many. It takes turns
// among the writers, a batch each, and starts with another one every time.
func (m *Mesh[T]) Recv(to, budget int, h Handler[T]) int {
	e := &m.ends[to]
	if e.inRecv {
		panic(fmt.Sprintf("mesh: Recv of shard %d from within its handler", to))
	}
	e.inRecv = true
	taken := 0
	for more := true; more && taken < budget; {
		more = false
		for i := 0; i < m.n && taken < budget; i++ {
			from := e.first + i
			if from >= m.n {
				from -= m.n
			}
			if from == to {
				continue
			}
			r := &m.rings[from*m.n+to]
			got := r.take(min(batch, budget-taken), from, h)
			if got > 0 && r.unblock() {
				m.wake(from)
			}
			taken += got
			more = more || got == batch
		}
	}
	if e.first++; e.first == m.n {
		e.first = 0
	}
	e.inRecv = false
	return taken
}

// wake wakes shard i if it sleeps.
func (m *Mesh[T]) wake(i int) {
	if w := m.wakers[i]; w != nil && w.Asleep() {
		w.Wake()
	}
}

// Readable reports whether a message waits for shard to.
func (m *Mesh[T]) Readable(to int) bool {
	for from := 0; from < m.n; from++ {
		if from != to && m.rings[from*m.n+to].readable() {
			return true
		}
	}
	return false
}

// Pending is how many posted messages of shard from wait for room.
func (m *Mesh[T]) Pending(from int) int { return m.ends[from].queued }

// Unflushed reports whether shard from has to Flush before it may sleep:
// messages are staged, or pending ones have room now.
func (m *Mesh[T]) Unflushed(from int) bool {
	for _, to := range m.ends[from].dirty {
		if m.rings[from*m.n+int(to)].ready() {
			return true
		}
	}
	return false
}

// PairStats are the counters of one ordered pair.
type PairStats struct {
	Sent     uint64 // messages shown to the reader
	Received uint64 // messages the reader has handled
	Full     uint64 // times a message found no room
}

// Stats reads a pair's counters. Any thread.
func (m *Mesh[T]) Stats(from, to int) PairStats {
	r := m.ring(from, to)
	received := r.head.Load() // before tail, so that it is never the larger
	return PairStats{Sent: r.tail.Load(), Received: received, Full: r.full.Load()}
}

func (e *end) mark(to int) {
	if !e.marked[to] {
		e.marked[to] = true
		e.dirty = append(e.dirty, int32(to))
	}
}
