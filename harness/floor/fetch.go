package floor

import (
	"github.com/ceteris/ceteris/tpc/reactor"
)

// fetchTimer answers an empty fetch when its wait is over.
type fetchTimer struct {
	c     *conn
	timer reactor.Timer
}

// fetch builds an empty answer and holds it back for as long as the client is
// willing to wait, as a broker without records does.
func (c *conn) fetch(a *answer, body []byte) error {
	s := c.s
	if err := s.fetchR.Parse(s.hdr.Version, body); err != nil {
		return err
	}
	op := &s.fetch
	op.Split(&s.fetchR, s.b.control.image.Load(), nil)
	for i := range op.Parts {
		if fp := &op.Parts[i]; !fp.Done {
			fp.HW, fp.LSO, fp.LogStart = 0, 0, 0
		}
	}
	op.Join(nil, s.hdr.CorrelationID, make([]byte, 0, op.HeadBytes()), &s.chain)
	for i := range s.chain.Pieces {
		a.bytes = append(a.bytes, s.chain.Pieces[i].B...)
	}
	s.chain.Reset(s.arena)
	wait := int64(op.MaxWaitMs)
	op.Reset(s.arena)
	if wait <= 0 {
		a.ready = true
		return nil
	}
	a.timer = &fetchTimer{c: c}
	a.timer.timer.H = a.timer
	s.r.After(&a.timer.timer, wait*1e6)
	return nil
}

// OnTimer lets the answer go.
func (t *fetchTimer) OnTimer(*reactor.Timer) {
	for i := range t.c.answers {
		if t.c.answers[i].timer == t {
			t.c.answers[i].ready, t.c.answers[i].timer = true, nil
		}
	}
	t.c.mark()
}
