package threadpool

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/telemetry"
)

// TestTelemetry reads every metric.
func TestTelemetry(t *testing.T) {
	b, _ := start(t, config(t))
	cl := client(t, b)
	createTopic(t, cl, "t", 1)
	produce(t, cl, "t", 1, 0, 50)
	names := map[string]float64{}
	for _, s := range b.Telemetry().Snapshot() {
		names[s.Name] += s.Value
	}
	for _, want := range []string{
		"request_queue_size", "response_queue_size", "network_processor_avg_idle_ratio", "request_handler_avg_idle_ratio", "acceptor_blocked_ratio",
		"purgatory_size", "delayed_operations", "lock_wait_nanoseconds_total", "lock_held_sampled_nanoseconds_total", "thread_context_switches_total",
	} {
		if _, ok := names["ceteris_"+want]; !ok {
			t.Errorf("no metric %s", want)
		}
	}
	if names["ceteris_requests_total"] < 3 || names["ceteris_connections"] < 1 {
		t.Errorf("got %v requests over %v connections", names["ceteris_requests_total"], names["ceteris_connections"])
	}
	if b.Facts()["network"] != "epoll" {
		t.Errorf("facts: %v", b.Facts())
	}
}

// TestStages: every request of every variant carries all ten stamps in order,
// so that its nine stages add up to its total, and the histograms of what was
// served say the same to the nanosecond. Requests of all kinds run side by
// side, some of them waiting in a purgatory or for room in the queue.
func TestStages(t *testing.T) {
	for name, set := range variants {
		t.Run(name, func(t *testing.T) {
			b, err := New(config(t, set...))
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			sent := [telemetry.ClassCount]uint64{}
			b.trace = func(s step, r *request) {
				if s != stepSent {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				sent[telemetry.ClassOf(r.header.Key)]++
				for i := 1; i < len(r.stamps); i++ {
					if r.stamps[0] <= 0 || r.stamps[i] < r.stamps[i-1] {
						t.Errorf("api %d: %v is at %d ns, %v before it at %d ns", r.header.Key,
							telemetry.Stamp(i), r.stamps[i], telemetry.Stamp(i-1), r.stamps[i-1])
					}
				}
			}
			serve(t, b)
			cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			createTopic(t, cl, "t", 4)
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { consume(t, b, "t", 4, 1000) })
			}
			produce(t, cl, "t", 4, 0, 1000)
			wg.Wait()
			cl.Close()
			settled(t, b)

			bank := tellAll(t, b)
			mu.Lock()
			defer mu.Unlock()
			for class := range bank.Stages {
				addUp(t, telemetry.Class(class), &bank.Stages[class], sent[class])
				for i := range bank.Missing[class] {
					if m, w := bank.Missing[class][i], bank.Backwards[class][i]; m+w != 0 {
						t.Errorf("%v: %v is missing %d times and goes backwards %d times", telemetry.Class(class), telemetry.Stamp(i), m, w)
					}
				}
			}
		})
	}
}

// tellAll is what all threads have counted. One that a busy machine keeps from its
// poll is asked again.
func tellAll(t *testing.T, b *Broker) *telemetry.Bank {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		st := b.Telemetry().Stages()
		if st.Stale == 0 {
			return st.Bank
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d threads do not tell what they counted", st.Stale, st.Recorders)
		}
	}
}

// addUp checks one class's histograms.
func addUp(t *testing.T, class telemetry.Class, stages *[telemetry.StageCount]telemetry.Histogram, sent uint64) {
	t.Helper()
	sum := int64(0)
	for s := range stages {
		if got := stages[s].Count; got != sent || sent == 0 {
			t.Errorf("%v/%v: got %d requests, want the %d that were sent, and some", class, telemetry.Stage(s), got, sent)
		}
		if s < telemetry.Parts {
			sum += stages[s].SumNs
		}
	}
	if total := stages[telemetry.Total].SumNs; sum != total {
		t.Errorf("%v: the parts add up to %d ns, the total is %d ns", class, sum, total)
	}
}

// settled waits until no request is in the broker.
func settled(t *testing.T, b *Broker) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		busy := int64(0)
		for _, p := range b.processors {
			busy += p.inflight.Load()
		}
		if busy == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests are still in the broker", busy)
		}
	}
}

// TestOfferWaits: the time that a processor waits for room in the request queue
// belongs to Offer, not to Handoff, whoever schedules the threads.
func TestOfferWaits(t *testing.T) {
	for _, gogo := range []bool{false, true} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4)))
		f := models.PresetThreadPool()
		if gogo {
			f.Threads = "goroutine"
		}
		i := newIdle(&f, 2)
		c := newChannel(1, i, gogo, nil)
		h := &handler{broker: &Broker{}, seat: i.seat(0)}
		first, second := &request{}, &request{}
		c.put(first, i.seat(0))
		pool := threads{locked: !gogo}
		pool.start(func() { c.put(second, i.seat(0)) })
		for c.blocks.Load() == 0 {
			runtime.Gosched()
		}
		roomNs := telemetry.Now()
		for _, want := range []*request{first, second} {
			if j, ok := c.take(h); !ok || j.req != want {
				t.Fatalf("goroutine=%v: took %p, want %p", gogo, j.req, want)
			}
		}
		takenNs := telemetry.Now()
		pool.wg.Wait()
		if at := second.stamps[telemetry.Offered]; at < roomNs || at > takenNs {
			t.Errorf("goroutine=%v: offered at %d ns, want between %d, when there was room, and %d, when it was taken", gogo, at, roomNs, takenNs)
		}
		if first.stamps[telemetry.Offered] != 0 {
			t.Errorf("goroutine=%v: a request that did not wait was stamped again", gogo)
		}
	}
}

// TestLocksTell: every class of locks is told of, and one that threads have
// waited for says how long; each locked thread has its switches, and goroutines,
// which own no thread, have none.
func TestLocksTell(t *testing.T) {
	for _, mode := range []string{"os", "goroutine"} {
		t.Run(mode, func(t *testing.T) {
			b, _ := start(t, config(t, "threads", mode))
			b.locks.log.WaitNs.Add(7)
			classes, threads := map[string]float64{}, map[string]int{}
			for _, s := range b.Telemetry().Snapshot() {
				switch s.Name {
				case "ceteris_lock_wait_nanoseconds_total":
					classes[s.Labels[0].Value] = s.Value
				case "ceteris_thread_context_switches_total":
					threads[s.Labels[0].Value]++
				}
			}
			if len(classes) != 11 || classes["log"] < 7 {
				t.Errorf("classes: %v", classes)
			}
			if mode == "goroutine" {
				if len(threads) > 0 {
					t.Errorf("goroutines are taken for threads: %v", threads)
				}
				return
			}
			for _, name := range []string{"acceptor", "network-0", "network-2", "handler-0", "handler-7", "produce-expiry", "fetch-expiry"} {
				if threads[name] != 2 {
					t.Errorf("thread %s has %d counters, want voluntary and forced", name, threads[name])
				}
			}
			if len(threads) != Threads(&b.cfg) {
				t.Errorf("%d threads, want %d: %v", len(threads), Threads(&b.cfg), threads)
			}
		})
	}
}
