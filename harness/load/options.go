package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/ceteris/ceteris/workloads"
)

// Options is one load to offer to one broker. It travels to the load process as
// JSON; durations are ns there.
type Options struct {
	Addr string              `json:"addr"` // host:port of the broker
	W    *workloads.Workload `json:"workload"`
	Seed uint64              `json:"seed"`
	// RatePerSec counts produce requests; 0 is a closed loop, as fast as the
	// workload's inflight allows.
	RatePerSec float64       `json:"rate_per_sec"`
	Warmup     time.Duration `json:"warmup_ns"`
	Measure    time.Duration `json:"measure_ns"`
	// Timeout is how long an outstanding request is waited for after the
	// measured window, and the value at which failures are censored. 0 is 10 s. Where
	// requests are given up, consumers get as long again for what was acknowledged.
	Timeout time.Duration `json:"timeout_ns,omitempty"`
	Driver  string        `json:"driver"` // workloads.Raw | workloads.Franz
	// CPUs pins the generator's threads, one thread a CPU (never more than
	// connections). Empty: one thread, not pinned.
	CPUs  []int  `json:"cpus,omitempty"`
	Topic string `json:"topic"` // name, or prefix when the workload has several
	// OutDir receives the interval histograms; empty writes none.
	OutDir string `json:"out_dir,omitempty"`
	// Busy says whether a thread polls between requests (Yes), sleeps (No), or
	// polls when it is pinned (Auto). A thread that
	// polls must have a CPU that serves neither the broker nor the disk's
	// interrupts: it would hold up completions of direct I/O.
	Busy Switch `json:"busy,omitempty"`
	// OnEvent hears of EventPlanned as soon as it is known when the measured window
	// will begin, with that time of CLOCK_MONOTONIC, and of EventStart and EventEnd
	// when it begins and ends. It is called from a goroutine of its own, in order, and
	// may be nil.
	OnEvent func(event string, monotonicNs int64) `json:"-"`
}

// The events of a load.
const (
	EventPlanned = "measure-planned"
	EventStart   = "measure-start"
	EventEnd     = "measure-end"
)

// Switch is a choice that can be left to the generator.
type Switch string

// The values of a Switch.
const (
	Auto Switch = ""
	Yes  Switch = "yes"
	No   Switch = "no"
)

// The limits of one load, beyond which the generator would rather refuse than
// be the bottleneck or run out of memory.
const (
	maxConnections = 16384
	maxWindow      = 24 * time.Hour
	defaultTimeout = 10 * time.Second
	// maxTimeout is the largest value a histogram holds.
	maxTimeout = 60 * time.Second
)

// check fills in defaults and reports every option that cannot be meant.
func (o *Options) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Driver == "" {
		o.Driver = workloads.Raw
	}
	if o.Topic == "" {
		o.Topic = "ceteris"
	}
	if o.Addr == "" {
		bad("load: no broker address")
	}
	if o.Warmup < 0 || o.Warmup > maxWindow {
		bad("load: a warm-up of %v is not between 0 and %v", o.Warmup, maxWindow)
	}
	if o.Measure <= 0 || o.Measure > maxWindow {
		bad("load: a measured window of %v is not between 0 and %v", o.Measure, maxWindow)
	}
	if o.Timeout < 0 || o.Timeout > maxTimeout {
		bad("load: a timeout of %v is not between 0 and %v", o.Timeout, maxTimeout)
	}
	if o.Driver != workloads.Raw && o.Driver != workloads.Franz {
		bad("load: driver %q is neither %s nor %s", o.Driver, workloads.Raw, workloads.Franz)
	}
	if o.Busy != Auto && o.Busy != Yes && o.Busy != No {
		bad("load: busy %q is none of \"\", yes, no", o.Busy)
	}
	if o.RatePerSec < 0 {
		bad("load: a rate of %g per second is negative", o.RatePerSec)
	}
	if o.W == nil {
		bad("load: no workload")
		return errors.Join(errs...)
	}
	if o.W.Connections > maxConnections {
		bad("load: %d connections are more than %d", o.W.Connections, maxConnections)
	}
	if raw := o.W.RawOnly(); raw != "" && o.Driver != workloads.Raw {
		bad("load: driver %s does not offer %s, only %s does", o.Driver, raw, workloads.Raw)
	}
	if err := o.W.Validate(); err != nil {
		bad("load: %w", err)
	}
	return errors.Join(errs...)
}

// topics names the workload's topics.
func (o *Options) topics() []string {
	if o.W.Topics == 1 {
		return []string{o.Topic}
	}
	names := make([]string, o.W.Topics)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", o.Topic, i)
	}
	return names
}
