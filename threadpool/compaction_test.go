package threadpool

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	logcheck "github.com/ceteris/ceteris/models/log/check"
)

// TestCompaction writes few keys often while cleaners compact and a consumer
// reads, at every durability. Of every key the last value is there, before a
// restart and after, and the files are sound.
func TestCompaction(t *testing.T) {
	for _, durability := range []string{"memory", "process", "power"} {
		t.Run(durability, func(t *testing.T) {
			cfg := config(t, "durability", durability, "log.cleaner.backoff.ms", "5", "log.cleaner.threads", "2",
				"log.segment.delete.delay.ms", "20", "log.retention.check.interval.ms", "10")
			b, stop := start(t, cfg)
			cl := client(t, b, kgo.ProducerBatchMaxBytes(2<<10), kgo.DefaultProduceTopic("t"))
			createTopic(t, cl, "t", 1, "cleanup.policy", "compact", "segment.bytes", "8192", "min.cleanable.dirty.ratio", "0")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			want := map[string]string{}
			const n = 2000
			for i := range n {
				key, value := fmt.Sprint("key ", i*i%37), fmt.Sprint("value ", i)
				want[key] = value
				cl.Produce(ctx, &kgo.Record{Key: []byte(key), Value: []byte(value)}, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
				if i%50 == 49 {
					if err := cl.Flush(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if i%500 == 499 {
					if got := latest(ctx, t, b, int64(i)); !maps.Equal(got, want) {
						t.Fatalf("after %d records there is %v, want %v", i+1, got, want)
					}
				}
			}
			rep := b.replica(b.image.Load().Topic([]byte("t")), 0)
			for rep.part.Log.Compacted() < rep.part.Log.ActiveSegment().Base {
				if ctx.Err() != nil {
					t.Fatalf("compacted up to %d of %d", rep.part.Log.Compacted(), rep.part.Log.ActiveSegment().Base)
				}
				time.Sleep(time.Millisecond)
			}
			if got := rep.part.Log.StartOffset(); got != 0 || rep.part.Log.EndOffset() != n {
				t.Fatalf("the log goes from %d to %d, want 0 to %d", got, rep.part.Log.EndOffset(), n)
			}
			cl.Close()
			stop()
			var out strings.Builder
			if problems, err := logcheck.Check(cfg.DataDir, &out); problems > 0 || err != nil {
				t.Fatalf("%d problems, %v\n%s", problems, err, out.String())
			}
			b, _ = start(t, cfg)
			if got := latest(ctx, t, b, n-1); !maps.Equal(got, want) {
				t.Fatalf("after a restart there is %v, want %v", got, want)
			}
		})
	}
}

// latest reads the topic from its start to the record at offset last, and returns
// the last value of every key.
func latest(ctx context.Context, t *testing.T, b *Broker, last int64) map[string]string {
	t.Helper()
	cl := client(t, b, kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer cl.Close()
	got, before := map[string]string{}, int64(-1)
	for before < last {
		fs := cl.PollFetches(ctx)
		if err := fs.Err(); err != nil {
			t.Fatalf("behind offset %d of %d: %v", before, last, err)
		}
		fs.EachRecord(func(r *kgo.Record) {
			if r.Offset <= before {
				t.Fatalf("offset %d came after %d", r.Offset, before)
			}
			before = r.Offset
			got[string(r.Key)] = string(r.Value)
		})
	}
	return got
}
