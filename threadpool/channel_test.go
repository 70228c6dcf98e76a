package threadpool

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models"
)

// TestChannel sends numbered requests and syncs through a channel of every kind
// and checks that each arrives once, and that none of one sender overtakes
// another.
func TestChannel(t *testing.T) {
	for _, gogo := range []bool{false, true} {
		for _, capacity := range []int{1, 3, 500} {
			for _, handlers := range []int{1, 4} {
				t.Run(fmt.Sprintf("goroutine=%v capacity=%d handlers=%d", gogo, capacity, handlers), func(t *testing.T) {
					channelStress(t, gogo, capacity, handlers)
				})
			}
		}
	}
}

func channelStress(t *testing.T, gogo bool, capacity, handlers int) {
	const senders, rounds = 3, 1500
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), senders+handlers+1)))
	f := models.PresetThreadPool()
	if gogo {
		f.Threads = "goroutine"
	}
	i := newIdle(&f, 2)
	i.seat(0).awake.Store(int32(senders + handlers))
	c := newChannel(capacity, i, gogo, nil)
	var sending, taking sync.WaitGroup
	var got, syncs, wanted atomic.Int64
	var last [senders]atomic.Int64 // correlation id, to see order with one handler
	pool := threads{locked: !gogo}
	run := func(wg *sync.WaitGroup, body func()) {
		wg.Add(1)
		pool.start(func() { defer wg.Done(); body() })
	}
	for range handlers {
		h := &handler{broker: &Broker{}, seat: i.seat(0)}
		run(&taking, func() {
			for {
				j, ok := c.take(h)
				if !ok {
					return
				}
				if j.sync != nil {
					syncs.Add(1)
					continue
				}
				r := j.req
				before := last[r.header.Key].Swap(int64(r.header.CorrelationID))
				if handlers == 1 && before >= int64(r.header.CorrelationID) {
					t.Errorf("sender %d: request %d after %d", r.header.Key, r.header.CorrelationID, before)
				}
				if got.Add(1)%10 == 0 {
					wanted.Add(1)
					c.callback(&replica{})
				}
			}
		})
	}
	for s := range senders {
		run(&sending, func() {
			for n := range rounds {
				r := &request{}
				r.header.Key, r.header.CorrelationID = int16(s), int32(n+1)
				if c.put(r, i.seat(0)) {
					c.signal()
				}
			}
		})
	}
	sending.Wait()
	for c.waiting() > 0 {
		runtime.Gosched()
	}
	c.close()
	taking.Wait()
	pool.wg.Wait()
	if got.Load() != senders*rounds {
		t.Errorf("got %d requests, want %d", got.Load(), senders*rounds)
	}
	if !gogo && syncs.Load() != wanted.Load() {
		t.Errorf("got %d syncs, want %d", syncs.Load(), wanted.Load())
	}
	if c.waking != 0 || c.spinners != 0 || c.blocked != 0 {
		t.Errorf("left over: %d waking, %d spinning, %d blocked", c.waking, c.spinners, c.blocked)
	}
}

// TestResponses puts from many threads while one takes: nothing is lost, and
// the notes of one thread keep their order.
func TestResponses(t *testing.T) {
	const threads, rounds = 4, 5000
	var q responses
	var wg sync.WaitGroup
	for s := range threads {
		wg.Go(func() {
			for n := range rounds {
				r := &request{}
				r.response.req = r
				r.header.Key, r.header.CorrelationID = int16(s), int32(n+1)
				q.put(&r.response)
			}
		})
	}
	var last [threads]int32
	for got := 0; got < threads*rounds; {
		for n := q.take(); n != nil; n = n.next {
			h := &n.req.header
			if h.CorrelationID != last[h.Key]+1 {
				t.Fatalf("thread %d: got %d after %d", h.Key, h.CorrelationID, last[h.Key])
			}
			last[h.Key]++
			got++
		}
		runtime.Gosched()
	}
	wg.Wait()
	if !q.empty() || q.n.Load() != 0 {
		t.Errorf("left over: empty %v, %d counted", q.empty(), q.n.Load())
	}
}

// TestSyncLeftBehind: a log that wants a sync is not left to a handler that has
// taken a request instead, or was dismissed: with threads=goroutine another is
// called, as wakeOne does for threads.
func TestSyncLeftBehind(t *testing.T) {
	for name, r := range map[string]*request{"request": {}, "dismissal": nil} {
		f := models.PresetThreadPool()
		f.Threads = "goroutine"
		i := newIdle(&f, 2)
		c := newChannel(2, i, true, nil)
		h := &handler{broker: &Broker{}, seat: i.seat(0)}
		c.callback(&replica{})
		c.incoming <- r
		if j, _ := c.take(h); j.req != r || j.sync != nil || h.dismissed != (r == nil) {
			t.Fatalf("%s: took %+v", name, j)
		}
		if len(c.bell) != 1 {
			t.Errorf("%s: nobody is called for the log that wants a sync", name)
		}
	}
}

// TestIdleHandlerRouses: a handler that has nothing more to do wakes the writer,
// whoever schedules it.
func TestIdleHandlerRouses(t *testing.T) {
	for _, gogo := range []bool{false, true} {
		f := models.PresetThreadPool()
		if f.Spin = 0; gogo {
			f.Threads = "goroutine"
		}
		i := newIdle(&f, 2)
		c := newChannel(2, i, gogo, nil)
		b := &Broker{gogo: gogo}
		b.writer = newWriter(b)
		h := &handler{broker: b, seat: i.seat(0)}
		b.writer.queue <- writing{}
		pool := threads{locked: !gogo}
		pool.start(func() { c.take(h) })
		roused := make(chan struct{})
		pool.start(func() { b.writer.work.Wait(1 << 60); close(roused) })
		select {
		case <-roused:
		case <-time.After(10 * time.Second):
			t.Fatalf("goroutine=%v: the writer sleeps over what it has to write", gogo)
		}
		c.close()
		pool.wg.Wait()
	}
}
