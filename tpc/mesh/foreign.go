package mesh

import "fmt"

// Foreign is a reference to something that lives on another shard, its home.
// Holders anywhere may read what was made before the reference; when the last
// reference is released the home destroys it, on its own thread.
//
// A Foreign is a value with one owner: handing it to another shard in a message
// gives it away, and whoever has it last calls Release once.
type Foreign[T any] struct {
	box   *box[T]
	lease *lease // who made it, in builds with invariants
}

// Get is what the reference refers to; nil for the zero value and after Release.
func (f *Foreign[T]) Get() *T {
	if f.box == nil {
		return nil
	}
	return f.box.v
}

// Home is the shard that destroys it.
func (f *Foreign[T]) Home() int { return f.box.home }

// box counts the references to one thing. Its home's own but for v and home,
// which do not change while there are references.
type box[T any] struct {
	v    *T
	home int
	refs int
	next *box[T] // free list
}

// Copied is told of the copy that it asked for; ok is false when the home has as
// many references out as it may.
type Copied[T any] interface{ OnCopy(f Foreign[T], ok bool) }

// parcel is what travels: a reference on its way home, or a question for a copy
// (ask set) there and back.
type parcel[T any] struct {
	box   *box[T]
	lease *lease
	ask   Copied[T]
	reply bool
}

// Exchange carries references of one type between shards. Every method belongs
// to the thread of the shard it is given.
type Exchange[T any] struct {
	c       Carrier[parcel[T]]
	limit   int
	destroy func(home int, v *T)
	homes   []exchangeEnd[T]
	leases  leases
}

// exchangeEnd is what one shard keeps for itself.
type exchangeEnd[T any] struct {
	_      [line]byte
	x      *Exchange[T]
	me     int
	out    int // references to what lives here
	asking int // copies that this shard waits for
	free   *box[T]
	_      [line]byte
}

// exchangeRing is the ring of each pair; what does not fit waits in the carrier.
const exchangeRing = 64

// NewExchange makes an exchange of shards. limit bounds the references that each
// home may have out and the copies that each shard may wait for; destroy is
// called on the home's thread for what nobody refers to any more.
func NewExchange[T any](shards, limit int, destroy func(home int, v *T)) *Exchange[T] {
	if limit < 1 {
		panic(fmt.Sprintf("mesh: exchange with a limit of %d references, want at least one", limit))
	}
	x := &Exchange[T]{limit: limit, destroy: destroy, homes: make([]exchangeEnd[T], shards)}
	// A pair never has more under way than the references to come home, the
	// questions for copies, and the answers to the other side's.
	x.c = NewBounded[parcel[T]](shards, exchangeRing, 3*limit)
	for i := range x.homes {
		x.homes[i].x, x.homes[i].me = x, i
	}
	return x
}

// SetWaker says how shard i is woken. Before the shards start.
func (x *Exchange[T]) SetWaker(i int, w Waker) { x.c.SetWaker(i, w) }

// Make is the first reference to v, which lives on the calling shard. False when
// the shard has as many references out as it may.
func (x *Exchange[T]) Make(home int, v *T) (f Foreign[T], ok bool) {
	e := &x.homes[home]
	if e.out == x.limit {
		return Foreign[T]{}, false
	}
	b := e.free
	if b == nil {
		b = &box[T]{}
	} else {
		e.free = b.next
	}
	*b = box[T]{v: v, home: home, refs: 1}
	e.out++
	return Foreign[T]{box: b, lease: x.leases.take()}, true
}

// Release gives f up on shard at. At home it takes effect at once, elsewhere f
// travels home with the next Flush.
func (x *Exchange[T]) Release(at int, f *Foreign[T]) {
	if f.box == nil {
		panic(fmt.Sprintf("mesh: shard %d releases a reference that it does not have", at))
	}
	b, l := f.box, f.lease
	*f = Foreign[T]{}
	l.end(at)
	if b.home == at {
		x.homes[at].drop(b, l)
		return
	}
	x.post(at, b.home, parcel[T]{box: b, lease: l})
}

