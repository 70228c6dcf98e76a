package api

import (
	"maps"
	"slices"
)

// MovedSession is a fetch session on its way from one cache of a broker to
// another: its client has come back on a connection of another thread.
type MovedSession struct{ e session }

// Has reports whether the cache has a session.
func (s *Sessions) Has(id int32) bool { return s.byID[id] != nil }

// Take removes a session from the cache for another one to put, nil when it is
// not here. Requests that still wait with it are answered as if the next one had
// overtaken them, which it has.
func (s *Sessions) Take(id int32) *MovedSession {
	e := s.byID[id]
	if e == nil {
		return nil
	}
	s.remove(e)
	m := &MovedSession{*e}
	m.e.parts.slab, m.e.parts.slots = slices.Clone(e.parts.slab), maps.Clone(e.parts.slots)
	e.epoch = epochNone // what waits here must not touch what has gone
	return m
}

// Put adds a session that Take has removed elsewhere. The number of sessions of
// the broker is as before, so nothing has to make room.
func (s *Sessions) Put(m *MovedSession) {
	e := &m.e
	s.byID[e.id] = e
	s.Partitions += e.parts.len()
	s.pushUsed(e)
}
