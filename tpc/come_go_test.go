package tpc

import (
	"testing"

	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// TestPartitionsComeAndGo makes and deletes many partitions, and applies
// retention to all of them meanwhile. Whether a single task keeps its quota
// cannot be told by the wall clock on a machine that others use; so the tasks'
// number is held against their work (each partition opens and closes in a task of
// its own, no step of retention looks at more than stepItems) and their mean against the quota, which an
// interruption now and then does not reach.
func TestPartitionsComeAndGo(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 200
	}
	b := start(t, t.TempDir(), "num.recovery.threads.per.data.dir", "8", "log.retention.check.interval.ms", "1")
	r := dial(t, b)
	topicWith(t, r, "t", int32(n))
	for id := range b.shards {
		until(t, b, id, "retention has walked over all partitions", func(s *shard) bool {
			return counted(b, id, "background").Tasks >= int64(len(s.partList)/stepItems) && len(s.partList) == n/2
		})
	}
	deleteTopic(t, r, "t")
	for id, s := range b.shards {
		until(t, b, id, "no partition", func(s *shard) bool { return len(s.partList) == 0 && len(s.parts) == 0 })
		until(t, b, id, "the counters are out", func(*shard) bool { return counted(b, id, "control").Tasks >= int64(n) })
		control, background := counted(b, id, "control"), counted(b, id, "background")
		for _, g := range []struct{ ran, tasks int64 }{{control.RunNs, control.Tasks}, {background.RunNs, background.Tasks}} {
			if mean := g.ran / max(g.tasks, 1); mean > 500_000 {
				t.Errorf("shard %d: a task takes %d ns on average, the quota is 500000", id, mean)
			}
		}
		c := s.r.Snapshot()
		t.Logf("shard %d: %d tasks, %d over the quota; control %+v; background %+v; watch %+v",
			id, c.Tasks, c.QuotaViolations, control, background, b.watch.Counters(id))
	}
	stop(t, b)
}

// BenchmarkPartitionsComeAndGo makes a topic and deletes it.
func BenchmarkPartitionsComeAndGo(b *testing.B) {
	for _, threads := range []string{"1", "8"} {
		b.Run("threads="+threads, func(b *testing.B) {
			const n = 500
			broker := start(b, b.TempDir(), "num.recovery.threads.per.data.dir", threads)
			for b.Loop() {
				if _, code, msg := broker.control.Mutate(cluster.CreateTopic{Name: "t", Partitions: n, ReplicationFactor: 1}); code != 0 {
					b.Fatal(code, msg)
				}
				if _, code, msg := broker.control.Mutate(cluster.DeleteTopic{Name: "t"}); code != 0 {
					b.Fatal(code, msg)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/partition")
			stop(b, broker)
		})
	}
}

// counted is what a scheduling group of a shard had counted a moment ago.
func counted(b *Broker, id int, name string) (c reactor.GroupCounters) {
	for _, g := range b.shards[id].r.Groups() {
		if g.Name == name {
			c = g
		}
	}
	return c
}
