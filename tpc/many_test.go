package tpc

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
)

// TestManyPartitions does to thousands of partitions in one request, or at once,
// whatever can be done to one: makes them, produces to them, fetches from them,
// moves them, asks for their offsets, deletes them. Nothing may hold a shard
// because they are many. Whether a task keeps its quota cannot be told by the
// clock on a machine that others use, so what is asserted is how many partitions
// one step looks at, and that the tasks are as many as that makes them; the times
// are reported.
func TestManyPartitions(t *testing.T) {
	n := int32(10_000)
	if testing.Short() || checkedBuild {
		n = 1000
	}
	b := configure(t, t.TempDir(), "num.recovery.threads.per.data.dir", "8", "log.cleaner.backoff.ms", "1",
		"log.retention.check.interval.ms", "1", "append.chunk.bytes", "16384", "socket.request.max.bytes", "104857600")
	b.cfg.MemoryBytes = 512 << 20
	launch(t, b)
	r := dial(t, b)
	before := map[int]int64{}
	at := time.Now()
	tell := func(what string) {
		t.Helper()
		for id, s := range b.shards {
			c, o := s.r.Snapshot(), s.r.Overruns()
			t.Logf("%-22s shard %d: %8v, %6d tasks, most partitions a step %d, %d tasks over the quota, long runs %v, long rounds %v",
				what, id, time.Since(at).Round(time.Millisecond), c.Tasks-before[id], s.stepMost.Load(), c.QuotaViolations, o.Tasks.Counts[:6], o.Rounds.Counts[:6])
			before[id] = c.Tasks
		}
		at = time.Now()
	}
	cut := func(what string, parts int32) {
		t.Helper()
		tasks := int64(0)
		for id, s := range b.shards {
			until(t, b, id, "the counters are out", func(*shard) bool { return s.r.Snapshot().Rounds > 0 })
			tasks += s.r.Snapshot().Tasks - before[id]
			if most := s.stepMost.Load(); most > int64(usualLimits.parts) {
				t.Errorf("%s: one step of shard %d looked at %d partitions, want %d at most", what, id, most, usualLimits.parts)
			}
		}
		if least := int64(int(parts) / usualLimits.parts / 2); tasks < least {
			t.Errorf("%s: %d partitions in %d tasks, want %d at least", what, parts, tasks, least)
		}
		tell(what)
	}
	topicWith(t, r, "t", n)
	tell("create")
	parts := make([]int32, n)
	for i := range parts {
		parts[i] = int32(i)
	}
	rng := seeded(t)
	records := randomBatch(rng, 1000)
	produce := func(times int) {
		t.Helper()
		for range times {
			resp, err := r.ask(produceMany("t", parts, records))
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range resp.(*kmsg.ProduceResponse).Topics[0].Partitions {
				if p.ErrorCode != 0 || p.Partition != int32(i) {
					t.Fatalf("partition %d: code %d at place %d", p.Partition, p.ErrorCode, i)
				}
			}
		}
	}
	produce(1)
	cut("produce", n)
	produce(1)
	cut("produce again", n)
	fetch := func(offset int64, wantBytes bool) {
		t.Helper()
		wants := make([]want, n)
		for i := range wants {
			wants[i] = want{int32(i), offset, 1 << 20}
		}
		got, err := r.fetch(fetchRequest("t", 100, 1, 50<<20, wants...))
		if err != nil || len(got) != int(n) {
			t.Fatalf("%d partitions: %v", len(got), err)
		}
		for i := range got {
			if got[i].ErrorCode != 0 || (len(got[i].RecordBatches) > 0) != wantBytes {
				t.Fatalf("partition %d: code %d, %d bytes", got[i].Partition, got[i].ErrorCode, len(got[i].RecordBatches))
			}
		}
	}
	fetch(1, true)
	cut("fetch", n)
	end := endOf(t, r, 0)
	fetch(end, false)
	cut("fetch at the end", 2*n)
	if got := offsetsOf(t, r, "t", parts); len(got) != int(n) || got[n-1] != end {
		t.Fatalf("%d offsets, the last %d, want %d of %d", len(got), got[len(got)-1], n, end)
	}
	cut("list offsets", n)
	for _, to := range []int32{1, 0} {
		var all []cluster.Move
		for i := range parts {
			if from := int32(ownerOf(b, "t", int32(i))); from != to && (to == 1 || i%2 == 0) {
				all = append(all, cluster.Move{Topic: "t", Index: int32(i), To: to})
			}
		}
		mustMove(t, b, all...)
		cut(fmt.Sprintf("%d moved to shard %d", len(all), to), int32(len(all)))
	}
	produce(1)
	cut("produce after moves", n)
	fetch(end, true)
	cut("fetch after moves", n)
	if _, code, msg := b.control.Mutate(cluster.DeleteTopic{Name: "t"}); code != 0 { // no client waits so long
		t.Fatal(code, msg)
	}
	cut("delete", n)
	_ = r.c.Close()
	stop(t, b)
}

// produceMany is one batch for each of many partitions of a topic.
func produceMany(topic string, parts []int32, records []byte) *kmsg.ProduceRequest {
	req := produceRequest(topic, 0, -1, records)
	one := req.Topics[0].Partitions[0]
	req.Topics[0].Partitions = nil
	for _, i := range parts {
		one.Partition = i
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, one)
	}
	return req
}

// offsetsOf are the ends of partitions, in the order in which they are asked for.
func offsetsOf(t *testing.T, r *raw, topic string, parts []int32) (ends []int64) {
	t.Helper()
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version = 5
	all := kmsg.NewListOffsetsRequestTopic()
	all.Topic = topic
	for _, i := range parts {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = i, -1
		all.Partitions = append(all.Partitions, p)
	}
	req.Topics = append(req.Topics, all)
	resp, err := r.ask(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions {
		if p.ErrorCode != 0 {
			t.Fatalf("offsets of partition %d: code %d", p.Partition, p.ErrorCode)
		}
		ends = append(ends, p.Offset)
	}
	return ends
}

// endOf is where a partition of topic t ends.
func endOf(t *testing.T, r *raw, part int32) int64 {
	t.Helper()
	return offsetsOf(t, r, "t", []int32{part})[0]
}
