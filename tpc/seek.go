package tpc

// Fetches of one session come in the order of its epochs, and each needs what
// the one before has left: the pool, which serves a connection's requests one by
// one, has that for nothing. Here a fetch of a session waits for an earlier one
// of the same connection, and the connection takes nothing in meanwhile.
//
// A session lies on the shard of the connection that used it last and is valid on
// all connections of the broker. When a client brings one to a shard that does
// not have it, a message goes round the others until one gives it up. With
// routing=direct every shard is a broker with sessions of its own, and nobody is
// asked.

// serveSession goes on with a fetch as soon as its session is here.
func (s *shard) serveSession(r *request) {
	id, c := r.fetchR.SessionID, r.c
	switch {
	case id == 0:
	case r.overtakes(id):
		c.held, r.queued = r, true // until it is the oldest; flush looks
		return
	case len(s.b.shards) > 1 && !s.env.Direct && !s.sessions.Has(id):
		if entered, _ := s.enter(groupSession, s.next(), nil); entered {
			c.held = r
			s.passOn(r)
			return
		}
	}
	s.splitFetch(r)
}

// overtakes reports whether an earlier fetch of the session has no answer yet.
func (r *request) overtakes(id int32) bool {
	for q := r.c.head; q != r; q = q.next {
		if q.hdr.Key == keyFetch && q.fetchR.SessionID == id {
			return true
		}
	}
	return false
}

// turn takes a fetch up that has become its connection's oldest request.
func (c *conn) turn() {
	if r := c.held; r != nil && r.queued && r == c.head {
		c.held, r.queued = nil, false
		r.final = c.s.stopping
		c.s.serveSession(r)
	}
}

// passOn asks the next shard; the one after the last is home.
func (s *shard) passOn(r *request) {
	next, kind := s.next(), msgSeek
	if next == r.c.s.id {
		kind = msgSeekDone
	}
	s.send(next, message{kind: kind, req: r})
}

// next is the shard that is asked after this one, and where what it asks for has
// its place.
func (s *shard) next() int { return (s.id + 1) % len(s.b.shards) }

// giveSession runs at a shard that is asked.
func (s *shard) giveSession(r *request) {
	r.session = s.sessions.Take(r.fetchR.SessionID)
	if r.session == nil {
		s.passOn(r)
		return
	}
	s.send(r.c.s.id, message{kind: msgSeekDone, req: r})
}

// sessionHome goes on with the request, with its session or without.
func (s *shard) sessionHome(r *request) {
	if r.session != nil {
		s.sessions.Put(r.session)
		r.session = nil
	}
	r.c.held, r.final = nil, s.stopping
	s.splitFetch(r)
	s.markConn(r.c) // requests behind it wait
}
