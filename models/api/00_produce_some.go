package api

import (
	"math"
	"slices"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

// A request may name any number of partitions. A shell whose threads must not be
// held for long cuts and answers such a one in pieces: Begin, then SplitSome until
// there is no more; BeginResponse, then AppendSome, then EndResponse. Split and
// AppendResponse do the same in one go.

// allAtOnce is the size of a piece that has everything.
const allAtOnce = math.MaxInt

// produceInput is how far the cutting of a request has come.
type produceInput struct {
	req     *wire.ProduceRequest
	im      *cluster.Image
	refusal int16 // of every part
	why     string
	topic   *cluster.Topic // the one whose parts are cut off
	missing int16          // why there is none
	left    int            // of its parts
}

// Begin begins to cut the request by partition. It aliases req until SplitSome
// says that nothing is left.
func (op *Produce) Begin(req *wire.ProduceRequest, im *cluster.Image) {
	op.ThrottleMs = 0
	op.Version, op.Acks, op.TimeoutMs = req.Version, req.Acks, req.TimeoutMs
	op.Parts, op.topics, op.names = slices.Grow(op.Parts[:0], len(req.Parts)), op.topics[:0], op.names[:0]
	op.in = produceInput{req: req, im: im}
	switch {
	case req.Acks < -1 || req.Acks > 1:
		op.in.refusal = codeInvalidAcks
	case req.TransactionalID != nil:
		op.in.refusal, op.in.why = codeTransactions, noTransactions
	}
}

// SplitSome cuts at most n topics and parts off and tells whether there are more.
// The new ones are at the end of Parts.
func (op *Produce) SplitSome(n int) (more bool) {
	in := &op.in
	for ; n > 0 && in.more(len(op.topics)); n-- {
		if in.left == 0 {
			op.nextTopic()
			continue
		}
		in.left--
		at := len(op.Parts)
		op.add(in.topic, &in.req.Parts[at])
		if pp := &op.Parts[at]; in.refusal != 0 {
			pp.fail(in.refusal, in.why)
		} else if in.missing != 0 {
			pp.fail(in.missing, "")
		}
	}
	return in.more(len(op.topics))
}

func (in *produceInput) more(topics int) bool { return in.left > 0 || topics < len(in.req.Topics) }

func (op *Produce) nextTopic() {
	in := &op.in
	t := &in.req.Topics[len(op.topics)]
	in.topic, in.missing = lookup(in.im, op.Version >= 13, t.Name, t.ID)
	in.left = t.Parts
	var name []byte
	op.names, name = keep(op.names, t.Name)
	op.topics = append(op.topics, topicSpan{name: name, id: t.ID, parts: t.Parts})
}

// Place finds a part's owner anew, in a later image than the one by which it was
// cut. One whose topic is gone stays where it was: its owner says so.
func (op *Produce) Place(pp *ProducePart, im *cluster.Image) {
	if t := im.TopicByID(pp.Topic.ID); t != nil {
		pm := &t.Parts[pp.Index]
		pp.Owner, pp.leader, pp.leaderEpoch = pm.Owner, op.Env.leader(pm), pm.LeaderEpoch
	}
}

// produceOutput is how far the answer has come.
type produceOutput struct {
	part, topic int
	left        int  // parts of the topic before that one
	moved       bool // a part says where the leader is
}

// AppendResponse appends the response as a whole frame. All parts are Done.
func (op *Produce) AppendResponse(dst []byte, corr int32) []byte {
	op.BeginResponse(dst, corr)
	for op.AppendSome(allAtOnce) {
	}
	return op.EndResponse()
}

// BeginResponse begins a response that is appended to dst. All parts are Done.
func (op *Produce) BeginResponse(dst []byte, corr int32) {
	op.put = produceOutput{}
	op.out.Begin(dst, op.Version, corr, len(op.topics))
}

// AppendSome appends at most n topics and parts and tells whether there are more.
func (op *Produce) AppendSome(n int) (more bool) {
	put := &op.put
	for ; n > 0 && op.unsaid(); n-- {
		if put.left == 0 {
			t := &op.topics[put.topic]
			put.topic, put.left = put.topic+1, t.parts
			op.out.Topic(t.name, t.id, t.parts)
			continue
		}
		pp := &op.Parts[put.part]
		put.part, put.left = put.part+1, put.left-1
		put.moved = put.moved || pp.Err == codeNotLeader
		op.out.Part(&wire.ProduceResult{
			Index: pp.Index, Code: pp.Err, Message: pp.ErrMsg,
			BaseOffset: pp.BaseOffset, LogAppendTimeMs: pp.LogAppendTimeMs, LogStartOffset: pp.LogStartOffset,
			Leader: pp.leader, LeaderEpoch: pp.leaderEpoch,
		})
	}
	return op.unsaid()
}

func (op *Produce) unsaid() bool { return op.put.left > 0 || op.put.topic < len(op.topics) }

// EndResponse is the whole frame, when AppendSome has nothing left.
func (op *Produce) EndResponse() []byte {
	var nodes []wire.Node
	if op.put.moved {
		nodes = op.Env.Nodes
	}
	return op.out.End(op.ThrottleMs, nodes)
}

// ResponseBytes is about how long the response will be, messages of refused
// parts and nodes aside.
func (op *Produce) ResponseBytes() int { return 256 + 64*len(op.Parts) }
