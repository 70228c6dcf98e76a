package reactor

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ceteris/ceteris/models/telemetry"
)

const (
	// DefaultStallNs is how long a round may keep a reactor from its loop
	// before that is called a stall, ns.
	DefaultStallNs = 25_000_000

	minStallNs = 1_000_000
	maxStallNs = 60_000_000_000
	offTickNs  = 100_000_000 // how often a watchdog that is off looks whether it still is
)

// WatchOptions says how reactors are watched.
type WatchOptions struct {
	ThresholdNs int64 // what a stall is; 0: DefaultStallNs
	// Report gets each report, on the watchdog's goroutine. It should not block
	// for long, because nobody is watched meanwhile. nil: stalls are counted only.
	Report func(*Report)
}

// Report tells of one stall that is going on.
type Report struct {
	Shard                   string
	RanNs, BlockedNs        int64 // CPU time and waiting in the kernel: the stall
	PausedNs, DescheduledNs int64 // stopped world, kept from the processor: not its fault
	Suppressed              int   // reports before this one that the limit held back
	Stack                   string
	TraceNs                 int64 // what taking the stack cost
}

// String is a line that says what happened, and the stack.
func (r *Report) String() string {
	var b strings.Builder
	ms := func(ns int64) float64 { return float64(ns) / 1e6 }
	fmt.Fprintf(&b, "shard %s: reactor stalled for %.1f ms: %.1f running, %.1f blocked in the kernel (besides %.1f descheduled, %.1f in a stopped world)",
		r.Shard, ms(r.RanNs+r.BlockedNs), ms(r.RanNs), ms(r.BlockedNs), ms(r.DescheduledNs), ms(r.PausedNs))
	if r.Suppressed > 0 {
		fmt.Fprintf(&b, "; suppressed %d reports before", r.Suppressed)
	}
	if r.Stack != "" {
		fmt.Fprintf(&b, "; stack taken in %.2f ms\n%s", ms(r.TraceNs), r.Stack)
	}
	return b.String()
}

// WatchCounters is what a watchdog has seen of one reactor. Rounds that were
// over before a sample met them twice have left no trace in the times.
type WatchCounters struct {
	Stalls        uint64
	Suppressed    uint64  // reports that the limit held back
	Lengths       Lengths // of the stalls that are over, as last seen
	DescheduledNs int64   // long rounds: time kept from the processor, stolen time included
	PausedNs      int64   // long rounds: time in a stopped world
	BlockedNs     int64   // long rounds: time waiting in the kernel
}

// Watchdog watches the reactors of a process from a goroutine of its own. It
// costs a reactor nothing: what it reads is written anyway, a store a round.
type Watchdog struct {
	o           WatchOptions
	thresholdNs atomic.Int64
	watched     []*watched
	changed     chan struct{} // the threshold is another
	quit        chan struct{}
	quitOnce    sync.Once
	done        chan struct{}
}

// watched is one reactor under watch.
type watched struct {
	r       *Reactor
	probe   threadProbe
	monitor monitor
	limiter limiter

	stalls, suppressed                 atomic.Uint64
	lengths                            lengths
	descheduledNs, pausedNs, blockedNs atomic.Int64
}

// Watch starts a watchdog over reactors, which may run already or not yet.
func Watch(o WatchOptions, reactors ...*Reactor) (*Watchdog, error) {
	if o.ThresholdNs == 0 {
		o.ThresholdNs = DefaultStallNs
	}
	w := &Watchdog{o: o, changed: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	if err := w.SetThreshold(o.ThresholdNs); err != nil {
		return nil, err
	}
	for _, r := range reactors {
		w.watched = append(w.watched, &watched{r: r})
	}
	go w.run()
	return w, nil
}

// Stop ends the watchdog and waits until it is gone. More calls do nothing.
func (w *Watchdog) Stop() {
	w.quitOnce.Do(func() { close(w.quit) })
	<-w.done
}

// SetThreshold changes what a stall is, ns; 0 switches the watchdog off. Any thread.
func (w *Watchdog) SetThreshold(ns int64) error {
	if ns != 0 && (ns < minStallNs || ns > maxStallNs) {
		return fmt.Errorf("reactor: stall threshold must be 0 (off) or between 1ms and 1m, got %v", time.Duration(ns))
	}
	w.thresholdNs.Store(ns)
	select {
	case w.changed <- struct{}{}:
	default: // it is told already
	}
	return nil
}

// ThresholdNs is what a stall is now, 0: off. Any thread.
func (w *Watchdog) ThresholdNs() int64 { return w.thresholdNs.Load() }

// Counters is what was seen of the i-th reactor. Any thread.
func (w *Watchdog) Counters(i int) WatchCounters {
	x := w.watched[i]
	return WatchCounters{
		Stalls: x.stalls.Load(), Suppressed: x.suppressed.Load(), Lengths: x.lengths.read(),
		DescheduledNs: x.descheduledNs.Load(), PausedNs: x.pausedNs.Load(), BlockedNs: x.blockedNs.Load(),
	}
}

// ServeHTTP is the threshold for an admin port: GET reads it, POST or PUT with
// threshold=25ms sets it, threshold=0 switches the watchdog off.
func (w *Watchdog) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	switch req.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost, http.MethodPut:
		err := errors.New("reactor: threshold is missing: want for example threshold=25ms")
		if text := req.FormValue("threshold"); text != "" {
			var d time.Duration
			if d, err = time.ParseDuration(text); err == nil {
				err = w.SetThreshold(int64(d))
			}
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
	default:
		rw.Header().Set("Allow", "GET, HEAD, POST, PUT")
		http.Error(rw, req.Method+" is not GET, POST or PUT", http.StatusMethodNotAllowed)
		return
	}
	fmt.Fprintln(rw, time.Duration(w.ThresholdNs()))
}

