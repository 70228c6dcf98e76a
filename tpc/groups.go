package tpc

import (
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/mesh"
)

// group is a kind of request that shards send each other. Each has places of its
// own: what is under way to one shard is bounded, and what finds no place waits
// with its sender or is refused. Replies need no place, so whoever has one gets
// done. And each has turns of its own: of what a round brings, a shard serves at
// most so many of each group, so that a flood of one delays no other.
type group uint8

const (
	groupProduce group = iota
	groupFetch
	groupSession
	groupCold
	groupAccept
	groupMemory
	groupQuota
	groupDoor
	groups
	noGroup = groups // replies, and what belongs to a request that has a place
)

// groupSpecs is the place to add a group. InFlight and Waiting are those of
// [mesh.ServiceSpec]; turns is how many requests of it a round serves.
//
//   - A produce part without a place waits; its frame stays in memory, so what
//     waits is bounded by the requests that connections may have in the broker.
//     One request may have thousands of parts, so its turns are what keeps a
//     round within the task quota.
//   - A fetch leg keeps its place while it waits for bytes, as long as the
//     consumer asked for. So there are many places, and who finds none is refused
//     with a retriable error: a wait for a place would have no such end.
//   - A search for a session without a place is given up: the client begins a new one.
//   - A cold part without a place waits; one request may have thousands.
//   - A shard asks one other for memory at a time, and somebody of the other groups
//     may wait for it.
//   - A connection that finds no place stays where it was accepted.
//   - A request without a place to be booked waits, as produce parts do, and so do
//     connections on their way in and out.
var groupSpecs = [groups]struct {
	mesh.ServiceSpec
	turns int
}{
	groupProduce: {mesh.ServiceSpec{Name: "produce", InFlight: 1 << 15, Waiting: 1 << 20, Calls: []string{"memory"}}, 128},
	groupFetch:   {mesh.ServiceSpec{Name: "fetch", InFlight: 1 << 17, Calls: []string{"memory"}}, 256},
	groupSession: {mesh.ServiceSpec{Name: "session", InFlight: 1 << 10}, 64},
	groupCold:    {mesh.ServiceSpec{Name: "cold", InFlight: 1 << 13, Waiting: 1 << 20, Calls: []string{"memory"}}, 64},
	groupAccept:  {mesh.ServiceSpec{Name: "accept", InFlight: 1 << 10}, 64},
	groupMemory:  {mesh.ServiceSpec{Name: "memory", InFlight: 16}, 16},
	groupDoor:    {mesh.ServiceSpec{Name: "door", InFlight: 1 << 10, Waiting: 1 << 20}, 64},
	groupQuota:   {mesh.ServiceSpec{Name: "quota", InFlight: 1 << 12, Waiting: 1 << 20}, 256},
}

// messageGroups says whose turn a message takes.
var messageGroups = [messageKinds]group{
	msgProduce: groupProduce, msgFetch: groupFetch, msgSeek: groupSession, msgCold: groupCold, msgAccept: groupAccept, msgBorrow: groupMemory,
	msgBook: groupQuota, msgBooked: noGroup,
	msgKnock: groupDoor, msgOpened: noGroup, msgLeft: groupDoor, msgGone: noGroup,
	msgProduceDone: noGroup, msgFetchDone: noGroup, msgSeekDone: noGroup, msgColdDone: noGroup, msgAccepted: noGroup,
	msgFetchCancel: noGroup, msgCancelAck: noGroup, msgRoom: noGroup, msgFence: noGroup, msgLent: noGroup, msgRecall: noGroup,
}

