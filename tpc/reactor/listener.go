package reactor

// acceptRetryNs is how long a listener rests after accept failed for want of
// descriptors or memory: trying at once would spin on the same error.
const acceptRetryNs = 100_000_000

// Listener is a listening socket on one reactor.
type Listener struct {
	r       *Reactor
	fd      int
	h       Acceptor
	index   int // in r.listeners
	closing bool
	armed   bool // the kernel accepts for it; after Pause it may for a moment more
	paused  bool
	slot    uint32
	retry   Timer
}

// Listen accepts connections from the listening socket fd, which now belongs to
// the reactor. On error it still belongs to the caller.
func (r *Reactor) Listen(fd int, h Acceptor) (*Listener, error) {
	if r.stopped {
		return nil, ErrStopped
	}
	if err := r.be.adopt(fd); err != nil {
		return nil, err
	}
	l := &Listener{r: r, fd: fd, h: h, index: len(r.listeners)}
	l.retry.H = l
	r.listeners = append(r.listeners, l)
	if err := r.be.listen(l); err != nil {
		r.dropListener(l)
		return nil, err
	}
	return l, nil
}

// Close stops accepting and closes the socket.
func (l *Listener) Close() {
	if l.closing {
		return
	}
	l.closing = true
	l.r.timers.remove(&l.retry)
	l.r.dropListener(l)
	l.r.be.unlisten(l)
}

// Pause leaves further connections in the socket's backlog until Resume. What
// the kernel has accepted already still comes to the handler.
func (l *Listener) Pause() {
	if l.paused || l.closing {
		return
	}
	l.paused = true
	l.r.timers.remove(&l.retry)
	l.r.be.hold(l)
}

// Resume accepts again.
func (l *Listener) Resume() {
	if !l.paused || l.closing {
		return
	}
	l.paused = false
	if !l.armed { // else it is still being told to stop, and starts anew when it has
		l.OnTimer(&l.retry)
	}
}

// OnTimer tries again after a failed accept.
func (l *Listener) OnTimer(*Timer) {
	if err := l.r.be.listen(l); err != nil {
		l.failed()
	}
}

func (l *Listener) accepted(fd int) {
	l.r.c.Accepts++
	l.h.OnAccept(fd)
}

func (l *Listener) failed() {
	l.r.c.AcceptErrors++
	if !l.closing && !l.paused {
		l.r.timers.add(&l.retry, l.r.nowNs+acceptRetryNs)
	}
}

func (r *Reactor) dropListener(l *Listener) {
	last := len(r.listeners) - 1
	r.listeners[l.index] = r.listeners[last]
	r.listeners[l.index].index = l.index
	r.listeners[last] = nil
	r.listeners = r.listeners[:last]
}

// Attach makes a stream of a connected socket, which now belongs to the
// reactor, and starts receiving. On error it still belongs to the caller.
func (r *Reactor) Attach(fd int, h StreamHandler) (*Stream, error) {
	if r.stopped {
		return nil, ErrStopped
	}
	if err := r.be.adopt(fd); err != nil {
		return nil, err
	}
	s := r.streams.get()
	s.r, s.fd, s.h = r, fd, h
	s.filler, _ = h.(Filler)
	if err := r.be.attach(s); err != nil {
		r.streams.put(s)
		return nil, err
	}
	r.c.Streams++
	return s, nil
}