func (w *Watchdog) run() {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	pauses := newPauses()
	for {
		select {
		case <-w.quit:
			for _, x := range w.watched {
				x.probe.close()
			}
			return
		case <-w.changed:
		case <-timer.C:
		}
		timer.Reset(time.Duration(w.look(pauses.totalNs())))
	}
}

// look samples every reactor and returns when to look again.
func (w *Watchdog) look(pausedNs int64) (nextNs int64) {
	threshold := w.thresholdNs.Load()
	if threshold == 0 {
		for _, x := range w.watched {
			x.monitor = monitor{all: x.monitor.all}
		}
		return offTickNs
	}
	nextNs = threshold / 2
	for _, x := range w.watched {
		s := x.sample()
		s.pausedNs = pausedNs
		c := x.monitor.step(&s, threshold)
		nextNs = min(nextNs, x.monitor.nextNs(threshold))
		x.descheduledNs.Store(x.monitor.all.DescheduledNs)
		x.pausedNs.Store(x.monitor.all.PausedNs)
		x.blockedNs.Store(x.monitor.all.BlockedNs)
		if c.endedNs > 0 {
			x.lengths.record(c.endedNs)
		}
		if c.begun {
			x.stalls.Add(1)
		}
		if c.due {
			w.report(x, &c)
		}
	}
	return nextNs
}

// report tells of a stall, unless there were too many.
func (w *Watchdog) report(x *watched, c *change) {
	ok, suppressed := x.limiter.allow(x.monitor.last.nowNs)
	if !ok {
		x.suppressed.Add(1)
		return
	}
	if w.o.Report == nil {
		return
	}
	r := &Report{
		Shard: x.r.o.Name, RanNs: c.spent.RanNs, BlockedNs: c.spent.BlockedNs,
		PausedNs: c.spent.PausedNs, DescheduledNs: c.spent.DescheduledNs, Suppressed: suppressed,
	}
	before := telemetry.Now()
	r.Stack = x.stack()
	r.TraceNs = telemetry.Now() - before
	w.o.Report(r)
}

// sample looks at a reactor. The heartbeat is read before and after: what was
// read while a round began belongs to neither round.
func (x *watched) sample() (s sample) {
	tid := x.r.tid.Load()
	beat := x.r.beat.Load()
	s.nowNs = telemetry.Now()
	if tid == 0 || beat == 0 || !x.probe.open(tid) {
		return s
	}
	if since := x.r.dozedNs.Load(); since != 0 {
		s.asleep, s.sleptNs = true, max(s.nowNs-since, 0)
	}
	s.sleptNs += x.r.sleptNs.Load()
	if !x.probe.read(&s) || x.r.tid.Load() != tid {
		return sample{nowNs: s.nowNs}
	}
	s.beatNs = x.r.beat.Load()
	s.moving = s.beatNs != beat
	return s
}

// stack is where the reactor is. A thread that waits in a system call which Go
// does not know of would hold up the stopping of the world, and with it every
// other shard, until the call returns; such a stall is told by the call's number.
func (x *watched) stack() string {
	if call := x.probe.rawCall(); call != "" {
		return "\tblocked in " + call
	}
	return stackOf(x.r.id)
}
