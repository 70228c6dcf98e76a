package threadpool

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

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
