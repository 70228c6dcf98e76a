package tpc

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
)

// onOneCPU puts all shards of a broker on the first processor that the test may use.
func onOneCPU(t *testing.T, b *Broker) *Broker {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !set.IsSet(cpu) {
		cpu++
	}
	b.cfg.CPUs = []int{cpu}
	return b
}

// TestMoreShardsThanProcessors serves from four shards on one processor, each
// with partitions of its own, and says so.
func TestMoreShardsThanProcessors(t *testing.T) {
	b := launch(t, onOneCPU(t, configure(t, t.TempDir(), "shards", "4")))
	defer stop(t, b)
	r := dial(t, b)
	topicWith(t, r, "t", 8)
	rng := seeded(t)
	for i := range 40 {
		if _, code, err := r.produce("t", int32(i%8), randomBatch(rng, 2000)); code != 0 || err != nil {
			t.Fatal(i, code, err)
		}
	}
	if err := b.each(func(s *shard) error {
		if len(s.parts) != 2 {
			return fmt.Errorf("shard %d has %d of 8 partitions, want 2", s.id, len(s.parts))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"shards": "4", "overprovisioned": "true", "cpu": fmt.Sprint(b.cfg.CPUs[0])} {
		if got := b.Facts()[name]; got != want {
			t.Errorf("fact %s is %q, want %q", name, got, want)
		}
	}
}

func TestSpinAlwaysNeedsProcessors(t *testing.T) {
	b := onOneCPU(t, configure(t, t.TempDir(), "shards", "2"))
	b.cfg.Factors.Spin = models.SpinAlways
	if err := b.Start(); err == nil || !strings.Contains(err.Error(), "spin=always") {
		t.Errorf("two shards that never sleep on one processor: %v", err)
	}
}

// TestFactsOfShards: a shard that is not like the first is told.
func TestFactsOfShards(t *testing.T) {
	got := map[string]string{"disk": "direct"}
	tell(got, []map[string]string{
		{"cpu": "0", "network.backend": "uring", "uring.kernel": "6.1"},
		{"cpu": "1", "network.backend": "uring", "uring.kernel": "6.1"},
		{"cpu": "2", "network.backend": "epoll"},
	})
	want := map[string]string{"disk": "direct", "cpu": "0", "network.backend": "uring; shard 2: epoll", "uring.kernel": "6.1"}
	if !maps.Equal(got, want) {
		t.Errorf("facts %v, want %v", got, want)
	}
}
