package tpc

import (
	"slices"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
)

// fetchLeg is the part of a fetch that one shard owns. While it is away its
// owner alone writes it and the parts it names; only away itself may be read by
// both.
type fetchLeg struct {
	req   *request
	index int32
	owner int
	parts []int32 // in request order
	need  int     // bytes at which the leg is worth answering
	away  atomic.Bool

	at      int  // which of the parts is looked at
	bytes   int  // found in those before it
	decided bool // the fetch is due whatever the bytes: an error, or a part that waiting adds nothing to
	moved   bool // a partition of it has moved: home must ask its new owner
	waiting bool // linked into its partitions
	cold    coldWait

	startNs int64 // when the owner took it up, and
	localNs int64 // when it had looked at every part
}

// startLeg is stop 5 at the owner: look at every part from the first on.
func (s *shard) startLeg(leg *fetchLeg) {
	if leg.startNs == 0 {
		leg.startNs = telemetry.Now()
	}
	leg.at, leg.bytes, leg.decided, leg.moved = 0, 0, false, false
	leg.cold.leg = leg
	leg.cold.forget()
	s.serveLeg(leg)
}

// serveLeg goes on where the leg is: answers when there is enough, else waits in
// the partitions for their high watermarks to move. A part that has to be read
// from the device comes back here; what was found before it stays referred to.
func (s *shard) serveLeg(leg *fetchLeg) {
	for ; leg.at < len(leg.parts); leg.at++ {
		if !s.takePart(leg) {
			return
		}
		leg.cold.forget()
	}
	leg.localNs = telemetry.Now()
	if leg.decided || leg.bytes >= leg.need {
		s.legDone(leg)
		return
	}
	r := leg.req
	leg.waiting = true
	for _, i := range leg.parts {
		fp := &r.fetch.Parts[i]
		fp.Drop(s.arena) // a wait may be long: it pins no memory, and looks anew
		w := &r.fetchWaits[i]
		*w = fetchWait{leg: leg}
		if p := s.parts[partKey{fp.Topic.ID, fp.Index}]; p != nil {
			p.waitFetch(w)
		}
	}
}

// takePart looks at one part and refers to what it finds. False: a read of the
// device is under way first.
func (s *shard) takePart(leg *fetchLeg) bool {
	op := &leg.req.fetch
	fp := &op.Parts[leg.parts[leg.at]]
	p := s.find(fp.Topic, fp.Index)
	switch {
	case p == nil && s.elsewhere(fp.Topic, fp.Index):
		leg.moved, leg.decided = true, true
		return true
	case p == nil || p.gone:
		fp.Drop(s.arena)
		fp.Fail(codeUnknown)
		leg.decided = true
		return true
	case p.moving:
		s.holdLeg(p, leg)
		return false
	}
	c := &leg.cold
	if c.taken > 0 {
		return s.takeMore(leg, p, fp)
	}
	c.begin(p)
	budget := int(min(fp.MaxBytes, op.MaxBytes))
	if fp.Apply(p.Partition, budget, true, c) {
		if leg.full() {
			return true
		}
		c.load(budget)
		return false
	}
	if fp.Err != 0 || fp.DivergingEpoch >= 0 {
		leg.decided = true
		return true
	}
	e := &fp.Extent
	n := p.take(fp, 0)
	if n < e.Len {
		switch {
		case n >= e.First && !leg.wants(n):
		case n >= e.First:
			return s.awaitMore(leg, e, n)
		case leg.full():
			fp.Drop(s.arena)
			n = 0
		default:
			fp.Drop(s.arena)
			c.cold(e.Seg, e.Pos, e.First)
			c.load(e.Len)
			return false
		}
	}
	s.found(leg, p, e, n)
	return true
}

// awaitMore has the rest of an extent read, of which n bytes are referred to.
func (s *shard) awaitMore(leg *fetchLeg, e *log.Extent, n int) bool {
	c := &leg.cold
	c.taken, c.seg, c.pos, c.atLeast = n, e.Seg, e.Pos+int64(n), 1
	c.load(e.Len - n)
	return false
}

// takeMore goes on behind what is referred to already. The segment may have been
// removed meanwhile, and its file be another's.
func (s *shard) takeMore(leg *fetchLeg, p *ownedPartition, fp *api.FetchPart) bool {
	e, n := &fp.Extent, leg.cold.taken
	if slices.Contains(p.Log.Segments(), e.Seg) {
		n = p.take(fp, n)
		if n < e.Len && leg.wants(n) {
			return s.awaitMore(leg, e, n)
		}
	}
	s.found(leg, p, e, n)
	return true
}

// wants reports whether more of an extent is worth a read of the device when n
// bytes of it, the first batch among them, are there: the request has room for it,
// and so has the shard.
func (leg *fetchLeg) wants(n int) bool {
	return leg.bytes+n < int(leg.req.fetch.MaxBytes) && leg.cold.p.s.roomy()
}

// found puts n bytes of the extent into the answer.
func (s *shard) found(leg *fetchLeg, p *ownedPartition, e *log.Extent, n int) {
	e.Len = n
	leg.bytes += n
	p.load.fetched(n)
	if n > 0 {
		// Behind the high watermark's segment waiting would add nothing.
		leg.decided = leg.decided || e.Seg.Base < p.HighWatermark().SegBase
		p.windows.sent(e.Seg, e.Pos, e.Pos+int64(n))
	}
}

// full reports whether reading the device for more is of no use: what was found
// uses up the request, whose parts are served in order. That home does not wait
// any longer is no reason to give less: the wait was for bytes to come.
func (leg *fetchLeg) full() bool {
	return leg.bytes > 0 && leg.bytes >= int(leg.req.fetch.MaxBytes)
}

// failPart answers the part that could not be read with what there is of it, or
// with an error, and goes on.
func (s *shard) failPart(leg *fetchLeg, code int16) {
	fp := &leg.req.fetch.Parts[leg.parts[leg.at]]
	if c := &leg.cold; c.taken > 0 {
		s.found(leg, c.p, &fp.Extent, c.taken)
	} else {
		fp.Fail(code)
	}
	leg.decided = true
	leg.at++
	leg.cold.forget()
	s.serveLeg(leg)
}

// wakeLeg is told that a partition of a waiting leg has moved. All parts are
// looked at anew: what they had may have been evicted.
func (s *shard) wakeLeg(leg *fetchLeg) {
	leg.unlink()
	s.startLeg(leg)
}

// unlink takes a leg out of every partition it waits in.
func (leg *fetchLeg) unlink() {
	leg.waiting = false
	for _, i := range leg.parts {
		leg.req.fetchWaits[i].unlink()
	}
}

// hurry runs at the owner. The leg may be home already: then only its flag is
// read. One that reads from the device does that first.
func (s *shard) hurry(leg *fetchLeg) {
	if !leg.away.Load() {
		return
	}
	leg.need = 0
	if leg.waiting {
		s.wakeLeg(leg)
	}
}

// legDone sends the leg home.
func (s *shard) legDone(leg *fetchLeg) {
	r := leg.req
	home, index := r.c.s, leg.index
	leg.away.Store(false) // from here on it is home's
	if home != s {
		s.send(home.id, message{kind: msgFetchDone, part: index, req: r})
		return
	}
	s.legHome(r)
}
