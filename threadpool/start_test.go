package threadpool

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ceteris/ceteris/models"
)

// TestRefused: values that the model does not have are refused with their names.
func TestRefused(t *testing.T) {
	for _, set := range [][2]string{
		{"ownership", "shard"},
		{"network", "netpoll"},
		{"routing", "direct"},
		{"mesh", "spsc"},
		{"staging", "shared"},
		{"append", "true"},
	} {
		_, err := New(config(t, set[0], set[1]))
		if err == nil || !strings.Contains(err.Error(), set[0]) {
			t.Errorf("%s=%s: got error %v, want one that names it", set[0], set[1], err)
		}
	}
	m, err := models.Lookup("threadpool")
	if err != nil || m.Name != "threadpool" {
		t.Errorf("lookup: %+v, %v", m, err)
	}
}

// TestThreads counts what the command sets GOMAXPROCS by.
func TestThreads(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want int
	}{
		{nil, 1 + 3 + 8 + 2},
		{[]string{"durability", "memory"}, 1 + 3 + 8 + 2 + 1},
		{[]string{"num.io.threads", "1", "num.network.threads", "1"}, 1 + 1 + 1 + 2},
	} {
		cfg := config(t, c.set...)
		if got := Threads(&cfg); got != c.want {
			t.Errorf("%v: got %d threads, want %d", c.set, got, c.want)
		}
	}
	cfg := config(t, "threads", "goroutine")
	cfg.CPUs = []int{4, 5, 6}
	if got := Threads(&cfg); got != 2 {
		t.Errorf("goroutine on 3 processors: got %d, want 2", got)
	}
}

// TestStartFails leaves nothing behind: not the port, the directory, or a thread.
func TestStartFails(t *testing.T) {
	defer goleak.VerifyNone(t)
	cfg := config(t)
	b, stop := start(t, cfg)
	files := openFiles(t)

	other := config(t)
	other.Listen = b.Addr()
	second, err := New(other)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err == nil || !strings.Contains(err.Error(), b.Addr()) {
		t.Errorf("port taken: got %v, want an error that names %s", err, b.Addr())
	}
	third, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := third.Start(); err == nil || !strings.Contains(err.Error(), cfg.DataDir) {
		t.Errorf("directory taken: got %v, want an error that names %s", err, cfg.DataDir)
	}
	if now := openFiles(t); now != files {
		t.Errorf("%d files are open, %d were before", now, files)
	}
	other.Listen = "127.0.0.1:0"
	_, stopOther := start(t, other)
	stopOther()
	stop()
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestStopLeavesNothing starts and stops every variant under traffic.
func TestStopLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	for name, set := range variants {
		t.Run(name, func(t *testing.T) {
			b, stop := start(t, config(t, set...))
			before := openFiles(t)
			cl := client(t, b)
			createTopic(t, cl, "t", 1)
			produce(t, cl, "t", 1, 0, 100)
			cl.Close()
			stop()
			if now := openFiles(t); now >= before {
				t.Errorf("%d files are open after stop, %d were in use", now, before)
			}
		})
	}
}

// TestStopGivesUp returns the context's error when a request cannot end.
func TestStopGivesUp(t *testing.T) {
	b, stop := start(t, config(t))
	b.processors[0].inflight.Add(1) // a request that never comes back
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := b.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
	b.processors[0].inflight.Add(-1)
	stop()
}
