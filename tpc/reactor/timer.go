package reactor

// TimerHandler is told on the reactor's thread that its timer is due.
type TimerHandler interface{ OnTimer(t *Timer) }

// Timer is a deadline, owned and reused by its caller. The zero value with a
// handler is ready for [Reactor.After].
type Timer struct {
	H    TimerHandler
	when int64 // ns of telemetry.Now
	seq  uint64
	pos  int // index in the heap + 1, 0: not pending
}

// Pending tells whether the timer is armed.
func (t *Timer) Pending() bool { return t.pos != 0 }

// timers is a heap of four children per node: half the levels of a binary one,
// and the children of a node share a cache line. Equal deadlines fire in the
// order in which they were armed.
type timers struct {
	heap []*Timer
	seq  uint64
}

func earlier(a, b *Timer) bool {
	return a.when < b.when || (a.when == b.when && a.seq < b.seq)
}

// next is the earliest deadline, or -1 when there is none.
func (ts *timers) next() int64 {
	if len(ts.heap) == 0 {
		return -1
	}
	return ts.heap[0].when
}

func (ts *timers) add(t *Timer, when int64) {
	if t.pos != 0 {
		ts.remove(t)
	}
	ts.seq++
	t.when, t.seq = when, ts.seq
	ts.heap = append(ts.heap, t)
	t.pos = len(ts.heap)
	ts.up(t.pos - 1)
}

func (ts *timers) remove(t *Timer) bool {
	if t.pos == 0 {
		return false
	}
	i, last := t.pos-1, len(ts.heap)-1
	t.pos = 0
	moved := ts.heap[last]
	ts.heap[last] = nil
	ts.heap = ts.heap[:last]
	if i == last {
		return true
	}
	ts.place(i, moved)
	ts.down(i)
	ts.up(moved.pos - 1)
	return true
}

// due takes out one timer whose deadline is not after now, or returns nil.
func (ts *timers) due(now int64) *Timer {
	if len(ts.heap) == 0 || ts.heap[0].when > now {
		return nil
	}
	t := ts.heap[0]
	ts.remove(t)
	return t
}

func (ts *timers) place(i int, t *Timer) {
	ts.heap[i] = t
	t.pos = i + 1
}

func (ts *timers) up(i int) {
	t := ts.heap[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !earlier(t, ts.heap[parent]) {
			break
		}
		ts.place(i, ts.heap[parent])
		i = parent
	}
	ts.place(i, t)
}

func (ts *timers) down(i int) {
	t := ts.heap[i]
	for {
		first := 4*i + 1
		if first >= len(ts.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(ts.heap)); c++ {
			if earlier(ts.heap[c], ts.heap[least]) {
				least = c
			}
		}
		if !earlier(ts.heap[least], t) {
			break
		}
		ts.place(i, ts.heap[least])
		i = least
	}
	ts.place(i, t)
}
