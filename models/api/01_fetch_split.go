package api

import (
	"slices"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

// A fetch is cut in pieces as a produce request is: Begin, then SplitSome until
// there is no more. What comes between two pieces may use the same session; then
// the request that came first is told so, as it is when it waits.

// fetchInput is how far the cutting of a request has come.
type fetchInput struct {
	req     *wire.FetchRequest
	im      *cluster.Image
	ses     *Sessions
	phase   fetchPhase
	topics  []wire.FetchTopic // that are looked through
	at      int               // topics begun
	left    int               // parts of the present one that are left
	part    int               // parts done
	topic   *cluster.Topic    // the present one, as the image has it
	missing int16             // why it does not
	name    []byte
	id      [16]byte
	slot    int32 // of the session's list, what is next
	same    bool  // the session's topics are those of the image
	head    int   // bound of the answer's length, fixed parts aside
}

type fetchPhase uint8

const (
	fetchDone     fetchPhase = iota // nothing is left
	fetchNamed                      // the request's partitions
	fetchChanges                    // what it changes in its session
	fetchForgets                    // what it takes out of it
	fetchSessions                   // the session's partitions
)

// Begin begins to cut the request by partition. It aliases req until SplitSome
// says that nothing is left.
func (op *Fetch) Begin(req *wire.FetchRequest, im *cluster.Image, ses *Sessions) {
	if op.most == 0 {
		op.most = int32(op.Env.Cfg.Int("fetch.max.bytes")) // a search by name, once an operation
	}
	op.ThrottleMs = 0
	op.Version, op.ReadCommitted = req.Version, req.ReadCommitted
	op.MaxWaitMs, op.MaxBytes = req.MaxWaitMs, max(min(req.MaxBytes, op.most), 0)
	op.MinBytes = min(req.MinBytes, op.MaxBytes)
	op.Parts, op.names, op.code, op.session = op.Parts[:0], op.names[:0], 0, sessionUse{}
	op.put = fetchOutput{}
	op.in = fetchInput{req: req, im: im, ses: ses}
	op.code = op.session.open(ses, req, op.Env.NowMs())
	switch {
	case op.code != 0:
	case op.session.with != nil:
		op.in.turn(fetchChanges, req.Topics)
	default:
		op.named()
	}
}

// named has the request's own partitions cut.
func (op *Fetch) named() {
	op.Parts = slices.Grow(op.Parts, len(op.in.req.Parts))
	op.in.turn(fetchNamed, op.in.req.Topics)
}

func (in *fetchInput) turn(phase fetchPhase, topics []wire.FetchTopic) {
	in.phase, in.topics, in.at, in.left, in.part = phase, topics, 0, 0, 0
}

// SplitSome does a piece of at most n topics and parts and tells whether there
// are more. The new ones are at the end of Parts.
func (op *Fetch) SplitSome(n int) (more bool) {
	in := &op.in
	if in.phase == fetchDone {
		return false
	}
	if op.code = op.session.overtaken(op.code); op.code != 0 {
		op.Parts, in.phase = op.Parts[:0], fetchDone
		return false
	}
	for ; n > 0 && in.phase != fetchDone; n-- {
		switch {
		case in.phase == fetchSessions:
			op.fromSession()
		case in.left > 0 && in.phase == fetchNamed:
			n -= op.fromRequest(n) - 1
		case in.left > 0:
			in.left--
			op.change()
			in.part++
		case in.at < len(in.topics):
			op.nextTopic()
		default:
			op.turnOver()
		}
	}
	return in.phase != fetchDone
}

// turnOver goes on with what comes after the present phase.
func (op *Fetch) turnOver() {
	in := &op.in
	switch in.phase {
	case fetchChanges:
		in.turn(fetchForgets, in.req.Forgotten)
	case fetchForgets:
		if !op.session.resume(in.ses) {
			op.named()
			return
		}
		e := op.session.with
		op.Parts = slices.Grow(op.Parts, e.parts.len())
		in.phase, in.slot, in.same = fetchSessions, e.parts.head, e.im == in.im
	default:
		in.phase = fetchDone
	}
}

func (op *Fetch) nextTopic() {
	in := &op.in
	t := &in.topics[in.at]
	in.at++
	in.left, in.name, in.id = t.Parts, t.Name, t.ID
	if in.phase == fetchNamed {
		in.topic, in.missing = lookup(in.im, op.Version >= 13, t.Name, t.ID)
		op.names, in.name = keep(op.names, t.Name)
	}
}

// change takes what the request says of one partition into its session.
func (op *Fetch) change() {
	in := &op.in
	if in.phase == fetchChanges {
		in.ses.change(op.session.with, in.name, in.id, &in.req.Parts[in.part])
		return
	}
	in.ses.forget(op.session.with, in.name, in.id, in.req.ForgottenPart[in.part].Index)
}

// fromRequest makes at most n parts of the present topic's partitions and tells
// how many.
func (op *Fetch) fromRequest(n int) int {
	in := &op.in
	n = min(n, in.left)
	topic, name, id, missing := in.topic, in.name, in.id, in.missing
	asked := in.req.Parts[in.part : in.part+n]
	for i := range asked {
		a := &asked[i]
		fp := op.add()
		fp.Topic, fp.name, fp.id, fp.Index = topic, name, id, a.Index
		fp.Offset, fp.MaxBytes = a.Offset, a.MaxBytes
		fp.CurrentEpoch, fp.LastFetchedEpoch = a.CurrentEpoch, a.LastFetchedEpoch
		op.place(fp, missing)
	}
	in.left, in.part = in.left-n, in.part+n
	return n
}

// fromSession makes a part of the session's next partition. Topics are looked up
// again only when the image is another one.
func (op *Fetch) fromSession() {
	in, e := &op.in, op.session.with
	if in.slot < 0 {
		e.im, in.phase = in.im, fetchDone
		return
	}
	at := in.slot
	p := &e.parts.slab[at]
	in.slot = p.next
	fp := op.add()
	op.names, fp.name = keepString(op.names, p.key.name)
	fp.id, fp.Index, fp.slot = p.key.id, p.key.index, at
	fp.Offset, fp.MaxBytes = p.offset, p.maxBytes
	fp.CurrentEpoch, fp.LastFetchedEpoch = p.currentEpoch, p.lastFetchedEpoch
	if !in.same {
		p.topic, p.missing = lookup(in.im, e.byTopicID, fp.name, fp.id)
	}
	fp.Topic = p.topic
	op.place(fp, p.missing)
}
