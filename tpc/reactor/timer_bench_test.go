package reactor

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkTimerArmCancel is what the wait of a fetch costs that ends before its
// time: a timer of half a second, armed and cancelled among others like it.
func BenchmarkTimerArmCancel(b *testing.B) {
	for _, pending := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("pending=%d", pending), func(b *testing.B) {
			var ts timers
			rng := rand.New(rand.NewPCG(1, 2))
			waiting := make([]Timer, pending+1)
			now := int64(0)
			for i := range waiting {
				ts.add(&waiting[i], rng.Int64N(500_000_000))
			}
			b.ReportAllocs()
			for b.Loop() {
				now += 1000
				t := &waiting[rng.IntN(len(waiting))] // some fetch is answered and asks again
				ts.remove(t)
				ts.add(t, now+500_000_000)
			}
		})
	}
}
