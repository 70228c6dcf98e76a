package floor

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// conn is a client. Answers are written in the order of the requests, as bytes.
type conn struct {
	s      *shard
	st     *reactor.Stream
	framer reactor.Framer

	answers []answer // in request order
	out     []byte   // being filled
	sending []byte   // with the kernel
	chain   iobuf.Chain
	sent    []answer
	busy    bool
	dirty   bool
	closed  bool
}

// answer is one response in its turn.
type answer struct {
	key    int16
	ready  bool
	silent bool
	at     int64 // sink position that has to be on the device first
	bytes  []byte
	stamps telemetry.Stamps
	timer  *fetchTimer
}

// OnData cuts and answers frames.
func (c *conn) OnData(b *iobuf.Buf, n int) {
	c.cut(&reactor.Received{Buf: b, Data: b.B[:n], Ns: c.s.r.Now()})
	b.Release(c.s.arena)
	c.st.Redirect()
}

// Want is where the rest of a large frame belongs.
func (c *conn) Want() (*iobuf.Buf, []byte) { return c.framer.Want() }

// OnFill notes bytes received there.
func (c *conn) OnFill(n int) {
	c.framer.Filled(n)
	c.cut(&reactor.Received{Ns: c.s.r.Now()})
}

func (c *conn) cut(in *reactor.Received) {
	for !c.closed {
		frame, buf, ns, err := c.framer.Next(in)
		if err != nil {
			slog.Warn("connection closed", "error", err)
			c.close()
			break
		}
		if frame == nil {
			break
		}
		ok := c.serve(frame, ns)
		buf.Release(c.s.arena)
		if !ok {
			c.close()
		}
	}
	c.mark()
}

func (c *conn) mark() {
	if !c.dirty {
		c.dirty = true
		c.s.dirty = append(c.s.dirty, c)
	}
}

// serve answers one frame. False closes the connection.
func (c *conn) serve(frame []byte, readableNs int64) bool {
	s := c.s
	c.answers = append(c.answers, answer{})
	a := &c.answers[len(c.answers)-1]
	now := telemetry.Now()
	a.stamps[telemetry.Readable], a.stamps[telemetry.Framed] = readableNs, now
	h := &s.hdr
	if err := wire.ParseHeader(frame, h); err != nil {
		return refuse(err)
	}
	row, err := api.Admit(h)
	if err != nil {
		return refuse(err)
	}
	a.key = h.Key
	body := frame[h.Body:]
	switch {
	case !row.Hot():
		req, err := row.Decode(h, body)
		if err != nil {
			return refuse(err)
		}
		a.bytes, a.ready = wire.AppendResponse(nil, h.Version, h.CorrelationID, c.cold(row, req)), true
	case h.Key == 0:
		if err := c.produce(a, body); err != nil {
			return refuse(err)
		}
	default:
		if err := c.fetch(a, body); err != nil {
			return refuse(err)
		}
	}
	for t := telemetry.Decoded; t <= telemetry.Encoded; t++ {
		if t == telemetry.LocalDone && s.work != nil {
			now = telemetry.Now()
		}
		a.stamps[t] = max(now, a.stamps[t-1])
	}
	if s.sink != nil && a.key == 0 {
		a.at, a.ready = s.sink.append(frame, c), false
	}
	return true
}

func refuse(err error) bool {
	slog.Warn("connection closed", "error", err)
	return false
}

// cold answers from the image in memory; nothing here blocks.
func (c *conn) cold(row *api.API, req kmsg.Request) kmsg.Response {
	env := &c.s.b.env
	if row.PlaceOf(env, req) != api.Partitions {
		return row.Answer(env, req)
	}
	op := row.Split(env, req)
	for i := range op.Len() {
		op.Apply(i, nil, nil)
	}
	return op.Join()
}

// produce answers success for every partition that exists.
func (c *conn) produce(a *answer, body []byte) error {
	s := c.s
	if err := s.produceR.Parse(s.hdr.Version, body); err != nil {
		return err
	}
	s.produce.Split(&s.produceR, s.b.control.image.Load())
	for i := range s.produce.Parts {
		if pp := &s.produce.Parts[i]; !pp.Done {
			s.work.Do()
			pp.Done, pp.BaseOffset, pp.LogStartOffset = true, 0, 0
		}
	}
	a.ready, a.silent = true, s.produce.Acks == 0
	if s.sink == nil && !a.silent && c.first() {
		c.out = s.produce.AppendResponse(c.out, s.hdr.CorrelationID)
		return nil
	}
	if !a.silent {
		a.bytes = s.produce.AppendResponse(a.bytes[:0], s.hdr.CorrelationID)
	}
	return nil
}

// first reports whether everything before the newest answer is in out already,
// so that it may be written there itself.
func (c *conn) first() bool {
	for i := 0; i < len(c.answers)-1; i++ {
		if !c.answers[i].ready || c.answers[i].bytes != nil {
			return false
		}
	}
	return true
}

// flush sends every answer whose turn it is.
func (c *conn) flush() {
	if c.busy || c.closed {
		return
	}
	n := 0
	for n < len(c.answers) && c.answers[n].ready {
		a := &c.answers[n]
		if !a.silent {
			c.out = append(c.out, a.bytes...)
			a.bytes = nil
			c.sent = append(c.sent, *a)
		}
		n++
	}
	if n > 0 {
		m := copy(c.answers, c.answers[n:])
		clear(c.answers[m:])
		c.answers = c.answers[:m]
	}
	if len(c.out) == 0 {
		return
	}
	c.sending, c.out = c.out, c.sending[:0]
	c.chain.AppendBytes(c.sending)
	now := telemetry.Now()
	for i := range c.sent {
		c.sent[i].stamps[telemetry.Dequeued] = now
	}
	c.busy = true
	c.st.Send(&c.chain)
}

// OnSent goes on with what was answered meanwhile.
func (c *conn) OnSent(err error) {
	now := telemetry.Now()
	for i := range c.sent {
		c.sent[i].stamps[telemetry.Sent] = now
		c.s.rec.Record(c.sent[i].key, &c.sent[i].stamps)
	}
	c.sent = c.sent[:0]
	c.chain.Reset(c.s.arena)
	c.busy = false
	if err != nil {
		c.close()
		return
	}
	c.mark()
}

func (c *conn) close() {
	if !c.closed {
		c.closed = true
		c.st.Close()
	}
}

// OnClosed is the last call.
func (c *conn) OnClosed(error) {
	c.closed = true
	c.framer.Drop()
	for i := range c.answers {
		if t := c.answers[i].timer; t != nil {
			c.s.r.Cancel(&t.timer)
		}
	}
}
