package tpc

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/ceteris/ceteris/models/telemetry"
)

// sumOf adds up a metric over its labels.
func sumOf(b *Broker, name string) (sum float64) {
	for _, s := range b.Telemetry().Snapshot() {
		if s.Name == "ceteris_"+name {
			sum += s.Value
		}
	}
	return sum
}

// What a broker says of itself agrees with what was asked of it, and with itself.
func TestReadings(t *testing.T) {
	b := start(t, t.TempDir())
	cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	createTopic(t, cl, "t", 2)
	const n, size = 4 * telemetry.HopSample, 1000
	for i := range n {
		r := &kgo.Record{Value: make([]byte, size), Partition: int32(i % 2)}
		if err := cl.ProduceSync(context.Background(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	st := b.Telemetry().Stages()
	local, remote := sumOf(b, "parts_local_total"), sumOf(b, "parts_remote_total")
	if local < n/2 || remote < n/2 {
		t.Errorf("%v parts local and %v remote, want %d of each at least", local, remote, n/2)
	}
	sent, received := sumOf(b, "mesh_sent_total"), sumOf(b, "mesh_received_total")
	if sent != received || sent < 2*remote {
		t.Errorf("%v messages sent and %v received for %v parts, want as many and two a part at least", sent, received, remote)
	}
	var timed uint64
	for _, s := range b.Telemetry().Snapshot() {
		if s.Name == "ceteris_mesh_sent_total" { // of two shards, each sends to one other
			timed += uint64(s.Value) / telemetry.HopSample
		}
	}
	if hops := &st.Bank.Spans[telemetry.Hop]; hops.Count != timed || timed == 0 || hops.MinNs <= 0 {
		t.Errorf("%d hops timed, the shortest %d ns; want %d, one in %d", hops.Count, hops.MinNs, timed, telemetry.HopSample)
	}
	appended, written := sumOf(b, "append_bytes_total"), sumOf(b, "append_written_bytes_total")
	// Each record goes to the device alone, with the block that it shares.
	if appended < n*size || written < appended+float64(n)*size {
		t.Errorf("%v bytes appended and %v written, want at least %d and as much again", appended, written, n*size)
	}
	if w := &st.Bank.Spans[telemetry.ProduceService]; w.Count < n || w.MinNs <= 0 || w.Count != st.Bank.Spans[telemetry.ProduceQueue].Count {
		t.Errorf("%d writes timed, the shortest %d ns; want %d at least", w.Count, w.MinNs, n)
	}
	for i, s := range b.shards {
		before := telemetry.Now()
		x := s.r.Times()
		if total := x.BusyNs + x.SpinNs + x.SleepNs; x.BusyNs <= 0 || total > before+1e9 {
			t.Errorf("shard %d: busy %d, spin %d, asleep %d ns of a life of %d", i, x.BusyNs, x.SpinNs, x.SleepNs, before)
		}
		total := sumOf(b, "arena_free_bytes") + sumOf(b, "arena_used_bytes")
		if whole := sumOf(b, "arena_total_bytes"); total != whole || whole != 128<<20 {
			t.Errorf("%v bytes of memory in all, %v free or used, want %d", whole, total, 128<<20)
		}
	}
	if sumOf(b, "group_tasks_total") == 0 {
		t.Error("no task of any group ran")
	}
	stop(t, b)
}

// What timing one message in so many adds to each.
func BenchmarkHopStamp(b *testing.B) {
	s := &shard{rec: telemetry.NewRecorder()}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			m := message{kind: msgProduce}
			useMessage(&m)
		}
	})
	b.Run("timed", func(b *testing.B) {
		for b.Loop() {
			m := message{kind: msgProduce}
			s.stamp(&m)
			s.hopped(&m)
			useMessage(&m)
		}
	})
}

//go:noinline
func useMessage(*message) {}
