package tpc

import (
	"sync/atomic"

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
	hurried bool // home wants what there is
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
		fp.Fail(codeUnknown)
		leg.decided = true
		return true
	case p.moving:
		s.holdLeg(p, leg)
		return false
	}
	c := &leg.cold
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
	n := p.take(fp)
	if n < e.Len {
		first := c.firstBatch(e)
		// A read for this very part has brought what one may bring.
		if most := n >= first && (c.fresh || n >= windowMost || leg.full()); !most {
			fp.Drop(s.arena)
			if !leg.full() {
				c.cold(e.Seg, e.Pos, first)
				c.load(e.Len)
				return false
			}
			n = 0
		}
		e.Len = n
	}
	leg.bytes += n
	p.load.fetched(n)
	// Behind the high watermark's segment waiting would add nothing.
	leg.decided = leg.decided || n > 0 && e.Seg.Base < p.HighWatermark().SegBase
	return true
}

// full reports whether reading the device for more is of no use: what was found
// uses up the request, whose parts are served in order, or home does not wait
// any longer and something was found.
func (leg *fetchLeg) full() bool {
	return leg.bytes > 0 && (leg.hurried || leg.bytes >= int(leg.req.fetch.MaxBytes))
}

// failPart answers the part that could not be read with an error and goes on.
func (s *shard) failPart(leg *fetchLeg, code int16) {
	leg.req.fetch.Parts[leg.parts[leg.at]].Fail(code)
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
// read. One that reads from the device answers with what it has then.
func (s *shard) hurry(leg *fetchLeg) {
	if !leg.away.Load() {
		return
	}
	leg.need, leg.hurried = 0, true
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
