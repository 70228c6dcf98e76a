package telemetry

import (
	"sync"
	"sync/atomic"
	"time"
)

// ScrapeWait bounds how long a scrape waits for a thread to publish. A thread
// that does not pass by in that time is reported with what it published last.
const ScrapeWait = 500 * time.Millisecond

// Published is a value that one thread keeps for itself and shows when asked.
// The owner looks at Wanted once per loop round and answers with Put.
type Published[T any] struct {
	wanted atomic.Bool
	mu     sync.Mutex
	value  T
	puts   uint64
}

// Wanted reports whether somebody asked: one atomic load. Owner only.
func (p *Published[T]) Wanted() bool { return p.wanted.Load() }

// Put shows a copy. Owner only. The request is taken down first: one that comes
// after this copy stays up and gets another.
func (p *Published[T]) Put(v *T) {
	p.wanted.Store(false)
	p.mu.Lock()
	p.value = *v
	p.puts++
	p.mu.Unlock()
}

// Get asks and waits at most wait; fresh says whether the owner answered. wake
// (nil: none) is called once so that a sleeping owner looks.
func (p *Published[T]) Get(wait time.Duration, wake func()) (v T, fresh bool) {
	before, _ := p.peek()
	p.wanted.Store(true)
	if wake != nil {
		wake()
	}
	deadline := Now() + int64(wait)
	for {
		puts, v := p.peek()
		if puts != before {
			return v, true
		}
		if Now() >= deadline {
			return v, false
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func (p *Published[T]) peek() (uint64, T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.puts, p.value
}
