package tpc

import (
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// A fetch at home, on the shard of its connection: split into legs, one for each
// shard that owns some of its partitions, sent out, awaited, answered. What a
// leg does at its owner is in leg.go.
//
// A leg comes home when it has its share of MinBytes or a reason to be answered
// at once. Home then calls the others back, so nothing is ever looked at here
// while an owner may write it, and counts. If that is not enough, all go out
// again, each with an equal share of what is missing on top of what it had: as
// soon as the total is there, some leg has reached its share, so the fetch is
// due exactly when its bytes are.

// serveFetch is stops 2 to 4 of a fetch: decode, resolve the session, group the
// parts by owner and hand each group over as one leg. The connection takes
// nothing in until it is read: fetches of one session keep their order.
func (s *shard) serveFetch(r *request, body []byte) {
	r.c.held = r
	if r.unread = r.fetchR.Begin(r.hdr.Version, body); r.unread != nil {
		s.notRead(r)
		return
	}
	s.inSteps(r, (*shard).parseFetch, (*shard).beginFetch)
}

func (s *shard) parseFetch(r *request) (more bool) {
	more, r.unread = r.fetchR.ParseSome(s.most.parts)
	return more
}

func (s *shard) beginFetch(r *request) {
	n := len(r.fetchR.Parts)
	switch {
	case r.unread != nil:
		s.notRead(r)
	case n > s.most.room && n > cap(r.fetch.Parts):
		s.r.Offload(&roomJob{r, n, func() { s.fetchRead(r) }})
	default:
		s.fetchRead(r)
	}
}

func (s *shard) fetchRead(r *request) {
	if r.c.held = nil; r.steps.long {
		s.markConn(r.c) // requests behind it wait
	}
	if r.c.closed {
		s.answerable(r) // it would wait for its turn, and nobody gives turns any more
		return
	}
	s.serveSession(r)
}

// splitFetch goes on when the session, if there is one, is here.
func (s *shard) splitFetch(r *request) {
	r.fetch.Begin(&r.fetchR, s.image(), s.sessions)
	r.legs = r.legs[:0]
	s.inSteps(r, (*shard).splitFetchSome, (*shard).fetchSplit)
}

// splitFetchSome cuts some parts off and groups those that somebody has to apply
// by their owner.
func (s *shard) splitFetchSome(r *request) (more bool) {
	op := &r.fetch
	from := len(op.Parts)
	more = op.SplitSome(s.most.parts)
	for i := from; i < len(op.Parts); i++ {
		fp := &op.Parts[i]
		if !fp.Done && s.misrouted(fp.Owner) {
			fp.Fail(codeNotLeader)
			fp.Done = true
		}
		if fp.Done {
			r.atOnce = true // an error is answered at once
			continue
		}
		r.addToLeg(i, len(s.b.shards))
	}
	return more
}

// fetchSplit goes on when every part is in a leg.
func (s *shard) fetchSplit(r *request) {
	op := &r.fetch
	r.dropFrame(s) // Split keeps no byte of it, and the wait may be long
	r.stamps[telemetry.Decoded] = telemetry.Now()
	r.stamps[telemetry.Offered] = r.stamps[telemetry.Decoded]
	if cap(r.fetchWaits) < len(op.Parts) {
		r.fetchWaits = make([]fetchWait, len(op.Parts))
	}
	r.fetchWaits = r.fetchWaits[:len(op.Parts)]
	if len(op.Parts) == 0 {
		r.legs = r.legs[:0] // its session was overtaken while it was cut
	}
	r.need = int(op.MinBytes)
	if op.MaxWaitMs <= 0 || r.atOnce {
		r.need = 0
	}
	s.dispatchAnew(r)
}

// share is what one of n legs has at least when together they have bytes.
func share(bytes, n int) int { return (bytes + n - 1) / n }

// addToLeg adds a part to the leg of its owner.
func (r *request) addToLeg(i, shards int) {
	legs := r.legs
	owner := int(r.fetch.Parts[i].Owner)
	if owner >= shards {
		owner = 0 // which does not have it, and says so
	}
	at := 0
	for at < len(legs) && legs[at].owner != owner {
		at++
	}
	if at == len(legs) {
		if at < cap(legs) {
			legs = legs[:at+1]
		} else {
			legs = append(legs, fetchLeg{})
		}
		leg := &legs[at]
		leg.parts, leg.startNs, leg.localNs = leg.parts[:0], 0, 0
		leg.req, leg.index, leg.owner = r, int32(at), owner
		r.legs = legs
	}
	legs[at].parts = append(legs[at].parts, int32(i))
}

// dispatchAnew hands out legs that were made by the present image, each with its
// share of what is needed.
func (s *shard) dispatchAnew(r *request) {
	for i := range r.legs {
		r.legs[i].need = share(r.need, len(r.legs))
	}
	r.final = r.final || s.stopping
	s.dispatchLegs(r)
}

// dispatchLegs hands every leg to its owner. Legs of this shard are served at
// once, so progress is looked at only when all are under way.
func (s *shard) dispatchLegs(r *request) {
	r.holding, r.calledBack = true, false
	for i := range r.legs {
		leg := &r.legs[i]
		leg.away.Store(true)
		r.legsOut++
		if leg.owner == s.id {
			s.local.Inc()
			s.startLeg(leg)
		} else if entered, _ := s.enter(groupFetch, leg.owner, nil); entered {
			s.remote.Inc()
			s.send(leg.owner, message{kind: msgFetch, part: leg.index, req: r})
		} else {
			for _, part := range leg.parts {
				r.fetch.Parts[part].Fail(codeExhausted)
			}
			leg.bytes, leg.decided, leg.moved = 0, true, false
			leg.away.Store(false)
			s.legHome(r)
		}
	}
	r.holding = false
	s.fetchProgress(r)
}

// legHome runs at home when a leg has come back.
func (s *shard) legHome(r *request) {
	r.legsOut--
	s.fetchProgress(r)
}

// fetchProgress runs at home whenever something about the fetch has changed and
// decides whether to answer, to call the legs that are out back, or to wait.
func (s *shard) fetchProgress(r *request) {
	switch {
	case r.holding:
	case r.legsOut == 0 && r.cancelsOut == 0:
		if r.moved() && !r.c.closed {
			s.redirect(r)
			return
		}
		if r.final || r.c.closed || r.ready() {
			s.fetchDone(r)
			return
		}
		s.again(r)
	case r.legsOut == 0 || r.calledBack:
	case r.final || r.c.closed || r.legsOut < len(r.legs):
		s.callBack(r)
	case !r.timer.Pending():
		s.r.After(&r.timer, int64(max(r.fetch.MaxWaitMs, 0))*1e6)
	}
}

// ready is what api.Fetch.Ready says, from what the legs found: it does not look
// at every part.
func (r *request) ready() bool {
	op := &r.fetch
	if r.atOnce || op.MaxWaitMs <= 0 || len(op.Parts) == 0 {
		return true
	}
	total := 0
	for i := range r.legs {
		if r.legs[i].decided {
			return true
		}
		total += r.legs[i].bytes
	}
	return total >= int(op.MinBytes)
}

// again sends the legs out once more: a share was reached, the total was not.
// It is rare, because one byte is what nearly every consumer asks for.
func (s *shard) again(r *request) {
	total := 0
	for i := range r.legs {
		total += r.legs[i].bytes
	}
	more := share(int(r.fetch.MinBytes)-total, len(r.legs))
	for i := range r.legs {
		r.legs[i].need = more + r.legs[i].bytes
	}
	s.dispatchLegs(r)
}

// moved reports whether a leg met a partition that has moved.
func (r *request) moved() bool {
	for i := range r.legs {
		if r.legs[i].moved {
			return true
		}
	}
	return false
}

// redirect sends a fetch out anew, by the owners that the image names now.
func (s *shard) redirect(r *request) {
	r.need = 0
	for i := range r.legs {
		r.need += r.legs[i].need
	}
	r.legs, r.holding = r.legs[:0], true
	s.inSteps(r, (*shard).redirectSome, (*shard).dispatchAnew)
}

func (s *shard) redirectSome(r *request) (more bool) {
	im, parts := s.image(), r.fetch.Parts
	for n := 0; n < s.most.parts && r.steps.at < len(parts); n++ {
		fp := &parts[r.steps.at]
		if !fp.Done {
			fp.Drop(s.arena)
			if t := im.TopicByID(fp.Topic.ID); t != nil {
				fp.Owner = t.Parts[fp.Index].Owner
			}
			r.addToLeg(r.steps.at, len(s.b.shards))
		}
		r.steps.at++
	}
	return r.steps.at < len(parts)
}

// OnTimer ends the wait of a fetch.
func (r *request) OnTimer(*reactor.Timer) { r.c.s.endFetch(r) }

// endFetch answers a fetch with what there is as soon as that is home.
func (s *shard) endFetch(r *request) {
	r.final = true
	s.fetchProgress(r)
}

// callBack asks every leg that is away for what it has. Owners acknowledge each
// call, so the request is not recycled while one is under way.
func (s *shard) callBack(r *request) {
	r.calledBack, r.holding = true, true
	for i := range r.legs {
		leg := &r.legs[i]
		switch {
		case !leg.away.Load():
		case leg.owner == s.id:
			s.hurry(leg)
		default:
			r.cancelsOut++
			s.send(leg.owner, message{kind: msgFetchCancel, part: leg.index, req: r})
		}
	}
	r.holding = false
	s.fetchProgress(r)
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
	s.settle(r)
}
