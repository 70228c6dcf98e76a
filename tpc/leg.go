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

	s       *shard // its owner, while it is away
	phase   legPhase
	at      int  // which of the parts is next
	bytes   int  // found in those before it
	decided bool // the fetch is due whatever the bytes: an error, or a part that waiting adds nothing to
	moved   bool // a partition of it has moved: home must ask its new owner
	waiting bool // linked into its partitions, all or those before at
	woken   bool // and one of them has moved on
	holding bool // waits for the end of a move alone
	ready   bool // in the queue of tasks
	cold    coldWait

	startNs int64 // when the owner took it up, and
	localNs int64 // when it had looked at every part
}

// legPhase is what a leg does with its parts, one after the other. A leg has as
// many parts as its request has partitions of the shard, so it does a piece and
// queues behind what else is to be done (see steps.go). What changes meanwhile is
// seen: a look is followed by a link, and a link compares the high watermark with
// what the look saw.
type legPhase uint8

const (
	legLooks   legPhase = iota // and refers to what it finds
	legLinks                   // lets go of what it found, to wait in its partitions
	legUnlinks                 // takes itself out of them, to look anew
)

// startLeg is stop 5 at the owner: look at every part from the first on.
func (s *shard) startLeg(leg *fetchLeg) {
	if leg.startNs == 0 {
		leg.startNs = telemetry.Now()
	}
	leg.s, leg.phase, leg.at, leg.waiting = s, legLooks, 0, false
	leg.bytes, leg.decided, leg.moved, leg.woken, leg.holding = 0, false, false, false, false
	leg.cold.leg = leg
	leg.cold.forget()
	s.serveLeg(leg)
}

// RunTask goes on with a long leg.
func (leg *fetchLeg) RunTask() {
	leg.ready = false
	leg.s.serveLeg(leg)
}

// serveLeg does a piece of what the leg is at: looks for what there is, and
// answers when there is enough, else waits in the partitions for their high
// watermarks to move. A part that has to be read from the device comes back here;
// what was found before it stays referred to.
func (s *shard) serveLeg(leg *fetchLeg) {
	before := s.looked
pieces:
	for n := 0; ; {
		if leg.at == len(leg.parts) {
			if !s.turnLeg(leg) {
				break pieces
			}
			continue
		}
		if n == s.most.parts {
			leg.ready = true
			s.r.Ready(leg)
			break pieces
		}
		n++
		s.looked++
		if leg.phase != legLooks {
			s.linkPart(leg, leg.parts[leg.at])
			leg.at++
			continue
		}
		switch s.takePart(leg) {
		case partTaken:
			leg.cold.forget()
			leg.at++
		case partCold:
			break pieces
		}
	}
	s.noteStep(before)
}

// turnLeg goes on with what comes after a phase. False: nothing, for now.
func (s *shard) turnLeg(leg *fetchLeg) bool {
	switch leg.phase {
	case legLooks:
		leg.localNs = telemetry.Now()
		if leg.decided || leg.bytes >= leg.need {
			s.legDone(leg)
			return false
		}
		leg.phase, leg.at, leg.waiting, leg.holding = legLinks, 0, true, false
	case legLinks:
		if !leg.woken {
			return false
		}
		leg.phase, leg.at = legUnlinks, 0
	case legUnlinks:
		leg.phase, leg.at, leg.waiting, leg.woken = legLooks, 0, false, false
		leg.bytes, leg.decided, leg.moved = 0, false, false
		leg.cold.forget()
	}
	return true
}

// linkPart lets go of what a part found, since a wait may be long, and has the
// leg wait in its partition, or takes it out of there.
func (s *shard) linkPart(leg *fetchLeg, i int32) {
	fp, w := &leg.req.fetch.Parts[i], &leg.req.fetchWaits[i]
	if leg.phase == legUnlinks {
		w.unlink()
		return
	}
	fp.Drop(s.arena)
	if leg.holding {
		return
	}
	p := s.find(fp.Topic, fp.Index)
	*w = fetchWait{leg: leg}
	if p == nil || p.moving || p.gone || p.HighWatermark().Offset != fp.HW {
		leg.woken = true // it has moved on since the look
		return
	}
	p.waitFetch(w)
}

// partLook is what came of a look at a part.
type partLook uint8

const (
	partTaken partLook = iota // the next one's turn
	partCold                  // the device has to be read first, and the leg comes back
	partHeld                  // its partition is on the move, and the leg links
)

// takePart looks at one part and refers to what it finds.
func (s *shard) takePart(leg *fetchLeg) partLook {
	op := &leg.req.fetch
	fp := &op.Parts[leg.parts[leg.at]]
	p := s.find(fp.Topic, fp.Index)
	switch {
	case p == nil && s.elsewhere(fp.Topic, fp.Index):
		leg.moved, leg.decided = true, true
		return partTaken
	case p == nil || p.gone:
		fp.Drop(s.arena)
		fp.Fail(codeUnknown)
		leg.decided = true
		return partTaken
	case p.moving:
		s.holdLeg(p, leg)
		return partHeld
	}
	c := &leg.cold
	if c.taken > 0 {
		return s.takeMore(leg, p, fp)
	}
	fp.Drop(s.arena) // of an earlier look
	c.begin(p)
	budget := int(min(fp.MaxBytes, op.MaxBytes))
	if fp.Apply(p.Partition, budget, true, c) {
		if leg.full() {
			return partTaken
		}
		c.load(budget)
		return partCold
	}
	if fp.Err != 0 || fp.DivergingEpoch >= 0 {
		leg.decided = true
		return partTaken
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
			return partCold
		}
	}
	s.found(leg, p, e, n)
	return partTaken
}

// awaitMore has the rest of an extent read, of which n bytes are referred to.
func (s *shard) awaitMore(leg *fetchLeg, e *log.Extent, n int) partLook {
	c := &leg.cold
	c.taken, c.seg, c.pos, c.atLeast = n, e.Seg, e.Pos+int64(n), 1
	c.load(e.Len - n)
	return partCold
}

// takeMore goes on behind what is referred to already. The segment may have been
// removed meanwhile, and its file be another's.
func (s *shard) takeMore(leg *fetchLeg, p *ownedPartition, fp *api.FetchPart) partLook {
	e, n := &fp.Extent, leg.cold.taken
	if slices.Contains(p.Log.Segments(), e.Seg) {
		n = p.take(fp, n)
		if n < e.Len && leg.wants(n) {
			return s.awaitMore(leg, e, n)
		}
	}
	s.found(leg, p, e, n)
	return partTaken
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

// wakeLeg is told that the partition of one of a leg's waits has moved on. All
// parts are looked at anew: what they had may have been evicted.
func (s *shard) wakeLeg(w *fetchWait) {
	leg := w.leg
	w.unlink()
	s.rouse(leg)
}

// rouse has a leg that waits look again.
func (s *shard) rouse(leg *fetchLeg) {
	leg.woken = true
	if leg.phase == legLinks && leg.at == len(leg.parts) && !leg.ready {
		s.serveLeg(leg)
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
		s.rouse(leg)
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
