package floor

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models"
)

// TestAnyClientCanDriveIt creates a topic, produces and fetches with franz-go:
// every produce is acknowledged, every fetch is empty, nothing is an error.
func TestAnyClientCanDriveIt(t *testing.T) {
	for _, set := range [][]string{{}, {"append", "true"}, {"append", "true", "durability", "power"}, {"network", "epoll"}} {
		t.Run("", func(t *testing.T) {
			m, err := models.Lookup("null")
			if err != nil {
				t.Fatal(err)
			}
			cfg := models.DefaultConfig(m)
			cfg.Listen, cfg.DataDir, cfg.CPUs = "127.0.0.1:0", t.TempDir(), []int{-1, -1}
			for i := 0; i < len(set); i += 2 {
				if err := cfg.Set(set[i], set[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			b, err := m.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Start(); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			drive(ctx, t, b.Addr())
			if err := b.Stop(ctx); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func drive(ctx context.Context, t *testing.T, addr string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic("t"), kgo.DisableIdempotentWrite(),
		kgo.ConsumeTopics("t"), kgo.FetchMaxWait(50*time.Millisecond), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", 3, 1
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("create: %v, %+v", err, resp)
	}
	for range 500 {
		cl.Produce(ctx, &kgo.Record{Value: make([]byte, 1000)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if n := cl.PollFetches(short).NumRecords(); n != 0 {
		t.Errorf("the null broker gave %d records", n)
	}
}
