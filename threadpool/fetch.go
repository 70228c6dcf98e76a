package threadpool

import (
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// fetch reads every partition of the request. It answers at once when there is
// enough, and otherwise leaves the request in the purgatory.
func (h *handler) fetch(r *request) {
	b := h.broker
	op := &r.fetch
	op.Env = &b.env
	b.sessionLock.Lock()
	op.Split(&r.fetchReq, b.image.Load(), b.sessions)
	b.sessionLock.Unlock()
	starts := b.readParts(op, true)
	r.stamps[telemetry.LocalDone] = telemetry.Now()
	if op.Ready() {
		b.answerFetch(r, h)
		return
	}
	d := &delayedFetch{broker: b, request: r, starts: starts, minBytes: int64(op.MinBytes)}
	h.keys = h.keys[:0]
	for i := range op.Parts {
		if p := &op.Parts[i]; !p.Done {
			h.keys = append(h.keys, purgatory.Key{Topic: p.Topic.ID, Partition: p.Index})
		}
	}
	wait := int64(op.MaxWaitMs)
	b.at(stepParked, r)
	r.release()
	b.fetches.TryCompleteElseWatch(d, h.keys, wait)
}

// fetchStart is what a waiting fetch counts arriving bytes from.
type fetchStart struct {
	replica  *replica
	mark     log.Mark
	maxBytes int64
}

// readParts applies the parts one after the other, each with what the ones
// before it have left of the response's bytes; the first with anything gets at
// least a whole batch. With watch it says where each read began.
func (b *Broker) readParts(op *api.Fetch, watch bool) []fetchStart {
	left, minOne := int(op.MaxBytes), true
	for i := range op.Parts {
		fp := &op.Parts[i]
		b.readPart(b.replica(fp.Topic, fp.Index), fp, left, minOne)
		if n := fp.Extent.Len; fp.Err == 0 && n > 0 {
			left, minOne = max(left-n, 0), false
		}
	}
	if !watch || op.Ready() {
		return nil
	}
	starts := make([]fetchStart, len(op.Parts))
	for i := range op.Parts {
		starts[i] = b.startOf(op, &op.Parts[i])
	}
	return starts
}

func (b *Broker) readPart(rep *replica, fp *api.FetchPart, budget int, minOne bool) {
	if fp.Done {
		return
	}
	if rep == nil {
		fp.Fail(codeUnknownTopic) // deleted since the metadata was read
		return
	}
	rep.leader.RLock()
	defer rep.leader.RUnlock()
	if rep.gone.Load() {
		fp.Fail(codeUnknownTopic)
		return
	}
	fp.Apply(rep.part, budget, minOne, rep)
	rep.settle() // what was found lies below a high watermark that is known only now
	rep.withhold(fp)
}

// startOf is the position a part that was just read counts arriving bytes from:
// where its bytes begin, or the high watermark it saw. When that has moved
// since, the part is read again and has bytes to begin with; one that still has
// none is in no segment, so that the next look completes the fetch.
func (b *Broker) startOf(op *api.Fetch, fp *api.FetchPart) fetchStart {
	s := fetchStart{replica: b.replica(fp.Topic, fp.Index), maxBytes: int64(fp.MaxBytes)}
	if s.replica == nil {
		return s
	}
	if fp.Extent.Len == 0 {
		if s.mark = s.replica.part.HighWatermark(); s.mark.Offset == fp.HW {
			return s
		}
		b.readPart(s.replica, fp, int(op.MaxBytes), true)
	}
	if s.mark.SegBase = -1; fp.Extent.Len > 0 {
		s.mark = log.Mark{Offset: fp.Extent.Base, SegBase: fp.Extent.Seg.Base, Pos: fp.Extent.Pos}
	}
	return s
}

// answerFetch hangs the ranges of what was read between the encoded parts
// and hands the request back.
func (b *Broker) answerFetch(r *request, h *handler) {
	r.stamps[telemetry.Satisfied] = telemetry.Now()
	op := &r.fetch
	op.ThrottleMs = b.quotas.fetched(r)
	for i := range op.Parts {
		fp := &op.Parts[i]
		if fp.Err != 0 || fp.Extent.Len == 0 {
			continue
		}
		f := fileOf(fp.Extent.Seg)
		if !f.hold() {
			fp.Fail(b.lostFile(fp))
			continue
		}
		fp.Data = append(fp.Data, f.piece(fp.Extent.Pos, fp.Extent.Len))
	}
	b.sessionLock.Lock()
	op.Settle(b.sessions)
	b.sessionLock.Unlock()
	r.head = op.Encode(r.header.CorrelationID, r.head, &r.out)
	op.Reset(nil)
	r.stamps[telemetry.Encoded] = telemetry.Now()
	r.respond(h)
}

// lostFile is the answer when the file that was found is closed by now: out of
// range where retention took it, and where compaction replaced it an error that
// makes the client ask again.
func (b *Broker) lostFile(fp *api.FetchPart) int16 {
	if r := b.replica(fp.Topic, fp.Index); r != nil && fp.Offset >= r.part.Log.StartOffset() {
		return codeStorage
	}
	return codeOutOfRange
}

// delayedFetch is a request that waits for bytes.
type delayedFetch struct {
	purgatory.Delayed
	broker   *Broker
	request  *request
	starts   []fetchStart
	minBytes int64
}

// TryComplete completes the request when enough bytes lie below the high
// watermarks, when a log has rolled since, or when a partition is gone. It
// reads no log: it compares positions.
func (d *delayedFetch) TryComplete() bool {
	bytes := int64(0)
	for i := range d.starts {
		s := &d.starts[i]
		if s.replica == nil || s.replica.gone.Load() {
			return d.ForceComplete()
		}
		hw := s.replica.part.HighWatermark()
		if hw.SegBase != s.mark.SegBase {
			return d.ForceComplete()
		}
		bytes += min(hw.Pos-s.mark.Pos, s.maxBytes)
	}
	if bytes < d.minBytes {
		return false
	}
	return d.ForceComplete()
}

// OnComplete reads again, on the thread that completed the request, and answers.
func (d *delayedFetch) OnComplete(bool) {
	d.broker.at(stepCompleted, d.request)
	d.broker.readParts(&d.request.fetch, false)
	d.broker.answerFetch(d.request, nil)
}

var _ purgatory.Operation = (*delayedFetch)(nil)
