package tpc

import (
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/tpc/reactor"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// request is one request in the broker. It lives on the shard of its
// connection (home), is recycled there, and keeps its slices, so that a steady
// stream of requests allocates nothing.
type request struct {
	c      *conn
	next   *request // the connection's order, or the shard's free list
	hdr    wire.Header
	stamps telemetry.Stamps
	buf    *iobuf.Buf // keeps the frame alive that produce parts alias

	steps     steps // its parts are too many for one task
	pending   int   // answers still to come from owners, cancels included
	done      bool  // may be answered as soon as it is the connection's oldest
	silent    bool  // acks=0: nothing is sent
	drop      bool  // the connection is closed instead of an answer
	failed    bool  // a produce part has an error
	away      bool  // a produce part was sent to another shard
	unread    error // why the request could not be read
	keepFrame bool  // a produce part of this shard has not been applied yet

	image    *cluster.Image // by which it was cut
	produce  api.Produce
	produceR *wire.ProduceRequest // while it is cut: the shard's, or its own when that takes long
	waits    []produceWait

	fetch      api.Fetch
	fetchR     wire.FetchRequest
	fetchWaits []fetchWait
	queued     bool              // waits until it is its connection's oldest
	session    *api.MovedSession // found on another shard, on its way home
	legs       []fetchLeg
	need       int  // bytes that make it due
	legsOut    int  // legs that are with their owners
	cancelsOut int  // calls to come back that are not acknowledged
	holding    bool // legs are being handed out: progress waits
	calledBack bool // the legs that are out know that home wants what there is
	final      bool // no more waiting: time is up, or the broker stops
	atOnce     bool // a part was answered when the fetch was cut
	timer      reactor.Timer

	booking booking

	cold     kmsg.Request
	coldOp   api.PartOp
	coldResp kmsg.Response
	coldWait []coldWait
}

func (s *shard) newRequest(c *conn) *request {
	s.live++
	r := s.freeRequests
	if r == nil {
		r = &request{}
		r.produce.Env, r.fetch.Env = s.env, s.env
		r.timer.H = r
	} else {
		s.freeRequests = r.next
	}
	r.c, r.next, r.done, r.silent, r.drop, r.queued, r.pending = c, nil, false, false, false, false, 0
	r.keepFrame, r.failed, r.atOnce = false, false, false
	r.legsOut, r.cancelsOut, r.holding, r.calledBack, r.final = 0, 0, false, false, false
	r.unread = nil
	r.booking.throttleMs = 0
	r.legs, r.stamps = r.legs[:0], telemetry.Stamps{}
	return r
}

// recycle takes back a request that nobody refers to any more.
func (s *shard) recycle(r *request) {
	r.dropFrame(s)
	if r.steps.long {
		s.dropLong(r)
		s.inSteps(r, (*shard).clearSome, (*shard).recycled)
		return
	}
	s.recycled(r)
}

// clearSome forgets what parts of a long request referred to and releases what of
// it was not sent. The room for them stays with the request.
func (s *shard) clearSome(r *request) (more bool) {
	produce, fetch := r.produce.Parts, r.fetch.Parts
	for n := 0; n < s.most.parts; n++ {
		at := r.steps.at
		if at < len(produce) {
			produce[at] = api.ProducePart{}
		}
		if at < len(fetch) {
			fetch[at].Drop(s.arena)
			fetch[at] = api.FetchPart{Data: fetch[at].Data}
		}
		r.steps.at++
	}
	if r.steps.at < max(len(produce), len(fetch)) {
		return true
	}
	r.produce.Parts, r.fetch.Parts = produce[:0], fetch[:0]
	return false
}

func (s *shard) recycled(r *request) {
	s.live--
	r.produce.Reset()
	if r.hdr.Key != keyProduce { // whose thousands in flight are not to touch what they do not use
		r.fetch.Reset(s.arena)
	}
	r.cold, r.coldOp, r.coldResp, r.coldWait = nil, nil, nil, nil
	r.image = nil
	if r.steps.long {
		r.steps = steps{}
	}
	r.c, r.next = nil, s.freeRequests
	s.freeRequests = r
}

// dropFrame lets go of the frame. On the shard of the request's connection.
func (r *request) dropFrame(s *shard) {
	if r.buf != nil {
		r.buf.Release(s.arena)
		r.buf = nil
	}
}
