//go:build linux

package reactor

import "testing"

// workFunc is work for workers.
type workFunc func()

func (f workFunc) work() { f() }

// idleWorkers waits until so many wait for work.
func idleWorkers(t *testing.T, w *workers, n int) {
	t.Helper()
	eventually(t, "workers without work", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.idle == n
	})
}

// TestJobsThatComeTogether: one worker sleeps, and before it is awake two jobs
// come, of which the first waits for the second. Each has a worker.
func TestJobsThatComeTogether(t *testing.T) {
	for range 50 {
		w := newWorkers(2)
		w.do(workFunc(func() {}))
		idleWorkers(t, w, 1)
		second, both := make(chan struct{}), make(chan struct{})
		w.do(workFunc(func() { <-second; close(both) }))
		w.do(workFunc(func() { close(second) }))
		within(t, both, "two jobs for two workers")
		idleWorkers(t, w, 2)
		w.stop()
	}
}
