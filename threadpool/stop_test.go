package threadpool

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ceteris/ceteris/models/disk"
)

// watchFS is the real file system; opening is told of what is about to be opened.
type watchFS struct {
	disk.FS
	opening func(path string, flag int)
}

func (f *watchFS) Open(path string, flag int) (disk.File, error) {
	f.opening(path, flag)
	return f.FS.Open(path, flag)
}

// freshSegment reports whether a segment of the log is about to be made.
func freshSegment(path string, flag int) bool {
	return flag&os.O_EXCL != 0 && strings.HasSuffix(path, ".log")
}

// TestStopDuringRetention: a roll that retention has begun when the broker is
// told to stop is sealed by the writer, and nobody waits for it for ever.
func TestStopDuringRetention(t *testing.T) {
	cfg := config(t, "durability", "memory", "log.retention.ms", "1", "log.retention.check.interval.ms", "5")
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var armed atomic.Bool
	rolling := make(chan struct{})
	b.fs = &watchFS{disk.OS, func(path string, flag int) {
		if !freshSegment(path, flag) || !armed.CompareAndSwap(true, false) {
			return
		}
		close(rolling)
		for !b.acceptor.stopping.Load() {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(300 * time.Millisecond) // the threads end, as far as they may
	}}
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	cl := client(t, b)
	createTopic(t, cl, "t", 1)
	armed.Store(true)
	produce(t, cl, "t", 1, 0, 1)
	cl.Close()
	<-rolling
	stopped := make(chan error, 1)
	go func() { stopped <- b.Stop(context.Background()) }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the broker does not stop")
	}
	again, _ := start(t, cfg)
	if end := again.replica(again.image.Load().Topic([]byte("t")), 0).part.Log.EndOffset(); end != 1 {
		t.Errorf("the log ends at %d after a restart, want 1", end)
	}
}

// TestStopWaitsForHandlers: a request that a handler is at is answered, however
// long that takes; only clients that do not read are not waited for.
func TestStopWaitsForHandlers(t *testing.T) {
	for _, threads := range []string{"os", "goroutine"} {
		t.Run(threads, func(t *testing.T) {
			defer func(d time.Duration) { slowClient = d }(slowClient)
			slowClient = 20 * time.Millisecond
			b, err := New(config(t, "threads", threads))
			if err != nil {
				t.Fatal(err)
			}
			begun, goOn := make(chan struct{}), make(chan struct{})
			b.trace = func(s step, _ *request) {
				if s == stepStarted {
					close(begun)
					<-goOn
				}
			}
			stop := serve(t, b)
			c := dial(t, b)
			write(t, c, frame(metadata(), 1))
			<-begun
			stopped := make(chan struct{})
			go func() { stop(); close(stopped) }()
			time.Sleep(25 * slowClient)
			close(goOn)
			<-stopped
			if corr, _ := read(t, c); corr != 1 {
				t.Errorf("got the response to %d, want 1", corr)
			}
		})
	}
}

// TestWakeAfterTheEnd: who asks a network thread to leave may be overtaken by it,
// and by others who open files meanwhile. It writes to none of them.
func TestWakeAfterTheEnd(t *testing.T) {
	p := byHand(t, config(t, "num.network.threads", "1"))
	p.stage.Store(leaving)
	p.run()
	var files []*os.File
	dir := t.TempDir()
	for i := range 8 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files = append(files, f)
	}
	p.ask(leaving)
	for _, f := range files {
		if st, err := f.Stat(); err != nil || st.Size() != 0 {
			t.Errorf("%s: %v, %v; want an empty file", f.Name(), st, err)
		}
	}
}
