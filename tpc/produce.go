package tpc

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
)

var (
	codeStorage   = kerr.KafkaStorageError.Code
	codeUnknown   = kerr.UnknownTopicOrPartition.Code
	codeExhausted = kerr.RequestTimedOut.Code // retriable, and true: nothing was appended
)

// serveProduce is stops 2 to 4 of a produce request: decode, split, and hand
// every part to its owner. Parts of this shard are applied at once.
func (s *shard) serveProduce(r *request, body []byte) bool {
	in := &s.produceIn
	if err := in.Parse(r.hdr.Version, body); err != nil {
		s.b.logf("connection %d: %v", r.c.id, err)
		return false
	}
	op := &r.produce
	op.Split(in, s.image())
	r.stamps[telemetry.Decoded] = telemetry.Now()
	r.stamps[telemetry.Offered] = r.stamps[telemetry.Decoded]
	r.silent = op.Acks == 0
	if cap(r.waits) < len(op.Parts) {
		r.waits = make([]produceWait, len(op.Parts))
	}
	r.waits = r.waits[:len(op.Parts)]
	clear(r.waits)
	r.pending = 1 // held until every part is under way
	away := false
	nowNs := r.stamps[telemetry.Decoded]
	for i := range op.Parts {
		pp := &op.Parts[i]
		if pp.Done {
			continue
		}
		if s.misrouted(pp.Owner) {
			pp.Finish(nil, codeNotLeader)
			continue
		}
		pp.Check(0)
		if pp.Done {
			continue
		}
		r.pending++
		if owner := int(pp.Owner); owner != s.id {
			w := &r.waits[i]
			w.req, w.part = r, int32(i)
			entered, ok := s.enter(groupProduce, owner, w)
			if !ok {
				pp.Finish(nil, codeExhausted)
				r.pending--
				continue
			}
			if entered {
				w.OnPlace(owner)
			}
			away = true
			s.remote.Inc()
			continue
		}
		s.local.Inc()
		nowNs = s.applyProduce(r, int32(i), nowNs)
	}
	if !away && !r.keepFrame {
		// Every batch has been copied to its chunk: the frame is not needed while
		// the device writes, and holding it would pin a receive buffer.
		r.dropFrame(s)
	}
	s.produceAnswered(r)
	return true
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
	pp := &r.produce.Parts[part]
	w := &r.waits[part]
	*w = produceWait{req: r, part: part, startNs: nowNs}
	if !p.Failed() && !s.makeRoom(p, r, part) {
		return nowNs
	}
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
	s.produceAnswered(r)
}

// produceAnswered counts one answer; with the last the request may be answered.
func (s *shard) produceAnswered(r *request) {
	r.pending--
	if r.pending > 0 {
		return
	}
	for i := range r.waits { // the slowest part is the critical path
		r.stamps[telemetry.Started] = max(r.stamps[telemetry.Started], r.waits[i].startNs)
		r.stamps[telemetry.LocalDone] = max(r.stamps[telemetry.LocalDone], r.waits[i].localNs)
		r.stamps[telemetry.Satisfied] = max(r.stamps[telemetry.Satisfied], r.waits[i].doneNs)
	}
	for t := telemetry.Started; t <= telemetry.Satisfied; t++ { // a refused part has not got that far
		r.stamps[t] = max(r.stamps[t], r.stamps[t-1])
	}
	if r.silent && r.produce.Failed() {
		r.drop = true // the only way to tell a client that asked not to be told
	}
	s.finish(r)
}
