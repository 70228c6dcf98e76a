package tpc

import (
	"github.com/ceteris/ceteris/models/api"
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

// limits bound what is done in one go. The simulation makes them small, so that a
// few partitions are many.
type limits struct {
	parts     int // looked at by one step of a request or a leg; a produce part costs about 3 µs, cold
	bytes     int // copied by one step of a produce request
	pieces    int // of an answer, released by one step
	room      int // parts that room is made for on the shard's thread
	coldBytes int // of a request that goes through kmsg, decoded on the shard's thread
	coldParts int // partitions that an answer about all there are is made of there
	wave      int // partitions whose writes one wave has; two are what the kernel takes at a time
}

var usualLimits = limits{parts: 64, bytes: 2 << 20, pieces: 512, room: 1024, coldBytes: 4 << 10, coldParts: 1024, wave: 128}

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

// notRead closes the connection of a request that could not be read. The request
// is never answered, only taken back.
func (s *shard) notRead(r *request) {
	s.b.logf("connection %d: %v", r.c.id, r.unread)
	r.c.close()
	s.answerable(r)
}

// roomJob makes room for the parts of a request whose like was not here before:
// clearing megabytes takes longer than a step may.
type roomJob struct {
	r    *request
	n    int
	then func()
}

// Work touches nothing of the shard but the request, which nobody else does
// meanwhile.
func (j *roomJob) Work() {
	r := j.r
	if r.hdr.Key == keyProduce {
		r.produce.Parts, r.waits = make([]api.ProducePart, 0, j.n), make([]produceWait, j.n)
		return
	}
	r.fetch.Parts, r.fetchWaits = make([]api.FetchPart, 0, j.n), make([]fetchWait, j.n)
}

// Done runs on the shard's thread.
func (j *roomJob) Done() { j.then() }

// letGo releases what a long answer referred to.
type letGo struct {
	s     *shard
	chain iobuf.Chain
	at    int
}

// letGo empties a chain that was sent.
func (s *shard) letGo(c *iobuf.Chain) {
	if len(c.Pieces) <= s.most.pieces {
		c.Reset(s.arena)
		return
	}
	l := &letGo{s: s, chain: *c}
	*c = iobuf.Chain{}
	s.r.ReadyStep(l)
}

// Step releases some of them.
func (l *letGo) Step() (more bool) {
	for n := 0; n < l.s.most.pieces && l.at < len(l.chain.Pieces); n++ {
		l.chain.Pieces[l.at].Release(l.s.arena)
		l.at++
	}
	return l.at < len(l.chain.Pieces)
}
