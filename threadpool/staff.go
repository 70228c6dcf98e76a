package threadpool

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"

	"github.com/ceteris/ceteris/models/busywork"
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

	mu       sync.Mutex // guards handlers
	handlers []*handler
}

// hire adds a handler that has no thread yet.
func (s *staff) hire(b *Broker) *handler {
	h := &handler{broker: b, name: handlerName(s.hired), seat: b.idle.seat(len(b.processors) + s.hired), work: busywork.New(&b.cfg).Stream(s.hired)}
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
	now := telemetry.Now()
	h.idling.begin(now)
	h.sleeping.begin(now)
	h.seat.rest()
	h.broker.crew.leave(h.name)
	s.drop(h)
}

func (s *staff) drop(h *handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers = slices.DeleteFunc(s.handlers, func(o *handler) bool { return o == h })
}

func (s *staff) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.handlers)
}

// idleNs is the time that the present handlers had no request.
func (s *staff) idleNs(nowNs int64) (ns uint64, handlers int) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	if more := n - s.want; !b.gogo && more > 0 {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + more) // a slot for each locked thread
	}
	for s.want < n {
		h := s.hire(b)
		h.seat.rise()
		if err := b.crew.join(h.name, h.run); err != nil {
			h.seat.rest()
			s.want--
			s.drop(h)
			return err
		}
		b.registry.AddWorker(h.name, spent(&h.idling, &h.sleeping))
	}
	return nil
}
