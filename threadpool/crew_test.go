package threadpool

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPinned: every thread is bound to one CPU of the broker's, in turn, as the
// kernel itself says of the threads of this process, and they serve.
func TestPinned(t *testing.T) {
	before, err := affinity()
	if err != nil {
		t.Fatal(err)
	}
	cpus := listCPUs(&before)
	cfg := config(t, "threads", "pinned", "num.network.threads", "2", "num.io.threads", "3")
	cfg.CPUs = cpus
	b, stop := start(t, cfg)
	c := dial(t, b)
	write(t, c, frame(metadata(), 1))
	read(t, c)
	names := []string{"network-0", "network-1", "handler-0", "handler-1", "handler-2", "produce-expiry", "fetch-expiry", "acceptor"}
	if len(b.crew.members) != len(names) {
		t.Fatalf("%d threads, want %d: %s", len(b.crew.members), len(names), b.crew.String())
	}
	for i, m := range b.crew.members {
		if m.name != names[i] || m.cpu != cpus[i%len(cpus)] {
			t.Errorf("thread %d is %s on CPU %d, want %s on %d", i, m.name, m.cpu, names[i], cpus[i%len(cpus)])
		}
	}
	if got := b.Facts()["threads.bound"]; !strings.HasPrefix(got, "network-0:") {
		t.Errorf("facts say %q", got)
	}
	stop()
	if after, err := affinity(); err != nil || after != before {
		t.Errorf("a goroutine of the test runs on CPUs %v now, before on %v: %v", listCPUs(&after), cpus, err)
	}
}

// TestPinnedNowhere: a CPU that there is none of is an error that names the
// thread, and nothing is left behind.
func TestPinnedNowhere(t *testing.T) {
	cfg := config(t, "threads", "pinned")
	cfg.CPUs = []int{len(unix.CPUSet{})*64 - 1}
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Start(); err == nil || !strings.Contains(err.Error(), "network-0") {
		t.Fatalf("start: got %v, want an error that names network-0", err)
	}
	cfg.CPUs = nil
	_, stop := start(t, cfg) // the directory is free again
	stop()
}
