package api

import (
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/wire"
)

// Epochs with a meaning of their own in a request.
const (
	epochNew  int32 = 0  // a full fetch that asks for a session
	epochNone int32 = -1 // a full fetch without a session, closing the one named
)

// sessionUse is what one request has to do with sessions. The zero value is
// nothing: a full fetch that is answered in full.
type sessionUse struct {
	id     int32 // what the response says
	create bool
	with   *session // of an incremental request
	epoch  int32    // that the session must still have when the request is answered
	nowMs  int64
}

func (u *sessionUse) incremental() bool { return u.with != nil }

// open finds the request's session and takes the request's changes into it.
func (u *sessionUse) open(ses *Sessions, req *wire.FetchRequest, nowMs int64) int16 {
	u.nowMs = nowMs
	if req.Version < 7 {
		return 0
	}
	if req.SessionEpoch == epochNew || req.SessionEpoch == epochNone {
		if ses != nil && req.SessionID != 0 {
			if old := ses.byID[req.SessionID]; old != nil {
				ses.remove(old)
			}
		}
		u.create = req.SessionEpoch == epochNew
		return 0
	}
	if ses == nil {
		return codeSessionNotFound
	}
	e := ses.byID[req.SessionID]
	switch {
	case e == nil:
		return codeSessionNotFound
	case e.byTopicID != (req.Version >= 13):
		return codeSessionTopicID
	case e.epoch != req.SessionEpoch:
		return codeInvalidSessionEpoch
	}
	ses.update(e, req)
	if e.parts.len() == 0 {
		ses.remove(e) // everything was forgotten: the session is over
		return 0
	}
	ses.touch(e, nowMs)
	e.epoch = nextEpoch(e.epoch)
	u.with, u.epoch, u.id = e, e.epoch, e.id
	return 0
}

// fromSession makes the parts of an incremental request. Topics are looked up
// again only when the image is another one.
func (op *Fetch) fromSession(im *cluster.Image) {
	e := op.session.with
	same := e.im == im
	e.im = im
	for at := e.parts.head; at >= 0; at = e.parts.slab[at].next {
		p := &e.parts.slab[at]
		fp := op.add()
		op.names, fp.name = keepString(op.names, p.key.name)
		fp.id, fp.Index, fp.slot = p.key.id, p.key.index, at
		fp.Offset, fp.MaxBytes = p.offset, p.maxBytes
		fp.CurrentEpoch, fp.LastFetchedEpoch = p.currentEpoch, p.lastFetchedEpoch
		if !same {
			p.topic, p.missing = lookup(im, e.byTopicID, fp.name, fp.id)
		}
		fp.Topic = p.topic
		op.place(fp, p.missing)
	}
}

func keepString(buf []byte, name string) (grown, kept []byte) {
	at := len(buf)
	buf = append(buf, name...)
	return buf, buf[at:len(buf):len(buf)]
}

// settle remembers what the response will say and marks the parts that it says
// it of.
func (u *sessionUse) settle(ses *Sessions, op *Fetch) int16 {
	if u.create && ses != nil {
		u.id = ses.create(op, u.nowMs)
		u.create = false
		return 0
	}
	if u.with == nil {
		return 0
	}
	if u.with.epoch != u.epoch {
		return codeInvalidSessionEpoch // another request with this session came between
	}
	for i := range op.Parts {
		fp := &op.Parts[i]
		fp.respond = u.with.parts.slab[fp.slot].tell(fp)
		if fp.bytes > 0 {
			u.with.parts.toEnd(fp.slot)
		}
	}
	return 0
}
