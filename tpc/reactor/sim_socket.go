package reactor

import (
	"io"
	"slices"
	"syscall"
)

// simSocket is one connection, or a listening socket with connections that
// nobody has accepted yet.
type simSocket struct {
	queue []int // of a listening socket: accepted next first

	in      []byte // client to broker, not received yet
	inEnd   bool   // the client sends no more
	reset   bool   // the client is gone for good: nothing is received or sent any more
	out     []byte // broker to client, not read yet
	room    int    // most bytes in out
	shut    bool   // the broker has closed it
	sending bool   // a chain is in the kernel's hands
	lag     bool   // one more arrival is delivered although the stream is paused
	flying  bool   // closed, and the kernel has not let go of it yet
}

// Peer is the client's end of a connection.
type Peer struct {
	k *Sim
	s *simSocket
}

// Listen makes a listening socket.
func (k *Sim) Listen() int {
	fd := k.fd()
	k.sockets[fd] = &simSocket{}
	return fd
}

// Dial connects to a listening socket; false means that it is closed. The broker
// finds at most room bytes of space for what the peer has not read.
func (k *Sim) Dial(listener, room int) (*Peer, bool) {
	l := k.sockets[listener]
	if l == nil {
		return nil, false
	}
	fd := k.fd()
	s := &simSocket{room: room}
	k.sockets[fd] = s
	l.queue = append(l.queue, fd)
	return &Peer{k, s}, true
}

// CloseSocket closes a socket outside a reactor.
func (k *Sim) CloseSocket(fd int) {
	s := k.sockets[fd]
	s.shut = true
	for _, c := range s.queue {
		k.CloseSocket(c)
	}
	delete(k.sockets, fd)
}

// Write sends bytes; false means that the broker has closed the connection.
func (p *Peer) Write(b []byte) bool {
	if p.s.shut || p.s.reset {
		return false
	}
	p.s.in = append(p.s.in, b...)
	return true
}

// Readable is how many bytes there are to read.
func (p *Peer) Readable() int { return len(p.s.out) }

// Read takes at most n bytes; io.EOF when the broker has closed the connection
// and everything is read.
func (p *Peer) Read(n int) ([]byte, error) {
	b := p.s.out[:min(n, len(p.s.out))]
	p.s.out = p.s.out[len(b):]
	if len(b) == 0 && p.s.shut {
		return nil, io.EOF
	}
	return b, nil
}

// Close ends the connection in good order, or resets it: then nothing that is
// under way arrives.
func (p *Peer) Close(reset bool) {
	p.s.inEnd, p.s.reset = true, p.s.reset || reset
	p.s.out = nil
	p.s.room = 1 << 30 // nobody reads it; whatever is sent is gone
}

func (e *simBackend) socket(s *Stream) *simSocket { return e.k.sockets[s.fd] }

func (e *simBackend) adopt(int) error { return nil }

func (e *simBackend) release(fd int) { e.k.CloseSocket(fd) }

func (e *simBackend) listen(l *Listener) error {
	l.armed = true
	e.listeners = append(e.listeners, l)
	return nil
}

// hold may come too late for one more connection, as a cancelled accept does.
func (e *simBackend) hold(l *Listener) {
	if e.k.chance(50) {
		e.disarm(l)
	}
}

func (e *simBackend) disarm(l *Listener) {
	l.armed = false
	e.listeners = slices.DeleteFunc(e.listeners, func(other *Listener) bool { return other == l })
}

func (e *simBackend) unlisten(l *Listener) {
	e.disarm(l)
	e.k.CloseSocket(l.fd)
}

func (e *simBackend) acceptable() bool {
	for _, l := range e.listeners {
		if len(e.k.sockets[l.fd].queue) > 0 {
			return true
		}
	}
	return false
}

func (e *simBackend) accept() (busy bool) {
	for _, l := range slices.Clone(e.listeners) {
		for !l.closing && len(e.k.sockets[l.fd].queue) > 0 && e.k.chance(70) {
			s := e.k.sockets[l.fd]
			fd := s.queue[0]
			s.queue = s.queue[1:]
			e.k.c.Accepts++
			busy = true
			if l.paused {
				e.disarm(l)
			}
			l.accepted(fd)
			if !l.armed {
				break
			}
		}
	}
	return busy
}

func (e *simBackend) attach(s *Stream) error {
	e.streams = append(e.streams, s)
	return nil
}

// pause leaves sometimes a buffer under way, as a cancelled receive does.
func (e *simBackend) pause(s *Stream) { e.socket(s).lag = e.k.chance(30) }

// redirect has no effect of its own: receive asks, and does not always heed, as
// data arrives while a receive is being cancelled.
func (e *simBackend) redirect(*Stream) {}

func (e *simBackend) resume(s *Stream) { e.socket(s).lag = false }

