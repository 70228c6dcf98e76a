package api

import "github.com/ceteris/ceteris/models/cluster"

// sessionParts are the partitions of a session: a list in a slab, with a map
// from key to slot. Once a session has seen its partitions, it allocates nothing.
type sessionParts struct {
	slab       []sessionPart
	slots      map[sessionKey]int32
	head, tail int32 // of the list, -1 when empty
	free       int32 // of the list of free slots, linked by next
}

// sessionKey is a partition as the client names it: by name or by id.
type sessionKey struct {
	name  string
	id    [16]byte
	index int32
}

// sessionPart is a partition as both sides know it: what the client asked last
// and what it was told last.
type sessionPart struct {
	key              sessionKey
	prev, next       int32
	topic            *cluster.Topic // in the session's image
	missing          int16          // why there is no topic
	offset           int64
	maxBytes         int32
	currentEpoch     int32
	lastFetchedEpoch int32
	hw, logStart     int64 // last told; -1: tell again whatever it is
}

func (s *sessionParts) init(size int) {
	s.slab = make([]sessionPart, 0, size)
	s.slots = make(map[sessionKey]int32, size)
	s.head, s.tail, s.free = -1, -1, -1
}

func (s *sessionParts) len() int { return len(s.slots) }

// put finds a partition's slot or gives it one at the end of the list.
func (s *sessionParts) put(name []byte, id [16]byte, index int32) (at int32, fresh bool) {
	if at, ok := s.slots[sessionKey{string(name), id, index}]; ok {
		return at, false
	}
	if at = s.free; at >= 0 {
		s.free = s.slab[at].next
	} else {
		at = int32(len(s.slab))
		s.slab = append(s.slab, sessionPart{})
	}
	key := sessionKey{string(name), id, index}
	s.slab[at] = sessionPart{key: key, hw: noOffset, logStart: noOffset, currentEpoch: -1, lastFetchedEpoch: -1}
	s.slots[key] = at
	s.link(at)
	return at, true
}

// drop forgets a partition, if it is there.
func (s *sessionParts) drop(name []byte, id [16]byte, index int32) {
	at, ok := s.slots[sessionKey{string(name), id, index}]
	if !ok {
		return
	}
	delete(s.slots, s.slab[at].key)
	s.unlink(at)
	s.slab[at] = sessionPart{next: s.free}
	s.free = at
}

func (s *sessionParts) link(at int32) {
	p := &s.slab[at]
	p.prev, p.next = s.tail, -1
	if s.tail >= 0 {
		s.slab[s.tail].next = at
	} else {
		s.head = at
	}
	s.tail = at
}

func (s *sessionParts) unlink(at int32) {
	p := &s.slab[at]
	if p.prev >= 0 {
		s.slab[p.prev].next = p.next
	} else {
		s.head = p.next
	}
	if p.next >= 0 {
		s.slab[p.next].prev = p.prev
	} else {
		s.tail = p.prev
	}
}

func (s *sessionParts) toEnd(at int32) {
	if s.tail != at {
		s.unlink(at)
		s.link(at)
	}
}

// tell remembers what a response says of the partition and reports whether it
// has to say it: records, an error, a diverging epoch, or an offset that moved.
// After an error or a diverging epoch the next response speaks of it again.
func (p *sessionPart) tell(fp *FetchPart) bool {
	must := fp.bytes > 0 || fp.HW != p.hw || fp.LogStart != p.logStart
	p.hw, p.logStart = fp.HW, fp.LogStart
	if fp.Err != 0 || fp.DivergingEpoch >= 0 {
		p.hw = noOffset
		return true
	}
	return must
}
