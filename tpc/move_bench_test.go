package tpc

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ceteris/ceteris/models/cluster"
)

// One live move there, alone and with others: of a partition that nobody uses,
// and of one that a producer keeps busy.
func BenchmarkMove(b *testing.B) {
	for _, c := range []struct {
		name  string
		parts int32
		busy  bool
	}{{"idle", 1, false}, {"idle/batch=64", 64, false}, {"busy", 1, true}} {
		b.Run(c.name, func(b *testing.B) {
			br := start(b, b.TempDir())
			r := dial(b, br)
			topicWith(b, r, "t", c.parts)
			stopped := make(chan struct{})
			var producer sync.WaitGroup
			if c.busy {
				producer.Go(func() {
					rng := rand.New(rand.NewPCG(1, 1))
					for {
						select {
						case <-stopped:
							return
						default:
							if _, code, err := r.produce("t", 0, randomBatch(rng, 1000)); err != nil || code != 0 {
								b.Errorf("code %d, %v", code, err)
								return
							}
						}
					}
				})
			}
			all := make([]cluster.Move, c.parts)
			to := int32(0)
			for b.Loop() {
				to = 1 - to
				for i := range all {
					all[i] = cluster.Move{Topic: "t", Index: int32(i), To: to}
				}
				mustMove(b, br, all...)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(c.parts), "µs/move")
			close(stopped)
			producer.Wait()
			stop(b, br)
		})
	}
}
