package tpc

import (
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/ceteris/ceteris/models/arena"
)

// inject makes every shard's arena fail as the injector that make returns says.
func inject(t testing.TB, b *Broker, make func(shard int) arena.Injector) {
	t.Helper()
	if err := b.each(func(s *shard) error { s.arena.Inject(make(s.id)); return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestAllocationsFail refuses a fifth of all requests for memory, whoever makes
// them, while clients produce and read. Whatever is answered is true, nothing is
// lost, and when memory is back nothing is refused.
func TestAllocationsFail(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir(), "log.segment.bytes", "300000")
	setup := dial(t, b)
	topicWith(t, setup, "t", 4)
	seed := rng.Uint64()
	inject(t, b, func(shard int) arena.Injector { return arena.FailShare(seed+uint64(shard), 0.2) })
	var sent shadow
	var clients sync.WaitGroup
	for part := range int32(4) {
		batches := make([][]byte, 150)
		for i := range batches {
			batches[i] = randomBatch(rng, 1+rng.IntN(100_000))
		}
		clients.Go(func() {
			r := dial(t, b)
			for _, records := range batches {
				code, err := sent.add(r, "t", part, records)
				switch {
				case err != nil: // a frame that was half read when memory ran out
					r.c.Close()
					r = dial(t, b)
				case code != 0 && code != codeExhausted:
					t.Errorf("partition %d: code %d, want success or a retriable refusal", part, code)
				}
			}
			r.c.Close()
		})
	}
	clients.Wait()
	inject(t, b, func(int) arena.Injector { return nil })
	r := dial(t, b)
	for part := range int32(4) {
		// What was written but whose answer was lost is in the log all the same.
		got, err := r.fetch(fetchRequest("t", 0, 0, 1, want{part, 0, 1}))
		if err != nil || len(got) != 1 || got[0].HighWatermark < sent.end(part) {
			t.Errorf("partition %d: %v, %v, want a high watermark of at least %d", part, got, err, sent.end(part))
		}
		sent.mustAdd(t, r, "t", part, randomBatch(rng, 1000))
	}
	refused := 0
	for _, s := range b.shards {
		refused += int(s.refusals.Load())
	}
	t.Logf("%d refusals", refused)
	stop(t, b)
}

// TestMemoryDump reads every shard's books on the admin port.
func TestMemoryDump(t *testing.T) {
	b := start(t, t.TempDir())
	for _, method := range []string{"GET", "POST"} {
		w := httptest.NewRecorder()
		b.serveMemory(w, httptest.NewRequest(method, "/memory", nil))
		text, _ := io.ReadAll(w.Result().Body)
		if ok := w.Code == 200; ok != (method == "GET") {
			t.Errorf("%s: status %d", method, w.Code)
		}
		for _, part := range []string{"shard 0: memory", "shard 1: memory", "receive", "chunks of 65536 bytes", "span bytes"} {
			if method == "GET" && !strings.Contains(string(text), part) {
				t.Errorf("%q is not in\n%s", part, text)
			}
		}
	}
	stop(t, b)
}

// TestHeapStaysFlat appends, reads and lets retention delete, for long enough
// that anything that grows with the number of requests shows.
func TestHeapStaysFlat(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 12_000
	}
	rng := seeded(t)
	b := start(t, t.TempDir(), "log.segment.bytes", "262144", "log.retention.bytes", "1048576",
		"log.retention.check.interval.ms", "300", "log.segment.delete.delay.ms", "1", "durability", "memory")
	r := dial(t, b)
	topicWith(t, r, "t", 2)
	records := randomBatch(rng, 1000)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	run := func(n int) {
		for i := range n {
			part := int32(i & 1)
			base, code, err := r.produce("t", part, records)
			if err != nil || code != 0 && code != codeExhausted {
				t.Fatalf("request %d: code %d, %v", i, code, err)
			}
			if i%10 == 0 && code == 0 {
				if _, err := r.fetch(fetchRequest("t", 0, 0, 1<<20, want{part, base, 1 << 20})); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	run(n / 3)
	before := heap()
	run(n - n/3)
	after := heap()
	t.Logf("%d requests: %d bytes of heap after a third of them, %d after all", n, before, after)
	if after-before > 512<<10 {
		t.Errorf("the heap grew from %d to %d bytes over %d requests", before, after, n-n/3)
	}
	stop(t, b)
}
