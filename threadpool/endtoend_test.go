package threadpool

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// variants are the factor points that differ in how a request moves.
var variants = map[string][]string{
	"preset":        nil,
	"power":         {"durability", "power"},
	"power each":    {"durability", "power", "commit", "each"},
	"memory":        {"durability", "memory"},
	"goroutine":     {"threads", "goroutine"},
	"goroutine pwr": {"threads", "goroutine", "durability", "power", "network", "netpoll"},
	"goroutine mem": {"threads", "goroutine", "durability", "memory"},
	"inflight 8":    {"inflight", "8", "durability", "power"},
	"no spin":       {"spin", "0", "num.io.threads", "2", "num.network.threads", "1"},
	"spin always":   {"spin", "always"},
	"tiny queue":    {"queued.max.requests", "1"},
}

// TestProduceConsume writes through every variant, rolls segments on the way,
// reads all back in order, and again after a restart.
func TestProduceConsume(t *testing.T) {
	for name, set := range variants {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, append([]string{"log.segment.bytes", "65536", "log.segment.delete.delay.ms", "0"}, set...)...)
			b, stop := start(t, cfg)
			cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
			createTopic(t, cl, "t", 4)
			const n = 4000
			produce(t, cl, "t", 4, 0, n)
			consume(t, b, "t", 4, n)
			cl.Close()
			stop()

			b, _ = start(t, cfg)
			consume(t, b, "t", 4, n)
			cl = client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
			produce(t, cl, "t", 4, n, n+100)
			consume(t, b, "t", 4, n+100)
		})
	}
}

// produce sends the records from..to, spread over the partitions, each saying
// which it is, and checks that offsets follow from that.
func produce(t testing.TB, cl *kgo.Client, topic string, partitions, from, to int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	errs := make(chan error, to-from)
	for i := from; i < to; i++ {
		want := int64(i / partitions)
		r := &kgo.Record{Topic: topic, Partition: int32(i % partitions), Value: fmt.Appendf(nil, "%08d %064d", i, i)}
		cl.Produce(ctx, r, func(r *kgo.Record, err error) {
			if err == nil && r.Offset != want {
				err = fmt.Errorf("record %s: got offset %d, want %d", r.Value[:8], r.Offset, want)
			}
			errs <- err
		})
	}
	for range to - from {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}

// consume reads n records from the start and checks that each partition has its
// own in order.
func consume(t testing.TB, b *Broker, topic string, partitions, n int) {
	t.Helper()
	offsets := map[int32]kgo.Offset{}
	for p := range partitions {
		offsets[int32(p)] = kgo.NewOffset().AtStart()
	}
	cl := client(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}), kgo.FetchMaxWait(100*time.Millisecond))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	next := make([]int, partitions)
	for got := 0; got < n; {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", got, n, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			want := fmt.Sprintf("%08d", next[r.Partition]*partitions+int(r.Partition))
			if string(r.Value[:8]) != want {
				t.Fatalf("partition %d offset %d: got record %s, want %s", r.Partition, r.Offset, r.Value[:8], want)
			}
			next[r.Partition]++
			got++
		})
	}
}

// TestTail has consumers wait for records that are produced one by one.
func TestTail(t *testing.T) {
	for name, set := range variants {
		t.Run(name, func(t *testing.T) {
			b, _ := start(t, config(t, set...))
			cl := client(t, b)
			createTopic(t, cl, "t", 1)
			const n = 200
			done := make(chan struct{})
			for range 3 {
				go func() {
					consume(t, b, "t", 1, n)
					done <- struct{}{}
				}()
			}
			for i := range n {
				produce(t, cl, "t", 1, i, i+1)
			}
			for range 3 {
				select {
				case <-done:
				case <-time.After(30 * time.Second):
					t.Fatal("a consumer did not see everything")
				}
			}
		})
	}
}

// TestTopics creates, lists, refuses and deletes topics, also while consumers
// wait in them.
func TestTopics(t *testing.T) {
	b, _ := start(t, config(t))
	cl := client(t, b)
	createTopic(t, cl, "a", 3)
	produce(t, client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner())), "a", 3, 0, 30)

	req := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = "a", 1, 1
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(context.Background(), cl)
	if err != nil || resp.Topics[0].ErrorCode != kerr.TopicAlreadyExists.Code {
		t.Fatalf("second create: got %v, %v, want code %d", resp, err, kerr.TopicAlreadyExists.Code)
	}

	waiter := client(t, b, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"a": {0: kgo.NewOffset().AtEnd()}}), kgo.FetchMaxWait(30*time.Second))
	polled := make(chan kgo.Fetches, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	go func() { polled <- waiter.PollFetches(ctx) }()
	deadline := time.Now().Add(10 * time.Second)
	for b.fetches.Waiting() == 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	for range 2 { // the second time there is nothing to delete
		del := kmsg.NewPtrDeleteTopicsRequest()
		del.TopicNames = []string{"a"}
		dt := kmsg.NewDeleteTopicsRequestTopic()
		dt.Topic = kmsg.StringPtr("a")
		del.Topics = append(del.Topics, dt)
		if _, err := del.RequestWith(context.Background(), cl); err != nil {
			t.Fatal(err)
		}
	}
	deadline = time.Now().Add(10 * time.Second)
	for b.fetches.Waiting() > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if n := b.fetches.Waiting(); n != 0 {
		t.Errorf("%d fetches still wait in a deleted topic", n)
	}
	if b.image.Load().Topic([]byte("a")) != nil || len(*b.replicas.Load()) != 0 {
		t.Error("the topic is still there")
	}
	createTopic(t, cl, "a", 1) // the name is free again
}

// TestKill leaves a broker without a clean stop and opens the directory anew:
// everything acknowledged at durability=process is there.
func TestKill(t *testing.T) {
	cfg := config(t, "log.segment.bytes", "65536")
	b, stop := start(t, cfg)
	cl := client(t, b, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	createTopic(t, cl, "t", 2)
	produce(t, cl, "t", 2, 0, 3000)
	copied := t.TempDir()
	copyTree(t, cfg.DataDir, copied) // what kill -9 would leave: no log was closed
	cl.Close()
	stop()
	cfg.DataDir = copied
	b, _ = start(t, cfg)
	consume(t, b, "t", 2, 3000)
}
