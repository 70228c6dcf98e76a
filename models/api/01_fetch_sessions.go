package api

import (
	"math"
	"math/rand/v2"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

// sessionIdleMs is how long a session must not have been used, or must have
// existed, before it may have to make room; Kafka's constant.
const sessionIdleMs = 120_000

// Sessions is a cache of incremental fetch sessions (KIP-227). A client that
// has a session names only the partitions that changed for it, and is told only
// of those that changed for us.
//
// A full fetch with epoch 0 gets a session when there is room. When there is
// none, a session idle for two minutes goes, least recently used first;
// otherwise one that has existed for two minutes and has the fewest partitions,
// if the new one has more; otherwise the client is told session 0 and goes on
// with full fetches.
//
// It has no lock: it belongs to one thread, or to a lock of the shell, held over
// [Fetch.Split] and [Fetch.Settle].
type Sessions struct {
	slots      int
	ids        *atomic.Int32
	byID       map[int32]*session
	used       session // ring of live sessions, least recently used first
	Evicted    uint64  // sessions that made room; cumulative
	Partitions int     // in all sessions; gauge
}

// FirstSession draws where a broker begins to count its sessions. A client that
// comes back after a restart brings the id of a session that is no more: if all
// brokers began at 1, it would soon be somebody else's.
func FirstSession() int32 { return rand.Int32() }

// NewSessions makes a cache for so many sessions. ids counts the sessions of the
// process, from [FirstSession] on, so that no two caches give the same id.
func NewSessions(slots int, ids *atomic.Int32) *Sessions {
	s := &Sessions{slots: slots, ids: ids, byID: make(map[int32]*session)}
	s.used.prev, s.used.next = &s.used, &s.used
	return s
}

// Len is the number of live sessions.
func (s *Sessions) Len() int { return len(s.byID) }

// session is what both sides remember. Its partitions are in the order in which
// they share the bytes of a response: those that got some go to the end.
type session struct {
	id         int32
	epoch      int32 // of the next request
	byTopicID  bool
	bornMs     int64
	usedMs     int64
	prev, next *session
	im         *cluster.Image // the image that the parts' topics are of
	parts      sessionParts
}

// make is a session for the parts of a full fetch, nil when there is no room. It
// is complete when it has taken all of them, and then enters the cache.
func (s *Sessions) make(op *Fetch, nowMs int64) *session {
	if len(op.Parts) == 0 || s.slots == 0 {
		return nil
	}
	if len(s.byID) >= s.slots && !s.makeRoom(len(op.Parts), nowMs) {
		return nil
	}
	n := &session{epoch: 1, byTopicID: op.Version >= 13, bornMs: nowMs, usedMs: nowMs}
	n.parts.init(len(op.Parts))
	return n
}

// take adds a part to a session that is being made.
func (e *session) take(fp *FetchPart) {
	at, fresh := e.parts.put(fp.name, fp.id, fp.Index)
	if !fresh {
		return // named twice in one request
	}
	p := &e.parts.slab[at]
	p.offset, p.maxBytes = fp.Offset, fp.MaxBytes
	p.currentEpoch, p.lastFetchedEpoch = fp.CurrentEpoch, fp.LastFetchedEpoch
	p.tell(fp)
}

// enter puts a session that was made into the cache and gives it its id: 0 when
// others have taken the room meanwhile.
func (s *Sessions) enter(e *session) int32 {
	if len(s.byID) >= s.slots {
		return 0
	}
	e.id = s.nextID()
	s.byID[e.id] = e
	s.Partitions += e.parts.len()
	s.pushUsed(e)
	return e.id
}

func (s *Sessions) nextID() int32 {
	for {
		id := s.ids.Add(1) & math.MaxInt32
		if id != 0 && s.byID[id] == nil {
			return id
		}
	}
}

// makeRoom evicts one session by the rule above.
func (s *Sessions) makeRoom(size int, nowMs int64) bool {
	oldest := s.used.next
	if oldest == &s.used {
		return false
	}
	if nowMs-oldest.usedMs > sessionIdleMs {
		s.evict(oldest)
		return true
	}
	var smallest *session
	for e := s.used.next; e != &s.used; e = e.next {
		if nowMs-e.bornMs > sessionIdleMs && (smallest == nil || e.parts.len() < smallest.parts.len()) {
			smallest = e
		}
	}
	if smallest == nil || smallest.parts.len() >= size {
		return false
	}
	s.evict(smallest)
	return true
}

func (s *Sessions) evict(e *session) {
	s.remove(e)
	s.Evicted++
}

func (s *Sessions) remove(e *session) {
	if s.byID[e.id] != e {
		return
	}
	delete(s.byID, e.id)
	s.Partitions -= e.parts.len()
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
}

func (s *Sessions) pushUsed(e *session) {
	e.prev, e.next = s.used.prev, &s.used
	e.prev.next, s.used.prev = e, e
}

// touch makes a session the one used last, unless it has left the cache.
func (s *Sessions) touch(e *session, nowMs int64) {
	if s.byID[e.id] != e {
		return
	}
	e.usedMs = nowMs
	e.prev.next, e.next.prev = e.next, e.prev
	s.pushUsed(e)
}

// change takes what a request says of a partition into its session.
func (s *Sessions) change(e *session, name []byte, id [16]byte, asked *wire.FetchPart) {
	slot, fresh := e.parts.put(name, id, asked.Index)
	p := &e.parts.slab[slot]
	p.offset, p.maxBytes = asked.Offset, asked.MaxBytes
	p.currentEpoch, p.lastFetchedEpoch = asked.CurrentEpoch, asked.LastFetchedEpoch
	if fresh {
		e.im = nil // the new part has not been looked up
		s.counts(e, 1)
	}
}

// forget takes a partition out of a session.
func (s *Sessions) forget(e *session, name []byte, id [16]byte, index int32) {
	before := e.parts.len()
	e.parts.drop(name, id, index)
	s.counts(e, e.parts.len()-before)
}

// counts keeps the number of partitions, unless the session has left the cache.
func (s *Sessions) counts(e *session, n int) {
	if s.byID[e.id] == e {
		s.Partitions += n
	}
}

// nextEpoch is the epoch of the request after one with this epoch. 0 is kept
// for requests that ask for a new session.
func nextEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}
