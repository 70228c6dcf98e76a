package tpc

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/ceteris/ceteris/models/batch"
)

// produceFrame encodes a Produce request of one batch of 1 KiB for partition 0 of topic t.
func produceFrame(partition int32) []byte {
	b := batch.NewBuilder(0, 0)
	b.Append(1_700_000_000_000, nil, make([]byte, 1024))
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, -1, 5000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = partition, b.Close()
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	f := make([]byte, 4, 2048)
	f = binary.BigEndian.AppendUint16(f, 0)
	f = binary.BigEndian.AppendUint16(f, 9)
	f = binary.BigEndian.AppendUint32(f, 1)
	f = binary.BigEndian.AppendUint16(f, 0xffff)
	f = append(f, 0)
	f = req.AppendTo(f)
	binary.BigEndian.PutUint32(f, uint32(len(f)-4))
	return f
}

// TestProduceAllocatesNothing counts every allocation of the process over many
// produce requests in steady state, local and handed over. testing.AllocsPerRun
// cannot be used as it is: it takes all processors but one away, and a shard
// keeps its own while it waits in the kernel. The client below allocates nothing
// either, so what is counted is the broker's.
func TestProduceAllocatesNothing(t *testing.T) {
	const inflight, warm, rounds = 8, 500, 2000
	for _, where := range [][2]string{{"uring", "none"}, {"epoll", "none"}, {"uring", "shared"}} {
		t.Run(where[0]+"/"+where[1], func(t *testing.T) {
			b := start(t, t.TempDir(), "network", where[0], "staging", where[1])
			defer stop(t, b)
			createTopic(t, client(t, b), "t", 2)
			c, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var out []byte
			for i := range int32(inflight) {
				out = append(out, produceFrame(i%2)...) // one shard each: half are handed over
			}
			head := make([]byte, 4)
			body := make([]byte, 4096)
			round := func() {
				if _, err := c.Write(out); err != nil {
					t.Fatal(err)
				}
				for range inflight {
					if _, err := io.ReadFull(c, head); err != nil {
						t.Fatal(err)
					}
					if _, err := io.ReadFull(c, body[:binary.BigEndian.Uint32(head)]); err != nil {
						t.Fatal(err)
					}
				}
			}
			for range warm {
				round()
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range rounds {
				round()
			}
			runtime.ReadMemStats(&after)
			// Per 8,000 requests of 1 KiB a partition: one index chunk each of 512
			// entries every 2 MiB, zero-fills (one job each), housekeeping, and the
			// runtime's own. A single allocation per request would be 16,000.
			if n := after.Mallocs - before.Mallocs; n > rounds*inflight/20 {
				t.Errorf("%d allocations in %d requests, want next to none", n, rounds*inflight)
			} else {
				t.Logf("%d allocations in %d requests, %d collections", n, rounds*inflight, after.NumGC-before.NumGC)
			}
		})
	}
}
