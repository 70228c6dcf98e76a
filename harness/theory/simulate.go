package theory

import (
	"math"
	"math/rand/v2"
)

// Lindley is one first-come-first-served queue in which the first request waits
// for so long: request i comes gaps[i-1] after the one before it and takes the
// next service; done gets every response time (Lindley, Proceedings of the
// Cambridge Philosophical Society 48, 1952).
func Lindley(wait float64, gaps []float64, service func() float64, done func(i int, response float64)) {
	for i, gap := range gaps {
		response := wait + service()
		done(i, response)
		wait = max(0, response-gap)
	}
}

// Simulate runs n requests through the station from empty and hands over the
// response time of each in the order in which they arrive, ns.
func (s *Station) Simulate(n int, random *rand.Rand, done func(i int, ns float64)) {
	x := newSimulation(s, n, random)
	x.run()
	for i, ns := range x.answered() {
		done(i, ns)
	}
}

// simulation is a station and its requests, by number.
type simulation struct {
	s          *Station
	arrival    []float64 // ns
	service    []float64
	connection []int
	home       []int // the queue
	end        []float64
	with       []int // the next request that is answered with it; -1: none

	queues  []fifo    // before the servers
	idle    []int     // servers of each queue that are
	again   []bool    // of each queue, where its one server works in rounds: it has gathered twice
	due     []float64 // and takes nothing in from then on
	outside []fifo    // of each connection: what it may not take in yet
	inside  []int     // of each connection: what it has taken in
	leaving leaving
}

func newSimulation(s *Station, n int, random *rand.Rand) *simulation {
	x := &simulation{
		s: s, arrival: make([]float64, n), service: make([]float64, n), connection: make([]int, n),
		home: make([]int, n), end: make([]float64, n), with: make([]int, n),
		outside: make([]fifo, s.Connections), inside: make([]int, s.Connections),
	}
	x.queues, x.idle = make([]fifo, s.Servers), make([]int, s.Servers)
	for q := range x.idle {
		x.idle[q] = 1
	}
	if s.Shared {
		x.queues, x.idle = make([]fifo, 1), []int{s.Servers}
	}
	x.again, x.due = make([]bool, len(x.queues)), make([]float64, len(x.queues))
	now := 0.0
	for i := range n {
		now += random.ExpFloat64() / s.PerSec * 1e9
		x.arrival[i], x.service[i] = now, s.Draw(random)
		// Drawn whether or not they are asked for, so that stations that differ in
		// nothing but their organisation have the same requests.
		c, q := random.Float64(), random.Float64()
		x.connection[i] = int(c * float64(s.Connections))
		x.home[i] = int(q * float64(len(x.queues)))
	}
	return x
}

// run lets everything happen in the order of time.
func (x *simulation) run() {
	for i, now := range x.arrival {
		for len(x.leaving) > 0 && x.end[x.leaving[0]] <= now {
			x.depart()
		}
		x.arrive(i, now)
	}
	for len(x.leaving) > 0 {
		x.depart()
	}
}

func (x *simulation) arrive(i int, now float64) {
	if c := x.connection[i]; x.s.Connections > 0 {
		if x.inside[c] >= x.s.Limit {
			x.outside[c].push(i)
			return
		}
		x.inside[c]++
	}
	x.enter(i, now)
}

// enter puts a request into its queue, or before a server that is idle.
func (x *simulation) enter(i int, now float64) {
	x.queues[x.home[i]].push(i)
	x.next(x.home[i], now)
}

// next gives idle servers of a queue the request at its head; one that works in
// rounds takes all of them.
func (x *simulation) next(q int, now float64) {
	for x.idle[q] > 0 {
		first, ok := x.queues[q].pop()
		if !ok {
			return
		}
		x.idle[q]--
		x.with[first], x.end[first] = -1, now+x.service[first]
		if x.s.Rounds {
			x.due[q] = x.bound(now)
			x.gather(first, q)
		}
		x.leaving.push(first, x.end)
	}
}

// bound is until when a part of a round that begins now takes requests in.
func (x *simulation) bound(now float64) float64 {
	if x.s.RoundNs == 0 {
		return math.Inf(1)
	}
	return now + x.s.RoundNs
}

// gather adds what waits in a queue to a round, as long as it may, and reports
// whether there was any.
func (x *simulation) gather(first, q int) bool {
	last, end := first, x.end[first]
	for x.with[last] >= 0 {
		last = x.with[last]
	}
	any := false
	for end < x.due[q] {
		i, ok := x.queues[q].pop()
		if !ok {
			break
		}
		x.with[last], x.with[i], last = i, -1, i
		end += x.service[i]
		any = true
	}
	for i := first; i >= 0; i = x.with[i] {
		x.end[i] = end
	}
	return any
}

// depart ends the service, or the round, that is over first: connections whose
// requests leave send in others, behind those that wait already, and the server
// goes on.
func (x *simulation) depart() {
	first := x.leaving.pop(x.end)
	q := x.home[first]
	if x.s.Rounds && !x.again[q] {
		if end := x.end[first]; end >= x.due[q] { // what is left goes on as tasks
			x.due[q] = x.bound(end)
		}
		if x.again[q] = x.gather(first, q); x.again[q] {
			x.leaving.push(first, x.end)
			return
		}
	}
	x.again[q] = false
	now := x.end[first]
	for i := first; i >= 0 && x.s.Connections > 0; i = x.with[i] {
		c := x.connection[i]
		if next, ok := x.outside[c].pop(); ok {
			x.queues[x.home[next]].push(next)
		} else {
			x.inside[c]--
		}
	}
	x.idle[q]++
	for q := range x.queues {
		x.next(q, now)
	}
}

// answered is the response times: an answer waits for those to the requests that
// its connection sent before.
func (x *simulation) answered() []float64 {
	last := make([]float64, x.s.Connections)
	for i := range x.end {
		end := x.end[i]
		if x.s.Connections > 0 {
			c := x.connection[i]
			end = max(end, last[c])
			last[c] = end
		}
		x.end[i] = end - x.arrival[i]
	}
	return x.end
}

// fifo is requests in the order in which they came.
type fifo struct {
	waiting []int
	head    int
}

func (f *fifo) push(i int) { f.waiting = append(f.waiting, i) }

func (f *fifo) pop() (i int, ok bool) {
	if f.head == len(f.waiting) {
		return 0, false
	}
	i = f.waiting[f.head]
	if f.head++; f.head == len(f.waiting) {
		f.waiting, f.head = f.waiting[:0], 0
	}
	return i, true
}

// leaving is the requests in service, a heap by when they end.
type leaving []int

func (l *leaving) push(i int, end []float64) {
	h := append(*l, i)
	for at := len(h) - 1; at > 0; {
		up := (at - 1) / 2
		if end[h[up]] <= end[h[at]] {
			break
		}
		h[up], h[at] = h[at], h[up]
		at = up
	}
	*l = h
}

func (l *leaving) pop(end []float64) int {
	h := *l
	first, n := h[0], len(h)-1
	h[0] = h[n]
	h = h[:n]
	for at := 0; ; {
		down := 2*at + 1
		if down >= n {
			break
		}
		if down+1 < n && end[h[down+1]] < end[h[down]] {
			down++
		}
		if end[h[at]] <= end[h[down]] {
			break
		}
		h[at], h[down] = h[down], h[at]
		at = down
	}
	*l = h
	return first
}
