package tpc

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkProduceHop produces 1 KiB batches over one connection, a number of
// them in flight, to a partition of the connection's own shard and to one of the
// other shard. The difference of the CPU time per request, the client's included
// in both, is what the hop costs.
func BenchmarkProduceHop(b *testing.B) {
	for _, inflight := range []int{1, 16} {
		for partition, name := range []string{"local", "forwarded"} {
			b.Run(fmt.Sprintf("%s/inflight=%d", name, inflight), func(b *testing.B) {
				broker := start(b, b.TempDir(), "durability", "memory", "spin", "0")
				defer stop(b, broker)
				cl := client(b, broker)
				c, err := net.Dial("tcp", broker.Addr())
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				createTopic(b, cl, "t", 2)
				var out []byte
				for range inflight {
					out = append(out, produceFrame(int32(partition))...)
				}
				in := make([]byte, 4096)
				round := func() {
					if _, err := c.Write(out); err != nil {
						b.Fatal(err)
					}
					for range inflight {
						if _, err := io.ReadFull(c, in[:4]); err != nil {
							b.Fatal(err)
						}
						if _, err := io.ReadFull(c, in[4:4+binary.BigEndian.Uint32(in)]); err != nil {
							b.Fatal(err)
						}
					}
				}
				for range 200 {
					round()
				}
				if s := broker.shards[0]; s.remote.Load() == 0 == (partition == 1) {
					b.Fatalf("%d parts of shard 0's connections went to the other shard", s.remote.Load())
				}
				before := cpuNs(b)
				b.ReportAllocs()
				for b.Loop() {
					round()
				}
				b.ReportMetric(float64(cpuNs(b)-before)/float64(b.N*inflight), "cpu-ns/req")
			})
		}
	}
}

// cpuNs is the CPU time that this process has used.
func cpuNs(t testing.TB) int64 {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		t.Fatal(err)
	}
	return ru.Utime.Nano() + ru.Stime.Nano()
}
