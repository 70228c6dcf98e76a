package api

import "github.com/ceteris/ceteris/models/wire"

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
	fresh  *session // that is made for this request, until it is complete
	with   *session // of an incremental request
	epoch  int32    // that the session must still have when the request is answered
	nowMs  int64
}

// open finds the request's session. Its epoch is the next one's from here on, so
// that whoever uses it before this request is through with it is known by that.
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
	e.epoch = nextEpoch(e.epoch)
	u.with, u.epoch, u.id = e, e.epoch, e.id
	return 0
}

// resume is called when the request's changes are in the session. False: it has
// forgotten everything, and the session is over.
func (u *sessionUse) resume(ses *Sessions) bool {
	if u.with.parts.len() == 0 {
		ses.remove(u.with)
		u.with, u.id = nil, 0
		return false
	}
	ses.touch(u.with, u.nowMs)
	return true
}

// overtaken is code, or says that another request with this session came between.
func (u *sessionUse) overtaken(code int16) int16 {
	if code == 0 && u.with != nil && u.with.epoch != u.epoch {
		return codeInvalidSessionEpoch
	}
	return code
}

func keepString(buf []byte, name string) (grown, kept []byte) {
	at := len(buf)
	buf = append(buf, name...)
	return buf, buf[at:len(buf):len(buf)]
}

// begin is called before the parts are told of.
func (u *sessionUse) begin(ses *Sessions, op *Fetch) {
	if u.create && ses != nil && op.code == 0 {
		u.fresh = ses.make(op, u.nowMs)
	}
	u.create = false
}

// mention remembers what the response will say of a part and tells whether it
// says it.
func (u *sessionUse) mention(fp *FetchPart) bool {
	switch {
	case u.fresh != nil:
		u.fresh.take(fp)
	case u.with != nil:
		if fp.bytes > 0 {
			u.with.parts.toEnd(fp.slot)
		}
		return u.with.parts.slab[fp.slot].tell(fp)
	}
	return true
}

// end is called when all parts were told of.
func (u *sessionUse) end(ses *Sessions) {
	if u.fresh != nil {
		u.id, u.fresh = ses.enter(u.fresh), nil
	}
}
