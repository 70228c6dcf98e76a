package log

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Parallel calls f with every number below n, several at once on as many
// threads, and returns all errors. One thread is the caller's own.
func Parallel(n, threads int, f func(i int) error) error {
	errs := make([]error, n)
	if threads = min(threads, n); threads <= 1 {
		for i := range n {
			errs[i] = f(i)
		}
		return errors.Join(errs...)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range threads {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
