package threadpool

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// visit is one step of one request as a trace saw it.
type visit struct {
	step   step
	thread string // network, io, expiry: whose loop is at the bottom of the stack
	id     string // which of them
	locks  string // of the partition, held at this moment
	via    string // for a completion: the action queue, a sync, or nothing
}

func (v visit) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s %s", v.step, v.thread, v.locks, v.via))
}

// tracer collects visits by correlation id.
type tracer struct {
	mu     sync.Mutex
	broker *Broker
	seen   map[int32][]visit
}

// look is the hook. The stack says which thread of the pool runs it.
func (tr *tracer) look(s step, r *request) {
	buf := make([]byte, 16<<10)
	stack := buf[:runtime.Stack(buf, false)]
	v := visit{step: s, id: string(bytes.Fields(stack)[1])}
	for name, thread := range map[string]string{
		"(*processor).run": "network", "(*handler).run": "io", "purgatory.(*Purgatory).Run": "expiry",
	} {
		if bytes.Contains(stack, []byte(name)) {
			v.thread = thread
		}
	}
	switch {
	case bytes.Contains(stack, []byte(").drainActions(")):
		v.via = "by action queue"
	case bytes.Contains(stack, []byte(").groupCommit(")):
		v.via = "by sync"
	}
	if rep := tr.broker.replica(tr.broker.image.Load().Topic([]byte("t")), 0); rep != nil {
		log := !rep.lock.TryLock()
		if !log {
			rep.lock.Unlock()
		}
		if log && rep.leader.Shared() {
			v.locks = "under both locks"
		}
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.seen[r.header.CorrelationID] = append(tr.seen[r.header.CorrelationID], v)
}

// visits waits until a request has been sent and returns its way.
func (tr *tracer) visits(t *testing.T, corr int32) []visit {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		tr.mu.Lock()
		vs := append([]visit(nil), tr.seen[corr]...)
		tr.mu.Unlock()
		if n := len(vs); n > 0 && vs[n-1].step == stepSent {
			return vs
		}
		if time.Now().After(deadline) {
			t.Fatalf("request %d came as far as %v", corr, vs)
		}
	}
}

