package threadpool

import "sync/atomic"

// responses is a processor's response queue: any thread puts, the processor
// takes all. Like Kafka's it has no bound of its own; the muting of connections
// bounds it.
type responses struct {
	top atomic.Pointer[note]
	n   atomic.Int64
}

// put adds a note. Any thread.
func (q *responses) put(n *note) {
	q.n.Add(1)
	for {
		old := q.top.Load()
		n.next = old
		if q.top.CompareAndSwap(old, n) {
			return
		}
	}
}

func (q *responses) empty() bool { return q.top.Load() == nil }

// take empties the queue and returns its notes, oldest first. Processor only.
func (q *responses) take() *note {
	var first *note
	count := int64(0)
	for n := q.top.Swap(nil); n != nil; count++ {
		n.next, first, n = first, n, n.next
	}
	if count > 0 {
		q.n.Add(-count)
	}
	return first
}
