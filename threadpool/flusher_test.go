package threadpool

import (
	"testing"
	"time"
)

// TestFlusher: with an interval the flusher raises the recovery point to the end
// of the log, over rolls too; by default nothing does.
func TestFlusher(t *testing.T) {
	for _, durability := range []string{"process", "memory"} {
		b, _ := start(t, config(t, "durability", durability, "log.flush.scheduler.interval.ms", "20", "log.segment.bytes", "16384"))
		cl := client(t, b)
		createTopic(t, cl, "t", 1)
		rep := b.replica(b.image.Load().Topic([]byte("t")), 0)
		for from := 0; from < 300; from += 100 {
			produce(t, cl, "t", 1, from, from+100)
			for deadline := time.Now().Add(10 * time.Second); rep.synced.Load() < rep.part.Log.EndOffset(); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%s: the recovery point is %d, the log ends at %d", durability, rep.synced.Load(), rep.part.Log.EndOffset())
				}
			}
		}
	}
	b, _ := start(t, config(t))
	cl := client(t, b)
	createTopic(t, cl, "t", 1)
	produce(t, cl, "t", 1, 0, 100)
	time.Sleep(50 * time.Millisecond)
	if at := b.replica(b.image.Load().Topic([]byte("t")), 0).synced.Load(); at != 0 {
		t.Errorf("by default the recovery point is %d, want 0: Kafka syncs when a segment rolls", at)
	}
}

// TestFlusherAfterLoss: what the writer could not bring to the file lies above
// the recovery point, although the flusher had found it acknowledged.
func TestFlusherAfterLoss(t *testing.T) {
	b, err := New(config(t, "durability", "memory"))
	if err != nil {
		t.Fatal(err)
	}
	fs := newFaultFS(false)
	b.fs = fs
	rep, j := toFail(t, b)
	rep.settle()
	fs.mu.Lock() // the writer waits for it
	fs.armed["write"] = "/t-0/*.log"
	j.rush(t, b, 1, 1, 0)
	done := make(chan struct{})
	go func() { b.flushLog(rep); close(done) }()
	for rep.behind.readers.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	fs.mu.Unlock()
	<-done
	if lost := rep.lost.Load(); lost == nil || rep.synced.Load() > lost.Offset {
		t.Errorf("the recovery point is %d, what is lost begins at %+v", rep.synced.Load(), lost)
	}
}
