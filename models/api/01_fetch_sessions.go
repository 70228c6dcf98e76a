package api

import (
	"math"
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

// NewSessions makes a cache for so many sessions. ids counts the sessions of the
// process, so that no two caches give the same id.
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

// create makes a session with the parts of a full fetch, if there is room.
func (s *Sessions) create(op *Fetch, nowMs int64) int32 {
	if len(op.Parts) == 0 || s.slots == 0 {
		return 0
	}
	if len(s.byID) >= s.slots && !s.makeRoom(len(op.Parts), nowMs) {
		return 0
	}
	n := &session{id: s.nextID(), epoch: 1, byTopicID: op.Version >= 13, bornMs: nowMs, usedMs: nowMs}
	n.parts.init(len(op.Parts))
	for i := range op.Parts {
		fp := &op.Parts[i]
		at, fresh := n.parts.put(fp.name, fp.id, fp.Index)
		if !fresh {
			continue // named twice in one request
		}
		p := &n.parts.slab[at]
		p.offset, p.maxBytes = fp.Offset, fp.MaxBytes
		p.currentEpoch, p.lastFetchedEpoch = fp.CurrentEpoch, fp.LastFetchedEpoch
		p.tell(fp)
	}
	s.byID[n.id] = n
	s.Partitions += n.parts.len()
	s.pushUsed(n)
	return n.id
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

func (s *Sessions) touch(e *session, nowMs int64) {
	e.usedMs = nowMs
	e.prev.next, e.next.prev = e.next, e.prev
	s.pushUsed(e)
}

// update takes the changes of an incremental request into the session.
func (s *Sessions) update(e *session, req *wire.FetchRequest) {
	before := e.parts.len()
	at := 0
	for i := range req.Topics {
		t := &req.Topics[i]
		for range t.Parts {
			in := &req.Parts[at]
			at++
			slot, fresh := e.parts.put(t.Name, t.ID, in.Index)
			p := &e.parts.slab[slot]
			p.offset, p.maxBytes = in.Offset, in.MaxBytes
			p.currentEpoch, p.lastFetchedEpoch = in.CurrentEpoch, in.LastFetchedEpoch
			if fresh {
				e.im = nil // the new part has not been looked up
			}
		}
	}
	at = 0
	for i := range req.Forgotten {
		t := &req.Forgotten[i]
		for range t.Parts {
			e.parts.drop(t.Name, t.ID, req.ForgottenPart[at].Index)
			at++
		}
	}
	s.Partitions += e.parts.len() - before
}

// nextEpoch is the epoch of the request after one with this epoch. 0 is kept
// for requests that ask for a new session.
func nextEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}
