package threadpool

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/ceteris/ceteris/models/telemetry"
)

// staff is the handlers, whose number may change while the broker serves, as
// Kafka's num.io.threads may: more begin at once, and those too many leave when
// they next look for work, whichever these are.
type staff struct {
	changing sync.Mutex // one change at a time, and none after close
	closed   bool
	hired    int // ever, for names and seats
	want     int

	mu       sync.Mutex // guards what follows
	handlers []*handler
	goneNs   uint64 // idle time of those who have left
}

// hire adds a handler that has no thread yet.
func (s *staff) hire(b *Broker) *handler {
	at := len(b.processors) + s.hired
	h := &handler{broker: b, name: handlerName(s.hired), at: at, seat: b.idle.seat(at), work: b.work.Stream(s.hired)}
	s.hired++
	s.want++
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = append(s.handlers, h)
	return h
}

// leave is a dismissed handler's last act. Its time from now on counts as
// asleep.
func (s *staff) leave(h *handler) {
	h.seat.rest()
	h.broker.crew.leave(h.name)
	s.drop(h)
	now := telemetry.Now()
	h.idling.begin(now)
	h.sleeping.begin(now)
}

func (s *staff) drop(h *handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goneNs += h.idling.total.Load()
	s.handlers = slices.DeleteFunc(s.handlers, func(o *handler) bool { return o == h })
}

func (s *staff) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.handlers)
}

// busy reports whether a handler has a request or a sync.
func (s *staff) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.handlers, func(h *handler) bool { return !h.idling.going() })
}

// idleNs is the time that handlers, those who have left too, had no request; and
// how many there are now.
func (s *staff) idleNs(nowNs int64) (ns uint64, handlers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns = s.goneNs
	for _, h := range s.handlers {
		ns += h.idling.read(nowNs)
	}
	return ns, len(s.handlers)
}

// close ends changes; the channel is about to be.
func (s *staff) close() {
	s.changing.Lock()
	s.closed = true
	s.changing.Unlock()
}

// resize answers POST /pool?num.io.threads=N.
func (b *Broker) resize(w http.ResponseWriter, r *http.Request) {
	const name = "num.io.threads"
	asked := b.cfg.Clone()
	if err := asked.Set(name, r.FormValue(name)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := b.setHandlers(int(asked.Int(name))); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintf(w, "%s=%d\n", name, asked.Int(name))
}

// setHandlers makes the handlers n. It returns when those to come have begun;
// those to go may still finish what they have.
func (b *Broker) setHandlers(n int) error {
	s := &b.staff
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.closed {
		return fmt.Errorf("the broker is stopping")
	}
	if n < s.want {
		b.channel.dismiss(s.want - n)
		s.want = n
		return nil
	}
	// A slot for each locked thread, as serve has it. Those of handlers who have
	// left are still there.
	if need := Threads(&b.cfg) - int(b.cfg.Int("num.io.threads")) + n + 1; !b.gogo && runtime.GOMAXPROCS(0) < need {
		runtime.GOMAXPROCS(need)
	}
	for s.want < n {
		h := s.hire(b)
		h.seat.rise()
		if err := b.crew.join(h.name, h.at, h.run); err != nil {
			h.seat.rest()
			s.want--
			s.drop(h)
			return err
		}
		b.registry.AddWorker(h.name, spent(&h.idling, &h.sleeping))
	}
	return nil
}
