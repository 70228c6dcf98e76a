package reactor

import (
	"fmt"

	"github.com/ceteris/ceteris/models/iobuf"
)

// Stream is one connected socket on one reactor. All methods belong to the
// reactor's thread. Streams are reused after OnClosed.
type Stream struct {
	r      *Reactor
	h      StreamHandler
	filler Filler // the handler, nil when it is none
	fd     int
	slot   uint32

	out   *iobuf.Chain // chain in flight, nil when there is none
	piece int          // first piece not gone out entirely
	off   int          // bytes of that piece that are out
	gone  bool         // all of out has left; OnSent is due

	held     []arrival // data that came while receiving was paused
	heldFill int       // bytes that came directly while it was; they precede held
	heldErr  error     // how receiving ended while it was paused, when heldEnd
	heldEnd  bool
	paused   bool
	closing  bool // no operation is started any more
	queued   bool // in the reactor's list of streams to settle
	err      error
	sys      streamSys
}

// arrival is received data: one reference to b.
type arrival struct {
	b *iobuf.Buf
	n int
}

// FD is the socket, for getsockname and the like.
func (s *Stream) FD() int { return s.fd }

// Sending tells whether a chain is in flight.
func (s *Stream) Sending() bool { return s.out != nil }

// Send starts sending the chain's pieces, which must be memory, and keeps the
// chain until OnSent. One chain may be in flight at a time; a second is a bug
// and panics. On a stream that is closing OnSent reports why it did not go out.
func (s *Stream) Send(c *iobuf.Chain) {
	if s.out != nil {
		panic(fmt.Sprintf("reactor: send on stream %d: got %d bytes while %d are in flight", s.slot, c.Bytes, s.out.Bytes))
	}
	for i := range c.Pieces {
		if c.Pieces[i].FD >= 0 {
			panic(fmt.Sprintf("reactor: send on stream %d: piece %d is a file range (descriptor %d), want memory", s.slot, i, c.Pieces[i].FD))
		}
	}
	s.out, s.piece, s.off, s.gone = c, 0, 0, false
	switch {
	case s.closing: // reported when the stream is buried
	case c.Bytes == 0:
		s.gone = true
		s.r.unsettled(s)
	default:
		s.r.be.send(s)
	}
}

// PauseRecv stops OnData until ResumeRecv. What the kernel had handed over
// already is kept for the stream, so the back-pressure is exact.
func (s *Stream) PauseRecv() {
	if s.paused {
		return
	}
	s.paused = true
	if !s.closing {
		s.r.be.pause(s)
	}
}

// ResumeRecv lets data flow again.
func (s *Stream) ResumeRecv() {
	if !s.paused {
		return
	}
	s.paused = false
	if s.closing {
		return
	}
	if len(s.held) > 0 || s.heldFill > 0 || s.heldEnd {
		s.r.unsettled(s)
	}
	if !s.heldEnd {
		s.r.be.resume(s)
	}
}

// Close ends the stream at once: a send in flight ends with ErrClosed, then
// comes OnClosed(nil). To close after a response, close in OnSent.
func (s *Stream) Close() { s.end(nil, ErrClosed) }

// end begins closing. The first reason wins. sendErr is what a send in flight
// is told; nil means err.
func (s *Stream) end(err, sendErr error) {
	if s.closing {
		return
	}
	s.closing = true
	s.err = err
	if sendErr == nil {
		sendErr = err
	}
	s.heldErr = sendErr
	s.r.be.shut(s)
}

// received takes one reference to b.
func (s *Stream) received(b *iobuf.Buf, n int) {
	r := s.r
	if s.closing {
		b.Release(r.o.Arena)
		return
	}
	if s.paused || len(s.held) > 0 || s.heldFill > 0 {
		s.held = append(s.held, arrival{b, n})
		return
	}
	r.c.Recvs++
	r.c.RecvBytes += int64(n)
	s.h.OnData(b, n)
}

// ended says that receiving is over: the peer closed (nil) or the connection broke.
func (s *Stream) ended(err error) {
	if s.closing {
		return
	}
	if s.paused || len(s.held) > 0 || s.heldFill > 0 {
		s.heldEnd, s.heldErr = true, err
		return
	}
	s.finish(err)
}

func (s *Stream) finish(err error) {
	sendErr := err
	if sendErr == nil {
		sendErr = errPeerClosed
	}
	s.end(err, sendErr)
}

// advance notes that n more bytes of the chain have left and tells whether all have.
func (s *Stream) advance(n int) bool {
	s.r.c.SendBytes += int64(n)
	pieces := s.out.Pieces
	for s.piece < len(pieces) {
		left := pieces[s.piece].Len - s.off
		if n < left {
			s.off += n
			return false
		}
		n -= left
		s.piece, s.off = s.piece+1, 0
	}
	if n != 0 {
		panic(fmt.Sprintf("reactor: stream %d sent %d bytes more than its chain of %d", s.slot, n, s.out.Bytes))
	}
	return true
}

// sent reports the whole chain gone. The handler may Send again at once.
func (s *Stream) sent() {
	s.out, s.gone = nil, false
	s.r.c.Sends++
	s.h.OnSent(nil)
}

// settle does what a Stream method could not do without calling the handler
// back from inside: reports an empty chain, hands over held data, buries.
func (s *Stream) settle() {
	r := s.r
	if s.closing {
		if r.be.flying(s) {
			return
		}
		s.bury()
		return
	}
	if s.gone {
		s.sent()
	}
	if n := s.heldFill; n > 0 && !s.paused && !s.closing {
		s.heldFill = 0
		s.deliverFill(n)
	}
	i := 0
	for ; i < len(s.held) && !s.paused && !s.closing; i++ {
		a := s.held[i]
		s.held[i] = arrival{}
		r.c.Recvs++
		r.c.RecvBytes += int64(a.n)
		s.h.OnData(a.b, a.n)
	}
	n := copy(s.held, s.held[i:])
	clear(s.held[n:])
	s.held = s.held[:n]
	if n == 0 && s.heldEnd && !s.paused && !s.closing {
		s.finish(s.heldErr)
	}
}

// bury is the end: nothing of the stream is in the kernel's hands.
func (s *Stream) bury() {
	r := s.r
	r.be.release(s.fd)
	for i := range s.held {
		s.held[i].b.Release(r.o.Arena)
		s.held[i] = arrival{}
	}
	h, err, sendErr := s.h, s.err, s.heldErr
	if s.gone {
		sendErr = nil
	}
	for s.out != nil { // a handler may have sent once more
		s.out = nil
		h.OnSent(sendErr)
		sendErr = s.heldErr
	}
	h.OnClosed(err)
	r.c.Streams--
	r.streams.put(s)
}

// streamTable gives every live stream a slot, which names it to the kernel:
// the kernel must not hold Go pointers.
type streamTable struct {
	all  []*Stream // by slot
	free []*Stream
}

func (t *streamTable) get() *Stream {
	if n := len(t.free); n > 0 {
		s := t.free[n-1]
		t.free = t.free[:n-1]
		return s
	}
	s := &Stream{slot: uint32(len(t.all))}
	t.all = append(t.all, s)
	return s
}

func (t *streamTable) put(s *Stream) {
	*s = Stream{slot: s.slot, held: s.held[:0], sys: s.sys.cleared(), fd: -1}
	t.free = append(t.free, s)
}