func (e *simBackend) send(s *Stream) { e.socket(s).sending = true }

func (e *simBackend) flying(s *Stream) bool { return e.socket(s).flying }

// shut is over at once, or when the kernel lets go.
func (e *simBackend) shut(s *Stream) {
	k := e.socket(s)
	k.flying = e.k.chance(50)
	if !k.flying {
		e.drop(s)
	}
}

func (e *simBackend) drop(s *Stream) {
	e.socket(s).flying = false
	e.streams = slices.DeleteFunc(e.streams, func(other *Stream) bool { return other == s })
	e.r.unsettled(s)
}

// receivable tells whether something would be delivered to the stream.
func (e *simBackend) receivable(s *Stream, k *simSocket) bool {
	if s.closing || s.heldEnd || s.paused && !k.lag {
		return false
	}
	return k.reset || k.inEnd || len(k.in) > 0 && (!e.starving || e.k.NowNs >= e.retryNs)
}

func (e *simBackend) sendable(s *Stream, k *simSocket) bool {
	return !s.closing && s.out != nil && k.sending && (k.reset || len(k.out) < k.room)
}

func (e *simBackend) movable() bool {
	for _, s := range e.streams {
		if k := e.socket(s); k.flying || e.receivable(s, k) || e.sendable(s, k) {
			return true
		}
	}
	return false
}

// move lets bytes flow on every stream, in any order, a part at a time.
func (e *simBackend) move() (busy bool) {
	list := slices.Clone(e.streams)
	e.k.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, s := range list {
		k := e.socket(s)
		if k == nil || !slices.Contains(e.streams, s) {
			continue // a handler has closed it meanwhile
		}
		if k.flying {
			if e.k.chance(50) {
				e.drop(s)
				busy = true
			}
			continue
		}
		if e.sendable(s, k) && e.k.chance(80) {
			e.pump(s, k)
			busy = true
		}
		for e.receivable(s, k) && e.k.chance(80) {
			busy = true
			if !e.receive(s, k) {
				break
			}
		}
	}
	return busy
}

// pump moves a part of the chain in flight to the client.
func (e *simBackend) pump(s *Stream, k *simSocket) {
	if k.reset {
		s.finish(syscall.EPIPE)
		return
	}
	var data []byte
	off := s.off
	for i := s.piece; i < len(s.out.Pieces); i++ {
		data = append(data, s.out.Pieces[i].B[off:s.out.Pieces[i].Len]...)
		off = 0
	}
	n := min(len(data), k.room-len(k.out))
	if e.k.chance(30) {
		n = 1 + e.k.rng.IntN(n)
	}
	if !k.inEnd {
		k.out = append(k.out, data[:n]...)
	}
	if !s.advance(n) {
		e.k.c.PartSends++
		e.r.c.SendPartial++
		return
	}
	e.k.c.Sends++
	k.sending = false
	s.sent()
}

// receive delivers one buffer or the end. False when nothing more comes now.
func (e *simBackend) receive(s *Stream, k *simSocket) bool {
	switch {
	case k.reset:
		s.ended(syscall.ECONNRESET)
		return false
	case len(k.in) == 0:
		s.ended(nil)
		return false
	}
	if fill, place := s.want(); fill != nil && e.k.chance(80) {
		n := e.part(min(len(k.in), len(place)))
		copy(place, k.in[:n])
		e.took(s, k, n)
		e.k.c.Fills++
		s.filled(n)
		return true
	}
	b := e.r.o.Arena.Alloc(e.r.o.RecvBufBytes)
	if b == nil {
		e.k.c.Starved++
		e.r.c.RecvStarved++
		e.starving, e.retryNs = true, e.k.NowNs+starvedRetryNs
		return false
	}
	e.starving = false
	n := e.part(min(len(k.in), e.r.o.RecvBufBytes))
	copy(b.B, k.in[:n])
	e.took(s, k, n)
	s.received(b, n)
	return true
}

// part is how many of n bytes arrive.
func (e *simBackend) part(n int) int {
	if e.k.chance(30) {
		n = 1 + e.k.rng.IntN(n)
		e.k.c.PartRecvs++
	}
	return n
}

// took takes n received bytes off the socket.
func (e *simBackend) took(s *Stream, k *simSocket, n int) {
	k.in = k.in[n:]
	k.lag = false
	e.k.c.Recvs++
	if s.paused {
		e.k.c.LateRecvs++
	}
}

func isEOF(err error) bool { return err == io.EOF }

// wants tells whether a stream waits for memory to receive into.
func (e *simBackend) wants() bool {
	for _, s := range e.streams {
		if k := e.socket(s); e.starving && !s.closing && !s.heldEnd && !s.paused && len(k.in) > 0 {
			return true
		}
	}
	return false
}
