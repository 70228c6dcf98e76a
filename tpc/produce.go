package tpc

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
)

var (
	codeStorage   = kerr.KafkaStorageError.Code
	codeUnknown   = kerr.UnknownTopicOrPartition.Code
	codeExhausted = kerr.RequestTimedOut.Code // retriable, and true: nothing was appended
)

// serveProduce is stops 2 to 4 of a produce request: decode, split, and hand
// every part to its owner. Parts of this shard are applied at once. The
// connection takes nothing in meanwhile: parts of one partition keep their order
// across requests.
func (s *shard) serveProduce(r *request, body []byte) {
	r.c.held, r.produceR = r, &s.produceIn
	if r.unread = r.produceR.Begin(r.hdr.Version, body); r.unread != nil {
		s.notRead(r)
		return
	}
	s.inSteps(r, (*shard).parseProduce, (*shard).beginProduce)
}

func (s *shard) parseProduce(r *request) (more bool) {
	if more, r.unread = r.produceR.ParseSome(s.most.parts); more {
		s.keepView(r)
	}
	return more
}

// keepView gives a request that is not cut at once a view of its own.
func (s *shard) keepView(r *request) {
	if r.produceR == &s.produceIn {
		r.produceR = &wire.ProduceRequest{}
		*r.produceR, s.produceIn = s.produceIn, *r.produceR
	}
}

func (s *shard) beginProduce(r *request) {
	n := len(r.produceR.Parts)
	switch {
	case r.unread != nil:
		s.notRead(r)
	case n > s.most.room && n > cap(r.produce.Parts):
		s.keepView(r)
		s.r.Offload(&roomJob{r, n, func() { s.cutProduce(r) }})
	default:
		s.cutProduce(r)
	}
}

func (s *shard) cutProduce(r *request) {
	r.image = s.image()
	r.produce.Begin(r.produceR, r.image)
	s.inSteps(r, (*shard).splitProduce, (*shard).offerParts)
}

func (s *shard) splitProduce(r *request) (more bool) { return r.produce.SplitSome(s.most.parts) }

// offerParts begins to hand the parts over.
func (s *shard) offerParts(r *request) {
	op := &r.produce
	r.produceR = nil
	r.stamps[telemetry.Decoded] = telemetry.Now()
	r.stamps[telemetry.Offered] = r.stamps[telemetry.Decoded]
	r.silent = op.Acks == 0
	if cap(r.waits) < len(op.Parts) {
		r.waits = make([]produceWait, len(op.Parts))
	}
	r.waits = r.waits[:len(op.Parts)]
	clear(r.waits)
	r.pending, r.away = 1, false // held until every part is under way
	s.inSteps(r, (*shard).offerSome, (*shard).offered)
}

// offerSome hands some parts over, in request order and to whom the image of this
// moment names: a fence follows what was sent by an older one (move.go).
func (s *shard) offerSome(r *request) (more bool) {
	op, im := &r.produce, s.image()
	nowNs := r.stamps[telemetry.Decoded]
	if r.steps.at > 0 {
		nowNs = telemetry.Now()
	}
	bytes := 0
	for n := 0; r.steps.at < len(op.Parts); n++ {
		if n == s.most.parts || bytes >= s.most.bytes {
			return true
		}
		i := int32(r.steps.at)
		r.steps.at++
		pp := &op.Parts[i]
		bytes += len(pp.Records)
		if im != r.image && !pp.Done {
			op.Place(pp, im)
		}
		if !pp.Done && s.misrouted(pp.Owner) {
			pp.Finish(nil, codeNotLeader)
		}
		if pp.Check(0); pp.Done {
			r.failed = r.failed || pp.Err != 0
			continue
		}
		r.pending++
		owner := int(pp.Owner)
		if owner == s.id {
			s.local.Inc()
			nowNs = s.applyProduce(r, i, nowNs)
			continue
		}
		w := &r.waits[i]
		w.req, w.part = r, i
		entered, ok := s.enter(groupProduce, owner, w)
		if !ok {
			pp.Finish(nil, codeExhausted)
			r.failed = true
			r.pending--
			continue
		}
		if entered {
			w.OnPlace(owner)
		}
		r.away = true
		s.remote.Inc()
	}
	return false
}

