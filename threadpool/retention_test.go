package threadpool

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/disk"
)

// TestRetention deletes old segments while consumers read, and their files.
func TestRetention(t *testing.T) {
	for _, durability := range []string{"process", "power"} {
		cfg := config(t, "log.segment.bytes", "16384", "log.retention.bytes", "40000", "durability", durability,
			"log.retention.check.interval.ms", "20", "log.segment.delete.delay.ms", "50", "log.flush.offset.checkpoint.interval.ms", "30")
		b, stop := start(t, cfg)
		cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(4<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
		createTopic(t, cl, "t", 1)
		const n = 3000
		produce(t, cl, "t", 1, 0, n)
		rep := b.replica(b.image.Load().Topic([]byte("t")), 0)
		dir := filepath.Join(cfg.DataDir, "logs", "t-0")
		files := func() int {
			m, err := filepath.Glob(filepath.Join(dir, "*.log"))
			if err != nil {
				t.Fatal(err)
			}
			return len(m)
		}
		for deadline := time.Now().Add(10 * time.Second); rep.part.Log.SizeBytes() > 60000 || files() != len(rep.part.Log.Segments()); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d bytes in %d segments, %d files", rep.part.Log.SizeBytes(), len(rep.part.Log.Segments()), files())
			}
		}
		first := rep.part.Log.StartOffset()
		if first == 0 {
			t.Fatal("nothing was deleted")
		}
		cl.Close()
		stop()
		if _, err := os.Stat(filepath.Join(cfg.DataDir, "logs", ".kafka_cleanshutdown")); err != nil {
			t.Errorf("not marked clean: %v", err)
		}
		b, _ = start(t, cfg)
		rep = b.replica(b.image.Load().Topic([]byte("t")), 0)
		if got := rep.part.Log.StartOffset(); got < first {
			t.Errorf("the log starts at %d after a restart, at %d before", got, first)
		}
		if got := rep.part.Log.EndOffset(); got != n {
			t.Errorf("the log ends at %d after a restart, want %d", got, n)
		}
	}
}

// TestDeleteBeforeDrop deletes a topic whose old segments still wait for their
// deletion, and makes it anew: the first does not wait for that, and the second
// loses nothing by it.
func TestDeleteBeforeDrop(t *testing.T) {
	cfg := config(t, "log.segment.bytes", "16384", "log.retention.bytes", "40000", "log.retention.check.interval.ms", "20")
	b, stop := start(t, cfg) // the delay is a minute
	cl := client(t, b, kgo.ProducerBatchMaxBytes(4<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
	createTopic(t, cl, "t", 1)
	produce(t, cl, "t", 1, 0, 3000)
	rep := b.replica(b.image.Load().Topic([]byte("t")), 0)
	for deadline := time.Now().Add(10 * time.Second); rep.part.Log.StartOffset() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("retention took nothing")
		}
	}
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.TopicNames = []string{"t"}
	dt := kmsg.NewDeleteTopicsRequestTopic()
	dt.Topic = kmsg.StringPtr("t")
	del.Topics = append(del.Topics, dt)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if resp, err := del.RequestWith(ctx, cl); err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("delete: %v, %+v", err, resp)
	}
	cl.Close()
	cl = client(t, b)
	createTopic(t, cl, "t", 1)
	produce(t, cl, "t", 1, 0, 50)
	cl.Close()
	stop() // which drops at once what waits for it
	b, _ = start(t, cfg)
	consume(t, b, "t", 1, 50)
}

// TestRetentionKeepsPartition: while retention rolls a log its partition cannot
// be deleted under it.
func TestRetentionKeepsPartition(t *testing.T) {
	b, err := New(config(t, "log.retention.ms", "1", "log.retention.check.interval.ms", "5"))
	if err != nil {
		t.Fatal(err)
	}
	var rep atomic.Pointer[replica]
	shared := make(chan bool, 1)
	b.fs = &watchFS{disk.OS, func(path string, flag int) {
		if r := rep.Load(); r != nil && freshSegment(path, flag) {
			select {
			case shared <- r.leader.Shared():
			default:
			}
		}
	}}
	serve(t, b)
	cl := client(t, b)
	createTopic(t, cl, "t", 1)
	rep.Store(b.replica(b.image.Load().Topic([]byte("t")), 0))
	produce(t, cl, "t", 1, 0, 1)
	if !<-shared {
		t.Error("the partition may go while a segment of it is made")
	}
}

// TestRetentionFrees: the file of an expired segment is closed, and its space
// free, also where nothing is written to the log any more.
func TestRetentionFrees(t *testing.T) {
	for _, durability := range []string{"process", "power"} {
		b, _ := start(t, config(t, "durability", durability, "log.retention.ms", "1",
			"log.retention.check.interval.ms", "5", "log.segment.delete.delay.ms", "0"))
		cl := client(t, b)
		createTopic(t, cl, "t", 1)
		f := fileOf(b.replica(b.image.Load().Topic([]byte("t")), 0).part.Log.ActiveSegment())
		produce(t, cl, "t", 1, 0, 1)
		for deadline := time.Now().Add(10 * time.Second); f.refs.Load() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d references to a segment that is deleted", durability, f.refs.Load())
			}
		}
	}
}
