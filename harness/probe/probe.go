package probe

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
)

// Topic is the probe's own.
const Topic = "ceteris-probe"

// Options is one probe.
type Options struct {
	Addr   string // of the broker
	PerSec float64
	// CPU to bind to; below 0: none. Beside says that the generator runs there.
	CPU    int
	Beside bool
}

// Summary is what a probe saw in the window. Times are round trips, in ns.
type Summary struct {
	PerSec float64 `json:"per_sec"`
	CPU    int     `json:"cpu"` // -1: not bound
	Beside bool    `json:"beside_generator"`
	// FirstInLine says that the probe's thread ran before all ordinary ones. Without
	// it, other threads' turns on its CPU are in its times.
	FirstInLine bool  `json:"first_in_line"`
	Requests    int64 `json:"requests"` // answered without an error
	Failed      int64 `json:"failed"`
	// Late were due while the one before was unanswered. Unsent were still so when the
	// window ended; they are in the times at what they had waited when the probe gave
	// up, which is when the last answer came.
	Late   int64 `json:"late"`
	Unsent int64 `json:"unsent"`
	P50Ns  int64 `json:"p50_ns"`
	P99Ns  int64 `json:"p99_ns"`
	MaxNs  int64 `json:"max_ns"`
	// CPUNs is the CPU time of the probe's thread in the window; -1 where the system
	// does not tell.
	CPUNs int64 `json:"cpu_ns"`
}

// The limits of one probe.
const (
	answerLimit  = 10 * time.Second // for one answer
	prepareEvery = 20 * time.Millisecond
	unrecorded   = 5 // requests before the window
)

// Prober is a probe that runs.
type Prober struct {
	o          Options
	begin, end chan struct{}
	began, off sync.Once
	done       chan struct{}
	ended      time.Time // when end was closed
	summary    Summary
	hist       *hdr.Histogram
	err        error
}

// Start starts a probe's thread, which gets ready by itself.
func Start(o Options) *Prober {
	p := &Prober{o: o, begin: make(chan struct{}), end: make(chan struct{}), done: make(chan struct{}), hist: hdr.New(1, int64(time.Minute), 3)}
	p.summary = Summary{PerSec: o.PerSec, CPU: max(o.CPU, -1), Beside: o.Beside, CPUNs: -1}
	go func() {
		defer close(p.done)
		// Never unlocked: the thread dies with its binding.
		runtime.LockOSThread()
		if o.CPU >= 0 {
			if p.err = host.SetAffinity([]int{o.CPU}); p.err != nil {
				return
			}
		}
		p.summary.FirstInLine = firstInLine()
		if p.err = p.run(); p.err != nil {
			p.err = fmt.Errorf("probe: %w", p.err)
		}
	}()
	return p
}

// Begin starts the window. It does not wait.
func (p *Prober) Begin() { p.began.Do(func() { close(p.begin) }) }

// End ends it and returns what was seen, when the last answer has come. It may be
// called without Begin, and more than once.
func (p *Prober) End() (Summary, *hdr.Histogram, error) {
	p.off.Do(func() { p.ended = time.Now(); close(p.end) })
	<-p.done
	return p.summary, p.hist, p.err
}

// over reports whether the window has ended.
func (p *Prober) over() bool {
	select {
	case <-p.end:
		return true
	default:
		return false
	}
}

func (p *Prober) run() error {
	c, err := p.prepare()
	if err != nil || c == nil {
		return err
	}
	defer c.close()
	for range unrecorded {
		if _, err := c.produce(); err != nil {
			return err
		}
	}
	select {
	case <-p.begin:
	case <-p.end:
		return nil
	}
	return p.window(c)
}

// prepare waits until the load's topics are led, so that the probe's partition
// changes nothing about where theirs lie, and connects to the leader of its own; nil
// when the window ended before.
func (p *Prober) prepare() (*conn, error) {
	c, err := dial(p.o.Addr)
	if err != nil {
		return nil, err
	}
	defer c.close()
	created := false
	for !p.over() {
		others, leader, err := c.topics()
		switch {
		case err != nil:
			return nil, err
		case leader != "":
			return dial(leader)
		case others && !created:
			if err := c.create(); err != nil {
				return nil, err
			}
			created = true
		}
		time.Sleep(prepareEvery)
	}
	return nil, nil
}

// window asks at equal steps until the window ends.
func (p *Prober) window(c *conn) error {
	s := &p.summary
	period := time.Duration(float64(time.Second) / p.o.PerSec)
	start, used := time.Now(), threadNs()
	for k := 1; ; k++ {
		due := start.Add(time.Duration(k) * period)
		from := due
		if wait := time.Until(due); wait > 0 {
			select {
			case <-p.end:
			case <-time.After(wait):
			}
			// It was the probe that overslept; the broker had nothing to do with it.
			from = time.Now()
		} else if !p.over() {
			s.Late++
		}
		if p.over() {
			p.giveUp(due, period)
			break
		}
		code, err := c.produce()
		took := time.Since(from)
		if err != nil {
			return err
		}
		if code != 0 {
			s.Failed++
			continue
		}
		s.Requests++
		p.record(took)
	}
	if used >= 0 {
		s.CPUNs = threadNs() - used
	}
	s.MaxNs, s.P50Ns, s.P99Ns = p.hist.Max(), p.hist.ValueAtPercentile(50), p.hist.ValueAtPercentile(99)
	return nil
}

// giveUp records what was due in the window, from a time on, and cannot be sent any
// more: a broker that answers late at the end would else look as if few had met it.
func (p *Prober) giveUp(due time.Time, period time.Duration) {
	for ; due.Before(p.ended); due = due.Add(period) {
		p.summary.Unsent++
		p.record(time.Since(due))
	}
}

func (p *Prober) record(took time.Duration) {
	_ = p.hist.RecordValue(min(max(int64(took), 1), int64(time.Minute))) // in range
}