// makeMesh connects n shards. Behind the rings there is room for everything that
// may be under way between two of them: each side's requests, each perhaps called
// back, and the replies to the other side's. A note that there
// is room for connections comes once from each shard at most, a fence once a move.
// Searches for sessions go round, so any shard's may pass between two others.
// A fence is preceded by what waits for places, which goes out above the bound.
func (b *Broker) makeMesh(n int) error {
	specs := make([]mesh.ServiceSpec, groups)
	for g := range specs {
		specs[g] = groupSpecs[g].ServiceSpec
	}
	services, err := mesh.NewServices(n, specs...)
	if err != nil {
		return err
	}
	b.services = services
	for g := range b.groups {
		b.groups[g] = services.Group(specs[g].Name)
	}
	pending := 4*services.Places() + 2*services.Waiting() + n*(1+groupSpecs[groupSession].InFlight)
	if b.cfg.Factors.Mesh == "mpsc" {
		b.mesh = mesh.NewInboxes[message](n, meshCapacity, pending)
	} else {
		b.mesh = mesh.NewBounded[message](n, meshCapacity, pending)
	}
	return nil
}

// enter takes a place of group g at another shard for a request that is sent at
// once if there is one. Otherwise w is told when it has one; with no w, or too
// many waiting, ok is false and the request has to be refused.
func (s *shard) enter(g group, to int, w mesh.Waiter) (entered, ok bool) {
	if w == nil {
		entered = s.b.groups[g].Enter(nil, s.id, to)
		return entered, entered
	}
	return s.b.groups[g].EnterOrWait(nil, s.id, to, w)
}

// leavePlace gives the place back when the request is home again, from wherever its
// partition is by now. One whose partition was here has taken none.
func (s *shard) leavePlace(g group, to int) {
	if to != s.id {
		s.b.groups[g].Leave(s.id, to)
	}
}

// sendFence tells a shard that nothing follows that was sent by an older image.
// What waits for a place there goes out before, because a place may not come free
// until the fence has passed.
func (s *shard) sendFence(to int) {
	for _, g := range s.b.groups {
		g.AdmitWaiting(s.id, to)
	}
	s.send(to, message{kind: msgFence})
}

// turns is what a shard still serves of each group this round, and what has to
// wait for a later one.
type turns struct {
	left [groups]int
	late [groups]lateQueue
	// fences are those that came while requests were late, oldest first: how many
	// late requests of each group had come before.
	fences [][groups]uint64
}

// beginTurns starts a round: it is late requests' turn first. True if there were any.
func (s *shard) beginTurns() (busy bool) {
	t := &s.turns
	for g := range t.left {
		t.left[g] = groupSpecs[g].turns
		for q := &t.late[g]; q.head < len(q.items) && t.left[g] > 0; {
			t.left[g]--
			busy = true
			m := q.pop()
			s.handle(m.from, m.message)
		}
	}
	for len(t.fences) > 0 && t.reached(&t.fences[0]) {
		t.fences = t.fences[1:]
		s.fence.pass()
	}
	return busy
}

// onFence lets a fence pass when everything that came before it has been served.
func (s *shard) onFence() {
	t := &s.turns
	var mark [groups]uint64
	for g := range t.late {
		mark[g] = t.late[g].pushed.Load()
	}
	if len(t.fences) == 0 && t.reached(&mark) {
		s.fence.pass()
		return
	}
	t.fences = append(t.fences, mark)
}

// reached reports whether as many late requests of each group have been served.
func (t *turns) reached(mark *[groups]uint64) bool {
	for g := range t.late {
		if t.late[g].popped < mark[g] {
			return false
		}
	}
	return true
}

// take is whether m is served now; otherwise it is kept for later.
func (t *turns) take(from int, m message) bool {
	g := messageGroups[m.kind]
	if g == noGroup {
		return true
	}
	if t.left[g] == 0 {
		t.late[g].push(late{m, from})
		return false
	}
	t.left[g]--
	return true
}

// late is a message that was not served in the round that brought it.
type late struct {
	message
	from int
}

// lateQueue keeps messages in order. It holds what its group has places for at
// most, and keeps its room.
type lateQueue struct {
	items  []late
	head   int
	pushed telemetry.Counter
	popped uint64
}

func (q *lateQueue) push(m late) {
	q.items = append(q.items, m)
	q.pushed.Inc()
}

func (q *lateQueue) pop() late {
	m := q.items[q.head]
	q.items[q.head] = late{}
	q.popped++
	if q.head++; q.head >= len(q.items)/2 { // each is moved once, on average
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return m
}