// TestTrace follows a produce and a consumer's long poll that it ends, and
// holds who did what against Kafka:
//
//	body decoded, request offered         network thread of the connection
//	validated, appended                   I/O thread, under the partition's and the log's lock
//	response encoded                      the thread that completes the request
//	waiting fetch: read again, encoded    the PRODUCER's I/O thread, from its action queue, no lock held
//	response sent                         network thread of the connection, each its own
//
// At durability=power the produce waits too, and whoever has synced completes
// it and then the fetch.
func TestTrace(t *testing.T) {
	const fetchCorr, produceCorr = 70001, 70002
	for _, threads := range []string{"os", "goroutine"} {
		for _, durability := range []string{"process", "power"} {
			t.Run(threads+"/"+durability, func(t *testing.T) {
				b, err := New(config(t, "threads", threads, "durability", durability))
				if err != nil {
					t.Fatal(err)
				}
				tr := &tracer{broker: b, seen: map[int32][]visit{}}
				b.trace = tr.look
				serve(t, b)
				cl := client(t, b)
				createTopic(t, cl, "t", 1)
				cl.Close()

				consumer, producer := dial(t, b), dial(t, b) // dealt in turn to different network threads
				write(t, consumer, frame(fetchRequest("t", 0, 60_000, 1), fetchCorr))
				for b.fetches.Waiting() == 0 {
					time.Sleep(time.Millisecond)
				}
				j := newJournal(0)
				if code := j.send(t, producer, produceCorr); code != 0 {
					t.Fatalf("produce: code %d", code)
				}
				_, body := read(t, consumer)
				resp := kmsg.FetchResponse{Version: 11}
				if err := resp.ReadFrom(body); err != nil || len(resp.Topics[0].Partitions[0].RecordBatches) == 0 {
					t.Fatalf("fetch: %v, %+v", err, resp)
				}
				produced, fetched := tr.visits(t, produceCorr), tr.visits(t, fetchCorr)

				wantProduce := []visit{
					{step: stepDecoded, thread: "network"},
					{step: stepOffered, thread: "network"},
					{step: stepStarted, thread: "io"},
					{step: stepAppended, thread: "io", locks: "under both locks"},
				}
				if durability == "power" {
					wantProduce = append(wantProduce,
						visit{step: stepParked, thread: "io"},
						visit{step: stepCompleted, thread: "io", via: "by sync"},
						visit{step: stepEncoded, thread: "io", via: "by sync"})
				} else {
					wantProduce = append(wantProduce, visit{step: stepEncoded, thread: "io"})
				}
				wantProduce = append(wantProduce, visit{step: stepTaken, thread: "network"}, visit{step: stepSent, thread: "network"})
				wantFetch := []visit{
					{step: stepDecoded, thread: "network"},
					{step: stepOffered, thread: "network"},
					{step: stepStarted, thread: "io"},
					{step: stepParked, thread: "io"},
					{step: stepCompleted, thread: "io", via: "by action queue"},
					{step: stepEncoded, thread: "io", via: "by action queue"},
					{step: stepTaken, thread: "network"},
					{step: stepSent, thread: "network"},
				}
				same(t, "produce", produced, wantProduce)
				same(t, "fetch", fetched, wantFetch)

				completer, answerer := find(fetched, stepCompleted).id, find(produced, stepEncoded).id
				if completer != answerer {
					t.Errorf("the fetch was completed by thread %s, want %s, which answered the produce", completer, answerer)
				}
				if durability == "process" && answerer != find(produced, stepStarted).id {
					t.Errorf("the produce was answered by thread %s, want %s, which took it", answerer, find(produced, stepStarted).id)
				}
				for name, vs := range map[string][]visit{"produce": produced, "fetch": fetched} {
					if in, out := find(vs, stepDecoded).id, find(vs, stepSent).id; in != out {
						t.Errorf("%s: decoded by network thread %s and sent by %s", name, in, out)
					}
				}
				if p, f := find(produced, stepSent).id, find(fetched, stepSent).id; p == f {
					t.Errorf("both connections are network thread %s's: they were not dealt in turn", p)
				}
			})
		}
	}
}

func find(vs []visit, s step) visit {
	for _, v := range vs {
		if v.step == s {
			return v
		}
	}
	return visit{}
}

// same compares steps and threads, not which of several threads it was.
func same(t *testing.T, what string, got, want []visit) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w visit
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g.String() != w.String() {
			t.Errorf("%s, step %d: got %q, want %q", what, i+1, g, w)
		}
	}
}

// TestTraceExpiry follows a long poll that nobody ends: the purgatory's one
// expiry thread completes it, reads again and encodes, and the connection's
// network thread sends. Two of them are expired by the same thread.
func TestTraceExpiry(t *testing.T) {
	for _, threads := range []string{"os", "goroutine"} {
		t.Run(threads, func(t *testing.T) {
			b, err := New(config(t, "threads", threads))
			if err != nil {
				t.Fatal(err)
			}
			tr := &tracer{broker: b, seen: map[int32][]visit{}}
			b.trace = tr.look
			serve(t, b)
			cl := client(t, b)
			createTopic(t, cl, "t", 1)
			cl.Close()
			const first, second = 71001, 71002
			one, other := dial(t, b), dial(t, b)
			write(t, one, frame(fetchRequest("t", 0, 20, 1), first))
			write(t, other, frame(fetchRequest("t", 0, 40, 1), second))
			read(t, one)
			read(t, other)
			want := []visit{
				{step: stepDecoded, thread: "network"},
				{step: stepOffered, thread: "network"},
				{step: stepStarted, thread: "io"},
				{step: stepParked, thread: "io"},
				{step: stepCompleted, thread: "expiry"},
				{step: stepEncoded, thread: "expiry"},
				{step: stepTaken, thread: "network"},
				{step: stepSent, thread: "network"},
			}
			a, c := tr.visits(t, first), tr.visits(t, second)
			same(t, "first fetch", a, want)
			same(t, "second fetch", c, want)
			if x, y := find(a, stepCompleted).id, find(c, stepCompleted).id; x != y {
				t.Errorf("expired by threads %s and %s, want one", x, y)
			}
		})
	}
}
