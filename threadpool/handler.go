package threadpool

import (
	"sync/atomic"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/batch"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/models/log"
	"github.com/ceteris/ceteris/models/pace"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// handler is an I/O thread: it takes requests from the one queue and does all
// of their work, under locks.
type handler struct {
	broker    *Broker
	name      string
	dismissed bool // it leaves when it has let go of what it has
	at        int  // in the order in which threads are dealt seats and CPUs
	seat      *seat
	bed       atomic.Uint32 // futex: where it sleeps
	below     *handler      // next on the stack of sleepers
	idling    idleClock
	sleeping  idleClock // of that, asleep
	pace      pace.Pace // of those for the queue
	validator batch.Validator
	work      *busywork.Stream // service time that an experiment adds
	current   *request         // being handled, until it is handed on
	// actions are the partitions whose high watermark this handler has moved:
	// when the request is done, it completes the fetches that waited for that.
	actions []*replica
	keys    []purgatory.Key
	waits   []*replica   // logs the current request wants synced
	owed    []*processor // asleep, with responses; see processor.rouse
	since   int          // requests handled since owed was last emptied
}

// owedRequests bounds how many requests a handler takes up before it wakes the
// processors it owes that.
const owedRequests = 8

// run is the handler thread.
func (h *handler) run() {
	for {
		j, ok := h.broker.channel.take(h)
		if !ok {
			if h.dismissed {
				h.flush()
				h.broker.staff.leave(h)
			}
			return
		}
		if j.sync != nil {
			h.groupCommit(j.sync)
		} else {
			h.handle(j.req)
		}
		h.drainActions()
		if h.since++; h.since >= owedRequests {
			h.flush()
		}
	}
}

// flush wakes the threads that have waited for it. It comes before anything
// that may take long.
func (h *handler) flush() {
	h.since = 0
	if w := h.broker.writer; w != nil {
		w.rouse()
	}
	for i, p := range h.owed {
		p.selector.wakeup()
		h.owed[i] = nil
	}
	h.owed = h.owed[:0]
}

// handle answers a request or leaves it in a purgatory; either way the request
// is not the handler's any more when it returns.
func (h *handler) handle(r *request) {
	r.stamps[telemetry.Started] = telemetry.Now()
	h.current = r
	h.broker.at(stepStarted, r)
	switch r.header.Key {
	case produceKey:
		h.produce(r)
	case fetchKey:
		h.fetch(r)
	default:
		h.other(r)
	}
	h.current = nil
}

// other answers the APIs that are not about data. Those that change the
// metadata block on the controller here, on the handler.
func (h *handler) other(r *request) {
	h.flush()
	env := &h.broker.env
	if r.api.PlaceOf(env, r.cold) == api.Partitions {
		op := r.api.Split(env, r.cold)
		for i := range op.Len() {
			h.apply(op, i)
		}
		now := telemetry.Now()
		r.stamps[telemetry.LocalDone], r.stamps[telemetry.Satisfied] = now, now
		r.head = wire.AppendResponse(r.head[:0], r.header.Version, r.header.CorrelationID, op.Join())
	} else {
		answer := r.api.Answer(env, r.cold)
		now := telemetry.Now()
		r.stamps[telemetry.LocalDone], r.stamps[telemetry.Satisfied] = now, now
		r.head = wire.AppendResponse(r.head[:0], r.header.Version, r.header.CorrelationID, answer)
	}
	r.finish(h)
}

// apply runs one part of a request against its partition.
func (h *handler) apply(op api.PartOp, i int) {
	topic, index := op.Part(i)
	rep := h.broker.replica(topic, index)
	if rep == nil {
		op.Apply(i, nil, log.FilePeeker{})
		return
	}
	rep.leader.RLock()
	defer rep.leader.RUnlock()
	part := rep.part
	if rep.gone.Load() {
		part = nil
	}
	op.Apply(i, part, rep)
}

// finish hangs the encoded response into the chain and hands the request back.
func (r *request) finish(h *handler) {
	r.out.AppendBytes(r.head)
	r.stamps[telemetry.Encoded] = telemetry.Now()
	r.respond(h)
}

// release tells the processor that the request waits, so that the next of its
// connection may be offered. With one request in flight there is no next.
func (r *request) release() {
	if r.proc.broker.inflight > 1 {
		r.proc.responses.put(&r.released)
		r.proc.selector.wakeup()
	}
}

// drainActions completes what the last request has made ready: the producer's
// handler pays for the consumers it wakes.
func (h *handler) drainActions() {
	for i, rep := range h.actions {
		h.broker.fetches.CheckAndComplete(rep.key)
		h.actions[i] = nil
	}
	h.actions = h.actions[:0]
}
