package kernel

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestClass: waits are timed, free takings are not, and one holding in
// heldEvery is.
func TestClass(t *testing.T) {
	for _, sched := range []bool{false, true} {
		t.Run(fmt.Sprintf("sched=%v", sched), func(t *testing.T) {
			var c Class
			var m Mutex
			m.Go(sched)
			m.Of(&c)
			takings := 0
			for range heldEvery - 2 {
				m.Lock()
				takings++
				m.Unlock()
			}
			if n := c.Contended.Load() + c.WaitNs.Load() + c.Held.Load(); n != 0 {
				t.Fatalf("a free lock is counted: %d in %d takings", n, takings)
			}
			const hold = 20 * time.Millisecond
			m.Lock()
			var wg sync.WaitGroup
			wg.Go(func() {
				m.Lock() // the heldEvery-th
				time.Sleep(hold)
				m.Unlock()
			})
			time.Sleep(hold)
			m.Unlock()
			wg.Wait()
			if n, ns := c.Contended.Load(), c.WaitNs.Load(); n > 1 || n == 0 && ns != 0 {
				t.Errorf("%d waits of %d ns, want at most the one", n, ns)
			}
			if n, ns := c.Held.Load(), c.HeldNs.Load(); n != 1 || ns < uint64(hold) {
				t.Errorf("%d holdings sampled, of %d ns, want 1 of at least %v", n, ns, hold)
			}
		})
	}
}

// TestClassOfReaders: a reader that a writer keeps out has waited as long as
// that.
func TestClassOfReaders(t *testing.T) {
	var c Class
	var l RWMutex
	l.Of(&c)
	l.RLock()
	shared := l.Shared()
	l.RUnlock()
	if !shared || c.Contended.Load() != 0 {
		t.Error("a free lock is counted, or was not shared")
	}
	l.Lock()
	started := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		close(started)
		l.RLock()
		shared = true
		l.RUnlock()
	})
	<-started
	for l.writer.word.Load() != contended { // the reader waits
		time.Sleep(time.Millisecond)
	}
	const more = 10 * time.Millisecond
	time.Sleep(more)
	l.Unlock()
	wg.Wait()
	if n, ns := c.Contended.Load(), c.WaitNs.Load(); n != 1 || ns < uint64(more) {
		t.Errorf("%d waits of %d ns, want 1 of at least %v", n, ns, more)
	}
}

// BenchmarkMutex is what telling costs where nobody waits, in CPU time: both
// kinds by turns, so that what else the machine does meets both.
func BenchmarkMutex(b *testing.B) {
	const takings = 100_000
	var class Class
	var alone, told Mutex
	told.Of(&class)
	var spent [2]int64
	n := 0
	for b.Loop() {
		for i, m := range []*Mutex{&alone, &told} {
			before := cpuNs(b)
			for range takings {
				m.Lock()
				n++
				m.Unlock()
			}
			spent[i] += cpuNs(b) - before
		}
	}
	b.ReportMetric(float64(spent[0])/float64(n/2), "alone-cpu-ns/taking")
	b.ReportMetric(float64(spent[1])/float64(n/2), "told-cpu-ns/taking")
}
