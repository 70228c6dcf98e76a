package telemetry

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Times is where a thread's time went since it began, ns. The three add up to
// its life, so what the kernel gave to others while it worked counts as busy.
type Times struct {
	BusyNs  int64 // working, or wanting to
	SpinNs  int64 // polling for work that was not there
	SleepNs int64 // blocked until there is work
}

type worker struct {
	name string
	read func() Times
}

// AddWorker adds a thread that serves requests. read may be called from any
// thread. The name is unique in the broker and goes into a CSV field.
func (g *Registry) AddWorker(name string, read func() Times) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.workers = append(g.workers, worker{name, read})
}

const (
	// leastEvery keeps sampling from becoming load: a sample takes about a
	// microsecond a thread, and waking the sampler some ten.
	leastEvery = 10 * time.Millisecond
	// mostSamples bounds the memory of a series that nobody ends.
	mostSamples = 4096
)

// series is the workers' times at equal steps. Sampling here instead of by
// scrapes keeps the admin port's work out of what is being measured.
type series struct {
	workers []worker
	rows    []seriesRow
	begunNs int64
	stop    chan struct{}
	stopped chan struct{}
}

type seriesRow struct {
	atNs  int64
	times []Times
}

// run takes a sample at once, then at every tick, and one at the end.
func (s *series) run(every time.Duration) {
	defer close(s.stopped)
	tick := time.NewTicker(every)
	defer tick.Stop()
	s.take()
	for len(s.rows) < mostSamples-1 {
		select {
		case <-s.stop:
			s.take()
			return
		case <-tick.C:
			s.take()
		}
	}
}

func (s *series) take() {
	row := seriesRow{Now() - s.begunNs, make([]Times, len(s.workers))}
	for i := range s.workers {
		row.times[i] = s.workers[i].read()
	}
	s.rows = append(s.rows, row)
}

// startSeries answers POST /workers/start?every=100ms. A series under way is
// dropped.
func (g *Registry) startSeries(w http.ResponseWriter, r *http.Request) {
	every, err := time.ParseDuration(r.URL.Query().Get("every"))
	if err != nil || every < leastEvery {
		http.Error(w, fmt.Sprintf("every: expected a duration of at least %v, got %q", leastEvery, r.URL.Query().Get("every")), http.StatusBadRequest)
		return
	}
	g.endSeries()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.series = &series{
		workers: g.workers[:len(g.workers):len(g.workers)], begunNs: Now(),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go g.series.run(every)
	w.WriteHeader(http.StatusNoContent)
}

// endSeries stops the sampling and returns what it has; nil when there is none.
func (g *Registry) endSeries() *series {
	g.mu.Lock()
	s := g.series
	g.series = nil
	g.mu.Unlock()
	if s != nil {
		close(s.stop)
		<-s.stopped
	}
	return s
}

// stopSeries answers POST /workers/stop with a row for each sample and thread:
// cumulative times, and the moment since sampling began.
func (g *Registry) stopSeries(w http.ResponseWriter, _ *http.Request) {
	s := g.endSeries()
	if s == nil {
		http.Error(w, "no sampling is under way: POST /workers/start?every=100ms", http.StatusConflict)
		return
	}
	var b strings.Builder
	b.WriteString("t_ns,worker,busy_ns,spin_ns,sleep_ns\n")
	for _, row := range s.rows {
		for i, t := range row.times {
			b.WriteString(strconv.FormatInt(row.atNs, 10) + "," + s.workers[i].name)
			for _, ns := range []int64{t.BusyNs, t.SpinNs, t.SleepNs} {
				b.WriteString("," + strconv.FormatInt(ns, 10))
			}
			b.WriteByte('\n')
		}
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // a client that went away is not our error
}
