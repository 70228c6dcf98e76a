package reactor

import "sync"

// offloadWorkers bounds the goroutines that run blocking jobs of one reactor.
const offloadWorkers = 4

// Offload runs j.Work on another goroutine and then j.Done on the reactor's
// thread. Jobs may overtake each other. A few run at a time, the rest wait.
func (r *Reactor) Offload(j Job) {
	if r.o.Sim != nil {
		r.jobsOut++
		r.c.Offloads++
		r.o.Sim.Job(j, (&offloaded{r: r, j: j}).work)
		return
	}
	if r.jobs == nil {
		r.jobs = newWorkers(offloadWorkers)
	}
	r.jobsOut++
	r.c.Offloads++
	r.jobs.do(&offloaded{r: r, j: j})
}

// OffloadFunc is Offload for cold paths: it allocates.
func (r *Reactor) OffloadFunc(work, done func()) { r.Offload(&funcJob{work, done}) }

type funcJob struct{ work, done func() }

func (f *funcJob) Work() { f.work() }
func (f *funcJob) Done() { f.done() }

// offloaded is a job on its way there and back.
type offloaded struct {
	r *Reactor
	j Job
}

func (o *offloaded) work() {
	o.j.Work()
	o.r.Post(o)
}

// RunTask is the way back.
func (o *offloaded) RunTask() {
	o.r.jobsOut--
	o.j.Done()
}

// blocking is what workers run.
type blocking interface{ work() }

// workers is a small pool of goroutines for calls that block, started as
// needed. Goroutines suit it: the Go scheduler gives their threads' place to
// others while they block, and the reactor's thread never waits for them.
type workers struct {
	mu      sync.Mutex
	some    sync.Cond
	queue   []blocking
	head    int
	started int
	idle    int // wait and were not woken
	limit   int
	quit    bool
	done    sync.WaitGroup
}

func newWorkers(limit int) *workers {
	w := &workers{limit: limit}
	w.some.L = &w.mu
	return w
}

func (w *workers) do(b blocking) {
	w.mu.Lock()
	if w.head > 0 && len(w.queue) == cap(w.queue) {
		n := copy(w.queue, w.queue[w.head:])
		clear(w.queue[n:])
		w.queue, w.head = w.queue[:n], 0
	}
	w.queue = append(w.queue, b)
	switch {
	case w.idle > 0:
		w.idle-- // whoever wakes has this job: one that comes before it runs is another's
		w.some.Signal()
	case w.started < w.limit:
		w.started++
		w.done.Add(1)
		go w.serve()
	}
	w.mu.Unlock()
}

func (w *workers) serve() {
	defer w.done.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for w.head == len(w.queue) {
			if w.quit {
				return
			}
			w.queue, w.head = w.queue[:0], 0
			w.idle++
			w.some.Wait()
		}
		b := w.queue[w.head]
		w.queue[w.head] = nil
		w.head++
		w.mu.Unlock()
		b.work()
		w.mu.Lock()
	}
}

// stop waits until every worker has ended; what is queued is done first.
func (w *workers) stop() {
	w.mu.Lock()
	w.quit = true
	w.some.Broadcast()
	w.mu.Unlock()
	w.done.Wait()
}
