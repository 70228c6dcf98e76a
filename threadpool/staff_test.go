package threadpool

import (
	"fmt"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestResize changes the number of handlers while clients produce: all is
// answered, as many as asked for are left, and stopping waits for nobody who has
// gone.
func TestResize(t *testing.T) {
	for name, set := range variants {
		t.Run(name, func(t *testing.T) {
			b, stop := start(t, config(t, append(set[:len(set):len(set)], "num.io.threads", "4")...))
			cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			createTopic(t, cl, "t", 4)
			var wg sync.WaitGroup
			wg.Go(func() {
				for from := 0; from < 2000; from += 200 {
					produce(t, cl, "t", 4, from, from+200)
				}
			})
			for _, n := range []int{1, 6, 2, 2, 9, 3} {
				if err := b.setHandlers(n); err != nil {
					t.Fatal(err)
				}
				for deadline := time.Now().Add(10 * time.Second); b.staff.size() != n; time.Sleep(time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("%d handlers, want %d", b.staff.size(), n)
					}
				}
			}
			wg.Wait()
			if others := len(b.crew.list()) - b.staff.size(); others != besides(b) {
				t.Errorf("%d threads besides the handlers, want %d", others, besides(b))
			}
			cl.Close()
			stop()
			if err := b.setHandlers(4); err == nil {
				t.Error("handlers were hired by a broker that has stopped")
			}
		})
	}
}

// besides is how many threads there are besides the handlers.
func besides(b *Broker) int {
	n := 1 + len(b.processors) + purgatories
	if b.writer != nil {
		n++
	}
	return n
}

// TestResizeKeepsSlots: handlers who come after others have left take over their
// scheduler slots.
func TestResizeKeepsSlots(t *testing.T) {
	b, _ := start(t, config(t, "num.io.threads", "4"))
	before := runtime.GOMAXPROCS(0)
	for range 3 {
		for _, n := range []int{1, 4} {
			if err := b.setHandlers(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := runtime.GOMAXPROCS(0); after != before {
		t.Errorf("GOMAXPROCS is %d with as many threads as before, when it was %d", after, before)
	}
}

// TestHiredSeat: a handler hired later is bound to the CPU that its seat stands
// for, and its thread has its name.
func TestHiredSeat(t *testing.T) {
	b, _ := start(t, config(t, "threads", "pinned", "num.network.threads", "1", "num.io.threads", "2"))
	for _, n := range []int{5, 3, 6} {
		if err := b.setHandlers(n); err != nil {
			t.Fatal(err)
		}
		for b.staff.size() != n {
			time.Sleep(time.Millisecond)
		}
	}
	for _, h := range b.staff.handlers {
		i := slices.IndexFunc(b.crew.list(), func(m member) bool { return m.name == h.name })
		if i < 0 {
			t.Fatalf("no thread of %s", h.name)
		}
		m := b.crew.list()[i]
		if want := slices.Index(b.crew.cpus, m.cpu); h.seat != b.idle.seat(want) {
			t.Errorf("%s is on CPU %d and has another's seat", h.name, m.cpu)
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/comm", m.tid))
		if err != nil || strings.TrimSpace(string(name)) != h.name {
			t.Errorf("the thread of %s is called %q: %v", h.name, name, err)
		}
	}
}

// TestIdleTimeStays: the idle time of handlers is a sum that only grows, also
// when some leave.
func TestIdleTimeStays(t *testing.T) {
	var s staff
	for _, ns := range []uint64{5, 3} {
		h := &handler{}
		h.idling.total.Store(ns)
		s.handlers = append(s.handlers, h)
	}
	s.drop(s.handlers[0])
	if ns, n := s.idleNs(100); ns != 8 || n != 1 {
		t.Errorf("%d ns idle, %d handlers; want 8 and 1", ns, n)
	}
}

// TestResizeAsked: the admin port takes the setting within its bounds only.
func TestResizeAsked(t *testing.T) {
	b, _ := start(t, config(t))
	for value, code := range map[string]int{"0": 400, "many": 400, "": 400, "5": 200} {
		w := httptest.NewRecorder()
		b.resize(w, httptest.NewRequest("POST", "/pool?num.io.threads="+value, nil))
		if w.Code != code {
			t.Errorf("%q: %d %s, want %d", value, w.Code, fmt.Sprint(w.Body), code)
		}
	}
	for b.staff.size() != 5 {
		time.Sleep(time.Millisecond)
	}
}