// offered goes on when every part is under way.
func (s *shard) offered(r *request) {
	if !r.away && !r.keepFrame {
		// Every batch has been copied to its chunk: the frame is not needed while
		// the device writes, and holding it would pin a receive buffer.
		r.dropFrame(s)
	}
	if r.c.held = nil; r.steps.long {
		s.markConn(r.c) // requests behind it wait
	}
	s.produceAnswered(r)
}

// OnPlace sends a part that has a place with its owner.
func (w *produceWait) OnPlace(to int) {
	w.req.c.s.send(to, message{kind: msgProduce, part: w.part, req: w.req})
}

// applyProduce is stops 5 and 6 at the owner: validate, assign offsets, copy
// into the append chunk, commit to the log. The device write goes out with the
// round's group. It begins at nowNs and tells when it has ended; the look at a
// part of this shard before it is part of it.
func (s *shard) applyProduce(r *request, part int32, nowNs int64) (endNs int64) {
	pp := &r.produce.Parts[part]
	p := s.find(pp.Topic, pp.Index)
	switch {
	case p == nil || p.gone:
		pp.Finish(nil, codeUnknown)
		s.produceHome(r, part)
	case p.moving && !s.hungry.feeding: // what is fed is older than what is held
		s.holdProduce(p, r, part)
	default:
		return s.appendPart(p, r, part, nowNs)
	}
	return nowNs
}

// appendPart is applyProduce for a partition that is served here.
func (s *shard) appendPart(p *ownedPartition, r *request, part int32, nowNs int64) (endNs int64) {
	s.looked++
	pp := &r.produce.Parts[part]
	w := &r.waits[part]
	*w = produceWait{req: r, part: part, startNs: nowNs}
	if !p.Failed() && !s.makeRoom(p, r, part) {
		return nowNs
	}
	s.work.Do()
	switch pp.Apply(p.Partition, &s.validator, s.nowMs()) {
	case log.Refused:
		s.produceHome(r, part)
		return nowNs
	case log.RollThenWrite:
		_, fresh := p.Log.Roll(&pp.Append)
		p.app.roll(fresh)
		fallthrough
	case log.Write:
		p.app.write(&pp.Append, pp.Records)
		p.Log.Commit(&pp.Append)
	}
	endNs = telemetry.Now()
	w.localNs, w.doneNs, w.need = endNs, endNs, pp.NeedOffset
	p.load.produced(w.localNs-w.startNs, len(pp.Records))
	if p.app.kept() {
		p.advance(p.Log.EndMark())
	}
	switch {
	case r.produce.Acks == 0: // nobody is told when it is durable, so nobody waits
		s.produceHome(r, part)
	case p.HighWatermark().Offset >= w.need: // at durability=memory, and duplicates of what is durable
		s.finishProducePart(p, r, part, 0)
	default:
		p.waitProduce(w)
	}
	return endNs
}

// finishProducePart runs at the owner when a part's bytes keep the durability
// promise, or never will (code).
func (s *shard) finishProducePart(p *ownedPartition, r *request, part int32, code int16) {
	r.produce.Parts[part].Finish(p.Partition, code)
	s.produceHome(r, part)
}

// produceHome brings a finished part home.
func (s *shard) produceHome(r *request, part int32) {
	if r.c.s != s {
		s.send(r.c.s.id, message{kind: msgProduceDone, part: part, req: r})
		return
	}
	s.leavePlace(groupProduce, int(r.produce.Parts[part].Owner)) // if its partition has come here
	s.produceBack(r, part)
}

// produceBack is home's look at a part that is finished. The slowest is the
// critical path.
func (s *shard) produceBack(r *request, part int32) {
	w := &r.waits[part]
	r.stamps[telemetry.Started] = max(r.stamps[telemetry.Started], w.startNs)
	r.stamps[telemetry.LocalDone] = max(r.stamps[telemetry.LocalDone], w.localNs)
	r.stamps[telemetry.Satisfied] = max(r.stamps[telemetry.Satisfied], w.doneNs)
	r.failed = r.failed || r.produce.Parts[part].Err != 0
	s.produceAnswered(r)
}

// produceAnswered counts one answer; with the last the request may be answered.
func (s *shard) produceAnswered(r *request) {
	r.pending--
	if r.pending > 0 {
		return
	}
	for t := telemetry.Started; t <= telemetry.Satisfied; t++ { // a refused part has not got that far
		r.stamps[t] = max(r.stamps[t], r.stamps[t-1])
	}
	if r.silent && r.failed {
		r.drop = true // the only way to tell a client that asked not to be told
	}
	s.settle(r)
}
