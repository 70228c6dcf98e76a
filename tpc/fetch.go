package tpc

import (
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// serveFetch is stops 2 to 4 of a fetch: decode, resolve the session, group the
// parts by owner and hand each group over as one leg.
func (s *shard) serveFetch(r *request, body []byte) bool {
	if err := r.fetchR.Parse(r.hdr.Version, body); err != nil {
		s.b.logf("connection %d: %v", r.c.id, err)
		return false
	}
	op := &r.fetch
	op.Split(&r.fetchR, s.image(), s.sessions)
	r.dropFrame(s) // Split keeps no byte of it, and the wait may be long
	r.stamps[telemetry.Decoded] = telemetry.Now()
	r.stamps[telemetry.Offered] = r.stamps[telemetry.Decoded]
	if cap(r.fetchWaits) < len(op.Parts) {
		r.fetchWaits = make([]fetchWait, len(op.Parts))
	}
	r.fetchWaits = r.fetchWaits[:len(op.Parts)]
	r.makeLegs(len(s.b.shards))
	refused := false
	for i := range op.Parts {
		refused = refused || op.Parts[i].Done
	}
	for i := range r.legs {
		leg := &r.legs[i]
		leg.need = int(op.MinBytes)
		if op.MaxWaitMs <= 0 || refused { // an error is answered at once
			leg.need = 0
		}
		if len(r.legs) > 1 { // one of n legs that together have MinBytes has an n-th of them
			leg.need = (leg.need + len(r.legs) - 1) / len(r.legs)
		}
	}
	s.dispatchLegs(r)
	return true
}

// makeLegs groups the parts that somebody has to apply by their owner.
func (r *request) makeLegs(shards int) {
	legs := r.legs[:0]
	for i := range r.fetch.Parts {
		fp := &r.fetch.Parts[i]
		if fp.Done {
			continue
		}
		at := -1
		for j := range legs {
			if legs[j].owner == int(fp.Owner) {
				at = j
			}
		}
		if at < 0 {
			at = len(legs)
			if at < cap(legs) {
				legs = legs[:at+1]
				legs[at].parts, legs[at].startNs, legs[at].localNs = legs[at].parts[:0], 0, 0
			} else {
				legs = append(legs, fetchLeg{})
			}
			legs[at].req, legs[at].index, legs[at].owner = r, int32(at), int(fp.Owner)
			if legs[at].owner >= shards {
				legs[at].owner = 0
			}
		}
		legs[at].parts = append(legs[at].parts, int32(i))
	}
	r.legs = legs
}

// dispatchLegs hands every leg to its owner. Legs of this shard are served at
// once, so progress is looked at only when all are under way.
func (s *shard) dispatchLegs(r *request) {
	r.holding = true
	for i := range r.legs {
		leg := &r.legs[i]
		leg.away.Store(true)
		r.legsOut++
		if leg.owner != s.id && s.away >= maxAway {
			s.failLeg(leg, codeExhausted)
			continue
		}
		if leg.owner != s.id {
			s.away++
			s.remote.Inc()
			s.send(leg.owner, message{kind: msgFetch, part: leg.index, req: r})
			continue
		}
		s.local.Inc()
		s.serveLeg(leg)
	}
	r.holding = false
	s.fetchProgress(r)
}

// serveLeg is stop 5 at the owner: look at every part; answer when there is
// enough, else wait in the partitions for their high watermarks to move.
func (s *shard) serveLeg(leg *fetchLeg) {
	r := leg.req
	if leg.startNs == 0 {
		leg.startNs = telemetry.Now()
	}
	bytes, enough := 0, false
	for _, i := range leg.parts {
		n, decided := s.applyFetchPart(leg, i)
		if n < 0 {
			return // a cold read is under way and comes back here
		}
		bytes += n
		enough = enough || decided
	}
	leg.localNs = telemetry.Now()
	if enough || bytes >= leg.need {
		s.legDone(leg)
		return
	}
	for _, i := range leg.parts {
		fp := &r.fetch.Parts[i]
		w := &r.fetchWaits[i]
		*w = fetchWait{leg: leg, part: i}
		if p := s.parts[partKey{fp.Topic.ID, fp.Index}]; p != nil {
			p.waitFetch(w)
		}
	}
}

// applyFetchPart looks at one part. It returns the bytes found, or -1 when they
// have to be read from the device first, and whether the part by itself makes
// the fetch due (an error).
func (s *shard) applyFetchPart(leg *fetchLeg, i int32) (bytes int, decided bool) {
	fp := &leg.req.fetch.Parts[i]
	p := s.parts[partKey{fp.Topic.ID, fp.Index}]
	if p == nil || p.gone {
		fp.Fail(codeUnknown)
		return 0, true
	}
	budget := int(min(fp.MaxBytes, leg.req.fetch.MaxBytes))
	if fp.Apply(p.Partition, budget, true, p) {
		s.loadFor(p, leg, fp.Extent.Pos, fp.Extent.Seg, 0, budget)
		return -1, false
	}
	if fp.Err != 0 || fp.DivergingEpoch >= 0 {
		return 0, true
	}
	if fp.Extent.Len == 0 {
		return 0, false
	}
	n := p.readable(&fp.Extent)
	if n < 0 {
		s.loadFor(p, leg, fp.Extent.Pos, fp.Extent.Seg, -n, fp.Extent.Len)
		return -1, false
	}
	fp.Extent.Len = n
	// Behind the high watermark's segment waiting would add nothing.
	return n, fp.Extent.Seg.Base < p.HighWatermark().SegBase
}

// loadFor reads from the device what a leg needs; serveLeg is tried again then.
func (s *shard) loadFor(p *ownedPartition, leg *fetchLeg, pos int64, seg *log.Segment, atLeast, most int) {
	leg.cold = coldWait{leg: leg}
	p.load(seg, pos, atLeast, most, &leg.cold)
}

// failLeg answers every part of a leg that could not be read.
func (s *shard) failLeg(leg *fetchLeg, code int16) {
	for _, i := range leg.parts {
		leg.req.fetch.Parts[i].Fail(code)
	}
	s.legDone(leg)
}

// wakeFetch is told that a partition of a waiting leg has moved.
func (s *shard) wakeFetch(leg *fetchLeg, part int32) {
	n, decided := s.applyFetchPart(leg, part)
	if n < 0 {
		leg.unlink()
		return
	}
	bytes := 0
	for _, i := range leg.parts {
		bytes += leg.req.fetch.Parts[i].Extent.Len
	}
	if decided || bytes >= leg.need {
		leg.unlink()
		s.legDone(leg)
	}
}

// unlink takes a leg out of every partition it waits in.
func (leg *fetchLeg) unlink() {
	for _, i := range leg.parts {
		leg.req.fetchWaits[i].unlink()
	}
}

// legDone takes references to what was found and sends the leg home.
func (s *shard) legDone(leg *fetchLeg) {
	r := leg.req
	for _, i := range leg.parts {
		fp := &r.fetch.Parts[i]
		if p := s.parts[partKey{fp.Topic.ID, fp.Index}]; p != nil && fp.Err == 0 && fp.Extent.Len > 0 {
			p.collect(fp)
		}
	}
	leg.away.Store(false)
	if r.c.s != s {
		s.send(r.c.s.id, message{kind: msgFetchDone, part: leg.index, req: r})
		return
	}
	s.legHome(r)
}

// legHome runs at home when a leg has come back.
func (s *shard) legHome(r *request) {
	r.legsOut--
	s.fetchProgress(r)
}

// fetchProgress runs at home whenever something about the fetch has changed and
// decides whether to answer, to call the other legs back, or to wait.
func (s *shard) fetchProgress(r *request) {
	switch {
	case r.holding:
	case r.legsOut == 0 && r.cancelsOut == 0:
		if r.calledBack || r.c.closed || r.fetch.Ready() || len(r.legs) == 0 {
			s.fetchDone(r)
			return
		}
		s.again(r)
	case r.legsOut == 0 || r.calledBack:
	case r.c.closed || r.legsOut < len(r.legs) && r.fetch.Ready():
		s.callBack(r)
	case !r.timer.Pending():
		s.r.After(&r.timer, int64(max(r.fetch.MaxWaitMs, 0))*1e6)
	}
}

// again sends the legs out once more: their shares were reached, the total was
// not. It is rare, because one byte is what nearly every consumer asks for.
func (s *shard) again(r *request) {
	for i := range r.legs {
		leg := &r.legs[i]
		had := 0
		for _, part := range leg.parts {
			fp := &r.fetch.Parts[part]
			had += fp.Extent.Len
			fp.Drop(s.arena)
		}
		leg.need = had + 1
	}
	s.dispatchLegs(r)
}

// OnTimer ends the wait of a fetch.
func (r *request) OnTimer(*reactor.Timer) { r.c.s.callBack(r) }

// callBack asks every leg that is away for what it has. Owners acknowledge each
// call, so the request is not recycled while one is under way.
func (s *shard) callBack(r *request) {
	if r.calledBack {
		return
	}
	r.calledBack, r.holding = true, true
	for i := range r.legs {
		leg := &r.legs[i]
		if leg.owner == s.id {
			s.hurry(leg)
		} else if leg.away.Load() {
			r.cancelsOut++
			s.send(leg.owner, message{kind: msgFetchCancel, part: leg.index, req: r})
		}
	}
	r.holding = false
	s.fetchProgress(r)
}

// hurry runs at the owner. The leg may be home already: then only its flag is
// read. One that reads from the device answers with whatever it finds.
func (s *shard) hurry(leg *fetchLeg) {
	if !leg.away.Load() {
		return
	}
	leg.need = 0
	for _, i := range leg.parts {
		if leg.req.fetchWaits[i].p != nil {
			leg.unlink()
			s.legDone(leg)
			return
		}
	}
}

// fetchDone is stop 8: everything is home, the answer may be built.
func (s *shard) fetchDone(r *request) {
	s.r.Cancel(&r.timer)
	for i := range r.legs { // the slowest leg is the critical path
		leg := &r.legs[i]
		r.stamps[telemetry.Started] = max(r.stamps[telemetry.Started], leg.startNs)
		r.stamps[telemetry.LocalDone] = max(r.stamps[telemetry.LocalDone], leg.localNs)
	}
	r.stamps[telemetry.Satisfied] = telemetry.Now()
	s.finish(r)
}
