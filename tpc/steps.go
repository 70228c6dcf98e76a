package tpc

import (
	"github.com/ceteris/ceteris/models/iobuf"
)

// A request may name thousands of partitions, and others wait while it is worked
// off. So whatever walks over its parts does a bounded number of them at a time:
// the first few at once, which is all there is of nearly every request, the others
// in tasks of their own, between which the reactor does everything else that is
// due. One request does one walk at a time.
//
// What an owner does for others is bounded elsewhere: a fetch leg by its own
// steps (leg.go), everything else by the turns of its group (groups.go).

const (
	// stepParts bounds the parts that one step looks at. A produce part whose
	// partition nobody has touched for a while costs about 3 µs.
	stepParts = 64
	// stepBytes bounds what one step of a produce request copies.
	stepBytes = 2 << 20
)

// steps is the walk of a long request.
type steps struct {
	long  bool // the request has, or had, more parts than one step may look at
	at    int  // the part that is next, for pieces that want one kept
	piece func(*shard, *request) (more bool)
	then  func(*shard, *request)

	encoding bool // what is in out and ns belongs to the answer
	out      iobuf.Chain
	ns       int64 // that encoding took
}

// inSteps calls piece until it says that there is no more, and then goes on with
// then. The first call is part of the present task.
func (s *shard) inSteps(r *request, piece func(*shard, *request) (more bool), then func(*shard, *request)) {
	r.steps.at = 0
	if !s.step(r, piece) {
		then(s, r)
		return
	}
	r.steps.long, r.steps.piece, r.steps.then = true, piece, then
	s.r.Ready(r)
}

// RunTask does the next piece of a long request.
func (r *request) RunTask() {
	s := r.c.s
	if s.step(r, r.steps.piece) {
		s.r.Ready(r)
		return
	}
	r.steps.then(s, r)
}

// step does a piece and notes how much that was.
func (s *shard) step(r *request, piece func(*shard, *request) (more bool)) (more bool) {
	before := s.looked
	more = piece(s, r)
	s.noteStep(before)
	return more
}

// noteStep is called at the end of what looked at partitions, with the count of
// looks as it was before.
func (s *shard) noteStep(before int64) {
	if n := s.looked - before; n > s.stepMost.Load() {
		s.stepMost.Store(n)
	}
}

// letGo releases what a long answer referred to.
type letGo struct {
	s     *shard
	chain iobuf.Chain
	at    int
}

// letGo empties a chain that was sent.
func (s *shard) letGo(c *iobuf.Chain) {
	if len(c.Pieces) <= stepPieces {
		c.Reset(s.arena)
		return
	}
	l := &letGo{s: s, chain: *c}
	*c = iobuf.Chain{}
	s.r.ReadyStep(l)
}

// stepPieces bounds the pieces of an answer that one step releases.
const stepPieces = 512

// Step releases some of them.
func (l *letGo) Step() (more bool) {
	for n := 0; n < stepPieces && l.at < len(l.chain.Pieces); n++ {
		l.chain.Pieces[l.at].Release(l.s.arena)
		l.at++
	}
	return l.at < len(l.chain.Pieces)
}
