package threadpool

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// Codes of the protocol that the pool itself gives.
var (
	codeStorage      = kerr.KafkaStorageError.Code
	codeTimedOut     = kerr.RequestTimedOut.Code
	codeUnknownTopic = kerr.UnknownTopicOrPartition.Code
	codeOutOfRange   = kerr.OffsetOutOfRange.Code
)

// produce appends to every partition of the request, in request order, and
// answers at once unless something waits for a sync.
func (h *handler) produce(r *request) {
	op := &r.produce
	op.Env = &h.broker.env
	op.Split(&r.produceReq, h.broker.image.Load())
	waiting := false
	for i := range op.Parts {
		pp := &op.Parts[i]
		pp.Check(0)
		if pp.Done {
			continue
		}
		rep := h.broker.replica(pp.Topic, pp.Index)
		if rep == nil {
			pp.Apply(nil, &h.validator, 0)
			continue
		}
		h.work.Do()
		h.append(rep, pp)
		waiting = waiting || !pp.Done
	}
	r.stamps[telemetry.LocalDone] = telemetry.Now()
	switch {
	case !waiting:
		r.answerProduce(h)
	case op.Acks == 0:
		logs := h.unsynced(r)
		r.answerProduce(h)
		h.startCommits(logs)
	default:
		h.awaitSync(r)
	}
}

// unsynced are the partitions that parts of the request wait for.
func (h *handler) unsynced(r *request) []*replica {
	h.waits = h.waits[:0]
	for i := range r.produce.Parts {
		if pp := &r.produce.Parts[i]; !pp.Done {
			if rep := h.broker.replica(pp.Topic, pp.Index); rep != nil {
				h.waits = append(h.waits, rep)
			}
		}
	}
	return h.waits
}

func (h *handler) startCommits(logs []*replica) {
	for i, rep := range logs {
		h.startCommit(rep)
		logs[i] = nil
	}
}

// syncWaitMs is how long a request waits for the broker's own device: in effect
// as long as it takes. The request's timeout is for followers. Kafka's own sync
// (flush.messages=1) is part of the append and cannot time out either, and a
// shard of model tpc waits just as long.
const syncWaitMs = 24 * 3600 * 1000

// awaitSync leaves the request in the purgatory and then sees to the syncs it
// waits for. Kafka does the same for acks=all and its followers.
func (h *handler) awaitSync(r *request) {
	h.keys = h.keys[:0]
	d := &delayedProduce{broker: h.broker, request: r, replicas: make([]*replica, len(r.produce.Parts))}
	logs := h.unsynced(r)
	for i := range r.produce.Parts {
		if pp := &r.produce.Parts[i]; !pp.Done {
			d.replicas[i] = h.broker.replica(pp.Topic, pp.Index)
			h.keys = append(h.keys, purgatory.Key{Topic: pp.Topic.ID, Partition: pp.Index})
		}
	}
	h.broker.at(stepParked, r)
	r.release()
	h.broker.produces.TryCompleteElseWatch(d, h.keys, syncWaitMs)
	h.startCommits(logs)
}

// answerProduce encodes and hands back a request all of whose parts are done,
// or one that nobody waits for.
func (r *request) answerProduce(h *handler) {
	now := telemetry.Now()
	r.stamps[telemetry.Satisfied] = now
	r.produce.ThrottleMs = r.proc.broker.quotas.produced(r)
	if r.produce.Acks != 0 {
		r.head = r.produce.AppendResponse(r.head[:0], r.header.CorrelationID)
		r.produce.Reset()
		r.finish(h)
		return
	}
	r.verdict = silence
	if r.produce.Failed() {
		r.verdict = hangUp // the only way to tell the client
	}
	r.produce.Reset()
	r.stamps[telemetry.Encoded] = now
	r.respond(h)
}

// delayedProduce is a request whose appends wait for a sync.
type delayedProduce struct {
	purgatory.Delayed
	broker   *Broker
	request  *request
	replicas []*replica // by part; nil where nothing waits, or the partition is gone
}

// settled reports whether a part waits for nothing any more, and the code to
// finish it with.
func (d *delayedProduce) settled(i int) (bool, int16) {
	pp, rep := &d.request.produce.Parts[i], d.replicas[i]
	switch {
	case pp.Done:
		return true, 0
	case rep == nil || rep.gone.Load():
		return true, codeUnknownTopic
	case rep.part.HighWatermark().Offset >= pp.NeedOffset:
		return true, 0
	case rep.part.Failed():
		return true, codeStorage
	}
	return false, 0
}

// TryComplete completes the request when no part waits any more.
func (d *delayedProduce) TryComplete() bool {
	for i := range d.replicas {
		if ok, _ := d.settled(i); !ok {
			return false
		}
	}
	return d.ForceComplete()
}

// OnComplete answers the request; what still waits has timed out.
func (d *delayedProduce) OnComplete(bool) {
	r := d.request
	d.broker.at(stepCompleted, r)
	for i := range d.replicas {
		pp := &r.produce.Parts[i]
		ok, code := d.settled(i)
		if !ok {
			code = codeTimedOut
		}
		switch {
		case pp.Done:
		case code != 0:
			pp.Finish(nil, code)
		default:
			pp.Finish(d.replicas[i].part, 0)
		}
	}
	r.answerProduce(nil)
}

var _ purgatory.Operation = (*delayedProduce)(nil)