// Copy asks for another reference, on shard at, which keeps f at least until the
// question has gone out: releasing f on the same shard is fine at any time, giving
// it away only after the answer. c.OnCopy is called from a later Recv, or at once
// at home. False when the shard waits for as many copies as it may.
func (x *Exchange[T]) Copy(at int, f *Foreign[T], c Copied[T]) bool {
	if f.box == nil {
		panic(fmt.Sprintf("mesh: shard %d copies a reference that it does not have", at))
	}
	e := &x.homes[at]
	if f.box.home == at {
		c.OnCopy(e.copy(f.box, x.leases.take()))
		return true
	}
	if e.asking == x.limit {
		return false
	}
	e.asking++
	// No release of this shard overtakes the question, so there is something to
	// copy when it arrives.
	x.post(at, f.box.home, parcel[T]{box: f.box, lease: x.leases.take(), ask: c})
	return true
}

// post sends what the bounds of the exchange have room for.
func (x *Exchange[T]) post(from, to int, p parcel[T]) {
	if !x.c.Post(from, to, p) {
		panic(fmt.Sprintf("mesh: exchange from shard %d to %d is full with at most %d references out", from, to, x.limit))
	}
}

// Flush sends what was released and asked for.
func (x *Exchange[T]) Flush(at int) { x.c.Flush(at) }

// Recv takes in up to budget references and questions and returns how many.
func (x *Exchange[T]) Recv(at, budget int) int { return x.c.Recv(at, budget, &x.homes[at]) }

// Readable and Unflushed are the last look before sleep, as for a [Carrier].
func (x *Exchange[T]) Readable(at int) bool { return x.c.Readable(at) }

// Unflushed reports whether shard at has to Flush before it may sleep.
func (x *Exchange[T]) Unflushed(at int) bool { return x.c.Unflushed(at) }

// Out is how many references there are to what lives on the shard.
func (x *Exchange[T]) Out(home int) int { return x.homes[home].out }

// Leaks tells, in builds with invariants, where the references were made that
// nobody has released; nil in others. Any thread.
func (x *Exchange[T]) Leaks() []string { return x.leases.open() }

// OnMessage takes one parcel in.
func (e *exchangeEnd[T]) OnMessage(from int, p parcel[T]) {
	switch {
	case p.ask == nil:
		e.drop(p.box, p.lease)
	case p.reply:
		e.asking--
		p.ask.OnCopy(Foreign[T]{box: p.box, lease: p.lease}, p.box != nil)
	default:
		f, _ := e.copy(p.box, p.lease)
		e.x.post(e.me, from, parcel[T]{box: f.box, lease: f.lease, ask: p.ask, reply: true})
	}
}

// copy makes another reference at home.
func (e *exchangeEnd[T]) copy(b *box[T], l *lease) (f Foreign[T], ok bool) {
	if b.refs < 1 || b.home != e.me {
		panic(fmt.Sprintf("mesh: shard %d is to copy what is gone: %d references, home %d", e.me, b.refs, b.home))
	}
	if e.out == e.x.limit {
		e.x.leases.done(l)
		return Foreign[T]{}, false
	}
	b.refs++
	e.out++
	return Foreign[T]{box: b, lease: l}, true
}

// drop takes back one reference; with the last one the thing goes.
func (e *exchangeEnd[T]) drop(b *box[T], l *lease) {
	if b.refs < 1 || b.home != e.me {
		panic(fmt.Sprintf("mesh: a reference came home to shard %d that was released before: %d left, home %d", e.me, b.refs, b.home))
	}
	e.x.leases.done(l)
	e.out--
	if b.refs--; b.refs > 0 {
		return
	}
	v := b.v
	b.v, b.next, e.free = nil, e.free, b
	if e.x.destroy != nil {
		e.x.destroy(e.me, v)
	}
}
