package tpc

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
)

// configure is a broker of two unpinned shards that is not started.
func configure(t testing.TB, dir string, set ...string) *Broker {
	t.Helper()
	m, err := models.Lookup("tpc")
	if err != nil {
		t.Fatal(err)
	}
	cfg := models.DefaultConfig(m)
	cfg.Listen, cfg.DataDir, cfg.MemoryBytes = "127.0.0.1:0", dir, 128<<20
	cfg.CPUs = []int{-1, -1}
	for i := 0; i < len(set); i += 2 {
		if err := cfg.Set(set[i], set[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	b, err := m.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*Broker)
}

// small makes the memory of a broker that is not started the least there is.
func small(b *Broker) *Broker {
	b.cfg.MemoryBytes = 2 * minShardBytes
	return b
}

func launch(t testing.TB, b *Broker) *Broker {
	t.Helper()
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	return b
}

// start runs a broker of two unpinned shards on a directory.
func start(t testing.TB, dir string, set ...string) *Broker {
	t.Helper()
	return launch(t, configure(t, dir, set...))
}

// stop ends a broker, which must have nothing left to do and leak no memory.
func stop(t testing.TB, b *Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for _, err := range b.leaked {
		t.Error(err)
	}
}

func client(t testing.TB, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic("t")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func createTopic(t testing.TB, cl *kgo.Client, name string, partitions int32) {
	t.Helper()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, 1
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(context.Background(), cl)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.Topics[0].ErrorCode; code != 0 {
		t.Fatalf("creating %s: code %d", name, code)
	}
}

// TestProduceConsumeReopen produces over both shards with both backends, reads
// everything back, and again after a clean stop and start.
func TestProduceConsumeReopen(t *testing.T) {
	for _, backend := range []string{"uring", "epoll"} {
		for _, durability := range []string{"memory", "process", "power"} {
			t.Run(backend+"/"+durability, func(t *testing.T) {
				dir := t.TempDir()
				b := start(t, dir, "network", backend, "durability", durability)
				cl := client(t, b)
				createTopic(t, cl, "t", 5)
				const n = 2000
				ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
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
				stop(t, b)
				b = start(t, dir, "network", backend, "durability", durability)
				consume(t, b, n)
				stop(t, b)
			})
		}
	}
}

func consume(t testing.TB, b *Broker, want int) {
	t.Helper()
	cl := client(t, b, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	seen := map[string]bool{}
	for len(seen) < want {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(seen), want, err)
		}
		fs.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
	}
}
