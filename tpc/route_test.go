package tpc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/cluster"
)

// sums adds up a shard's counters of where parts went.
func (b *Broker) sums() (local, remote, strays, hops uint64) {
	for _, s := range b.shards {
		local, remote = local+s.local.Load(), remote+s.remote.Load()
		strays, hops = strays+s.strays.Load(), hops+s.hops.Load()
	}
	return
}

// TestDirectClient has a real client produce and consume with direct routing:
// every record arrives, and no part ever leaves its connection's shard. The same
// directory then serves with forward routing.
func TestDirectClient(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir, "routing", "direct")
	cl := client(t, b, kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	createTopic(t, cl, "t", 5)
	const n = 2000
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range n {
		cl.Produce(ctx, &kgo.Record{Value: fmt.Appendf(nil, "value-%d", i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	consume(t, b, n)
	local, remote, strays, hops := b.sums()
	if local == 0 || remote != 0 || strays != 0 || hops != 0 {
		t.Errorf("%d parts were local, %d remote, %d misrouted, %d hops; want local ones alone", local, remote, strays, hops)
	}
	for _, s := range b.shards {
		if s.accepted.Load() == 0 || s.local.Load() == 0 {
			t.Errorf("shard %d was given %d connections and %d parts", s.id, s.accepted.Load(), s.local.Load())
		}
	}
	stop(t, b)
	b = start(t, dir)
	consume(t, b, n)
	stop(t, b)
}

// TestMisrouted asks the wrong shard: it says who the leader is, where the
// version can, and appends and reads nothing.
func TestMisrouted(t *testing.T) {
	rng := seeded(t)
	b := start(t, t.TempDir(), "routing", "direct")
	at := [2]*raw{dialTo(t, b.addrs[0]), dialTo(t, b.addrs[1])}
	topicWith(t, at[0], "t", 2)
	owner := b.image.Load().Topic([]byte("t")).Parts[0].Owner
	right, wrong := at[owner], at[1-owner]
	records := randomBatch(rng, 100)

	req := produceRequest("t", 0, -1, records)
	req.Version = 11
	resp, err := wrong.ask(req)
	if err != nil {
		t.Fatal(err)
	}
	p := resp.(*kmsg.ProduceResponse)
	got := p.Topics[0].Partitions[0]
	if got.ErrorCode != codeNotLeader || got.CurrentLeader.LeaderID != 1+owner*nodeStride || len(p.Brokers) != 2 {
		t.Errorf("produce at the wrong shard: %+v, brokers %+v", got, p.Brokers)
	}
	if off, code, err := right.produce("t", 0, records); off != 0 || code != 0 || err != nil {
		t.Errorf("at the right one: offset %d, code %d, %v", off, code, err)
	}
	f := fetchRequest("t", 5000, 1, 1<<20, want{0, 0, 1 << 20})
	f.Version = 12
	if resp, err = wrong.ask(f); err != nil {
		t.Fatal(err)
	}
	part := resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	if part.ErrorCode != codeNotLeader || len(part.RecordBatches) > 0 {
		t.Errorf("fetch at the wrong shard: %+v, want an error", part)
	}
	_, remote, strays, _ := b.sums()
	if strays != 2 || remote != 0 {
		t.Errorf("%d parts misrouted and %d forwarded, want 2 and 0", strays, remote)
	}
	stop(t, b)
	checkLogs(t, b)
}

// TestDirectAssignment places partitions on the shards that a client names by
// their node ids, and refuses nodes that there are not.
func TestDirectAssignment(t *testing.T) {
	b := start(t, t.TempDir(), "routing", "direct")
	r := dial(t, b)
	create := func(name string, nodes ...int32) int16 {
		t.Helper()
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.TimeoutMillis = 5, 5000
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
		for i, node := range nodes {
			topic.ReplicaAssignment = append(topic.ReplicaAssignment, kmsg.CreateTopicsRequestTopicReplicaAssignment{Partition: int32(i), Replicas: []int32{node}})
		}
		req.Topics = append(req.Topics, topic)
		resp, err := r.ask(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp.(*kmsg.CreateTopicsResponse).Topics[0].ErrorCode
	}
	if code := create("t", 1001, 1001, 1); code != 0 {
		t.Fatalf("code %d", code)
	}
	if code := create("far", 1, 2001); code == 0 {
		t.Error("a partition on a node that is not there was made")
	}
	grow := kmsg.NewPtrCreatePartitionsRequest()
	grow.Version = 2
	more := kmsg.NewCreatePartitionsRequestTopic()
	more.Topic, more.Count = "t", 4
	more.Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{{Replicas: []int32{1001}}}
	grow.Topics = append(grow.Topics, more)
	if resp, err := r.ask(grow); err != nil || resp.(*kmsg.CreatePartitionsResponse).Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	for i, want := range []int32{1, 1, 0, 1} {
		if pm := b.image.Load().Topic([]byte("t")).Parts[i]; pm.Owner != want || pm.Leader != 1 || pm.Replicas[0] != 1 {
			t.Errorf("partition %d: %+v, want shard %d of node 1", i, pm, want)
		}
	}
	stop(t, b)
}

// TestDirectFollowsMoves moves partitions under a real client whose connections
// go to the owners: it is sent on to the new leader, at a higher epoch, and
// produces and reads every record exactly once.
func TestDirectFollowsMoves(t *testing.T) {
	b := start(t, t.TempDir(), "routing", "direct")
	cl := client(t, b, kgo.MetadataMinAge(10*time.Millisecond), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	createTopic(t, cl, "t", 4)
	epochs := func() (sum int32) {
		for _, pm := range b.image.Load().Topic([]byte("t")).Parts {
			sum += pm.LeaderEpoch
		}
		return sum
	}
	before := epochs()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const rounds, each = 6, 200
	n := 0
	send := func() {
		for range each {
			cl.Produce(ctx, &kgo.Record{Value: fmt.Appendf(nil, "value-%d", n)}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			n++
		}
	}
	move := func(round int32) {
		for p := range int32(4) {
			mustMove(t, b, cluster.Move{Topic: "t", Index: p, To: (p + round) % 2})
		}
	}
	flush := func() {
		if err := cl.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for round := range int32(rounds) {
		send()
		move(round)
	}
	flush()
	// Moves back and forth may be over before the client sends anything. When it has
	// just found every owner, and all move once, it goes to the wrong ones.
	send()
	flush()
	move(rounds)
	send()
	flush()
	consume(t, b, n)
	total := int64(0)
	for p := range int32(4) {
		resp, err := dial(t, b).ask(listLatest("t", p))
		if err != nil {
			t.Fatal(err)
		}
		total += resp.(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].Offset
	}
	if total != int64(n) {
		t.Errorf("%d records in the logs, want the %d that were sent", total, n)
	}
	if _, _, strays, _ := b.sums(); strays == 0 || epochs() == before {
		t.Errorf("%d parts came to the wrong shard and leader epochs went from %d to %d; want the client to have been sent on", strays, before, epochs())
	}
	stop(t, b)
	checkLogs(t, b)
}

func listLatest(topic string, index int32) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 5, -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp, p.CurrentLeaderEpoch = index, -1, -1
	rt.Partitions = append(rt.Partitions, p)
	req.Topics = append(req.Topics, rt)
	return req
}
