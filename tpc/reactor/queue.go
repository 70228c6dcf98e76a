package reactor

import (
	"sync"
	"sync/atomic"
)

// task is one entry of the ready queue: a task, or the next step of a longer one.
type task struct {
	run  Runner
	step Step
}

// do runs the task and tells whether it wants to be queued again.
func (t *task) do() (more bool) {
	if t.step != nil {
		return t.step.Step()
	}
	t.run.RunTask()
	return false
}

// taskQueue is a first-in first-out queue in a ring that doubles when full.
type taskQueue struct {
	ring       []task // length a power of two
	head, tail uint
}

func (q *taskQueue) empty() bool { return q.head == q.tail }

func (q *taskQueue) len() int { return int(q.tail - q.head) }

func (q *taskQueue) push(t task) {
	if n := uint(len(q.ring)); q.tail-q.head == n {
		grown := make([]task, max(2*n, 64))
		for i := range n {
			grown[i] = q.ring[(q.head+i)%n]
		}
		q.ring, q.head, q.tail = grown, 0, n
	}
	q.ring[q.tail&uint(len(q.ring)-1)] = t
	q.tail++
}

// pop takes the oldest task out of a queue that is not empty.
func (q *taskQueue) pop() task {
	at := &q.ring[q.head&uint(len(q.ring)-1)]
	t := *at
	*at = task{}
	q.head++
	return t
}

// alienQueue takes tasks from threads that have no mailbox. A mutex will do:
// it is cold, and the loop takes it only when the count says there is something.
type alienQueue struct {
	n      atomic.Int32
	mu     sync.Mutex
	in     []Runner
	closed bool
	spare  []Runner // the reactor's
}

func (q *alienQueue) pending() bool { return q.n.Load() > 0 }

func (q *alienQueue) push(t Runner) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.in = append(q.in, t)
	q.n.Store(int32(len(q.in)))
	return true
}

// take empties the queue into a slice that is valid until the next call.
func (q *alienQueue) take() []Runner {
	q.mu.Lock()
	q.in, q.spare = q.spare[:0], q.in
	q.n.Store(0)
	q.mu.Unlock()
	return q.spare
}

// closeIfEmpty refuses further tasks from now on, unless one is waiting: a task
// that was accepted runs.
func (q *alienQueue) closeIfEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = len(q.in) == 0
	return q.closed
}

// drainAlien moves what other threads posted to the ready tasks.
func (r *Reactor) drainAlien() bool {
	if !r.alien.pending() {
		return false
	}
	posted := r.alien.take()
	for i, t := range posted {
		posted[i] = nil
		r.c.Posted++
		r.Ready(t)
	}
	return len(posted) > 0
}
