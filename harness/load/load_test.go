package load

import (
	"context"
	"hash/crc32"
	"testing"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

func crc(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func testWorkload() *workloads.Workload {
	return &workloads.Workload{
		Name: "w", Durability: []string{"process"}, Topics: 1, Partitions: 4, Connections: 4, Inflight: 64, Acks: -1,
		Arrivals: workloads.Poisson, Keys: workloads.Law{Kind: workloads.None}, Connection: workloads.Law{Kind: workloads.RoundRobin},
		RecordsPerBatch: 2, Size: workloads.SizeLaw{MedianBytes: 200, MaxBytes: 200}, Entropy: 0.5, Consumers: 1,
	}
}

func testOptions(f *fake) Options {
	return Options{
		Addr: f.addr(), W: testWorkload(), Seed: 1, RatePerSec: 1000,
		Warmup: 100 * time.Millisecond, Measure: 500 * time.Millisecond, Timeout: 5 * time.Second,
		Driver: workloads.Raw, Topic: "t",
	}
}

func mustRun(t *testing.T, o Options) *Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	s, err := Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// intendedIn counts the schedule's requests of the measured window.
func intendedIn(t *testing.T, o *Options) int64 {
	t.Helper()
	g, err := workloads.NewGenerator(o.W, o.Seed, o.RatePerSec)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for i := int64(0); ; i++ {
		at := g.At(i)
		if at >= int64(o.Warmup+o.Measure) {
			return n
		}
		if at >= int64(o.Warmup) {
			n++
		}
	}
}
