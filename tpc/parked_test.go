package tpc

import (
	"fmt"
	"os"
	"runtime"
	"testing"

	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/batch"
)

// TestParking gives up the chunk of the log's end between appends of every size,
// also where the log rolls, and reads everything back, from memory and device
// mixed and after a restart.
func TestParking(t *testing.T) {
	for _, disk := range []string{"direct", "buffered"} {
		t.Run(disk, func(t *testing.T) {
			rng := seeded(t)
			dir := t.TempDir()
			set := []string{"disk", disk, "log.segment.bytes", "200000"}
			b := start(t, dir, set...)
			r := dial(t, b)
			topicWith(t, r, "t", 1)
			var sent shadow
			parked := 0
			for range 120 {
				for range 1 + rng.IntN(3) {
					sent.mustAdd(t, r, "t", 0, randomBatch(rng, 1+rng.IntN(1<<rng.IntN(17))))
				}
				onOwner(t, b, func(s *shard, p *ownedPartition) {
					if p.app.park() {
						parked++
					}
				})
				if rng.IntN(20) == 0 {
					sent.verify(t, b, "t", 1<<18)
				}
			}
			if parked < 50 {
				t.Errorf("parked %d times of 120: the test tests little", parked)
			}
			sent.verify(t, b, "t", 1<<20)
			stop(t, b)
			checkLogs(t, b)
			b = start(t, dir, set...)
			r = dial(t, b)
			sent.mustAdd(t, r, "t", 0, randomBatch(rng, 100))
			sent.verify(t, b, "t", 1<<20)
			stop(t, b)
			checkLogs(t, b)
		})
	}
}

// TestPressureParksTails lets more partitions append than the memory has chunks
// for. Tails that rest make room for those that move.
func TestPressureParksTails(t *testing.T) {
	rng := seeded(t)
	b := launch(t, small(configure(t, t.TempDir(), "borrow", "off", "append.chunk.bytes", "1048576")))
	r := dial(t, b)
	const n = 40 // 20 a shard, which has room for 13
	topicWith(t, r, "t", n)
	var sent shadow
	for i := range int32(n) {
		sent.mustAdd(t, r, "t", i, randomBatch(rng, 100))
	}
	parks := 0
	for i := range b.shards {
		parks += int(b.shards[i].parks.Load())
	}
	if parks == 0 {
		t.Error("nothing was parked")
	}
	for _, i := range []int32{0, 1, n / 2, n - 1} {
		sent.mustAdd(t, r, "t", i, randomBatch(rng, 100))
	}
	sent.verify(t, b, "t", 1<<20)
	stop(t, b)
}

// idleCost is what a broker holds: Go heap and its shards' memory, bytes.
func idleCost(t testing.TB, b *Broker) (heap, mem int64) {
	t.Helper()
	for i := range b.shards {
		until(t, b, i, "every tail is parked", func(s *shard) bool { return len(s.warm.list) == 0 && s.windows.next == &s.windows })
		if err := b.on(b.shards[i], func(s *shard) error {
			s.arena.Drain()
			mem += s.arena.Stats().UsedBytes
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), mem
}

// idlePartitionBytes bounds the memory of a partition that nothing happens to,
// all told.
const idlePartitionBytes = 64 << 10

// TestIdlePartitionIsSmall compares a broker with many idle partitions with one
// that has none: after each of them got one batch and rested, and after a restart.
// IDLE_PARTITIONS sets their number.
func TestIdlePartitionIsSmall(t *testing.T) {
	n := int32(300)
	if s := os.Getenv("IDLE_PARTITIONS"); s != "" {
		if _, err := fmt.Sscan(s, &n); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	set := []string{"append.idle.ms", "200"}
	b := start(t, dir, set...)
	heap0, mem0 := idleCost(t, b)
	report := func(when string, heap, mem int64) {
		heap, mem = (heap-heap0)/int64(n), (mem-mem0)/int64(n)
		t.Logf("%s: %d partitions: %d bytes of heap and %d of the arena each", when, n, heap, mem)
		if heap+mem > idlePartitionBytes {
			t.Errorf("%s: an idle partition takes %d bytes of heap and %d of the arena, want at most %d in all",
				when, heap, mem, idlePartitionBytes)
		}
	}
	r := dial(t, b)
	const each = 250 // partitions a topic, so that no request takes long
	for first := int32(0); first < n; first += each {
		topicWith(t, r, fmt.Sprintf("t%d", first/each), min(each, n-first))
	}
	one := batch.NewBuilder(0, 0)
	one.Append(bornMs, nil, make([]byte, 1000))
	records := one.Close()
	for i := range n {
		if _, code, err := r.produce(fmt.Sprintf("t%d", i/each), i%each, records); code != 0 || err != nil {
			t.Fatalf("produce to %d: code %d, %v", i, code, err)
		}
	}
	heap, mem := idleCost(t, b)
	report("after a batch each", heap, mem)
	stop(t, b)
	b = start(t, dir, set...)
	heap, mem = idleCost(t, b)
	report("after a restart", heap, mem)
	if p := purposeBytes(t, b, arena.Append); p < int64(n)*512 {
		t.Errorf("%d bytes hold the tails of %d partitions: they are not there", p, n)
	}
	stop(t, b)
}

func purposeBytes(t testing.TB, b *Broker, p arena.Purpose) (sum int64) {
	t.Helper()
	for i := range b.shards {
		if err := b.on(b.shards[i], func(s *shard) error { sum += s.arena.PurposeBytes(p); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return sum
}
