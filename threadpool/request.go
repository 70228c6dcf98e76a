package threadpool

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
)

// verdict is what the processor does with a finished request.
type verdict uint8

const (
	answer  verdict = iota // send the response
	silence                // acks=0: there is none, read on
	hangUp                 // close the connection
)

// request is one request from its first byte to its last response byte. It
// belongs to a processor, which reuses it; between the request queue and the
// response queue it belongs to the handler, or to the delayed operation.
type request struct {
	conn    *connection
	proc    *processor
	buf     *iobuf.Buf // holds the frame
	frame   []byte
	header  wire.Header
	stamps  telemetry.Stamps
	verdict verdict
	ready   bool // the response is there; processor only

	api        *api.API
	cold       kmsg.Request
	produceReq wire.ProduceRequest
	fetchReq   wire.FetchRequest
	produce    api.Produce
	fetch      api.Fetch

	head []byte     // memory of the response's own bytes
	room *iobuf.Buf // what head lies in unless it outgrew that; nil where Go's heap has it
	out  iobuf.Chain
	sent int // pieces of out that are sent; processor only

	read  *iobuf.Buf // memory of ahead, nil where that is the processor's
	ahead []byte     // what was read of the piece being sent (disk=direct), from its Off on; processor only

	throttleMs int32 // how long the client has to wait before its next

	follows  *request // next of the same connection, in the order of arrival; processor only
	response note
	released note
}

// note is a place in a response queue.
type note struct {
	req     *request
	next    *note
	release bool        // the request waits in a purgatory; its connection may go on
	unmute  *connection // no request: the time is over for which it was throttled
}

func newRequest(p *processor) *request {
	r := &request{proc: p}
	r.response.req = r
	r.released = note{req: r, release: true}
	return r
}

// reset drops what the request holds, keeps its memory, and makes it ready for
// the next. Processor only.
func (r *request) reset() {
	r.out.Reset(r.proc.mem)
	r.dropAhead()
	if r.buf != nil {
		r.buf.Release(r.proc.mem)
	}
	r.conn, r.buf, r.frame, r.cold, r.api, r.follows = nil, nil, nil, nil, nil, nil
	r.stamps = telemetry.Stamps{}
	r.verdict, r.ready, r.sent, r.throttleMs = answer, false, 0, 0
	if r.room != nil {
		if outgrown := cap(r.head); outgrown > cap(r.room.B) {
			r.takeRoom(min(outgrown, maxHead))
		}
		r.head = r.room.B[:0]
		return
	}
	if cap(r.head) > maxHead {
		r.head = nil
	}
	r.head = r.head[:0]
}

// takeRoom makes the response lie in memory of the thread's own, if that has it.
func (r *request) takeRoom(n int) {
	if r.room != nil && len(r.room.B) >= n {
		return
	}
	if b := r.proc.mem.head(n); b != nil {
		r.dropRoom()
		r.room, r.head = b, b.B[:0]
	}
}

func (r *request) dropRoom() {
	if r.room != nil {
		r.room.Release(r.proc.mem)
		r.room, r.head = nil, nil
	}
}

// roomBytes is what a response begins with.
const roomBytes = 2 << 10

// maxHead is the largest response memory that a request keeps for the next.
const maxHead = 64 << 10
