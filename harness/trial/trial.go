package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
)

// spare is what a load may take beside its own windows.
const spare = 60 * time.Second

// Options are one trial.
type Options struct {
	Binary      string   // the ceteris executable
	Env         []string // added to the children's environment
	Model       string
	Set         map[string]string // factors and settings
	Durability  string            // "": the model's own
	MemoryBytes int64
	Placement   host.Placement // no CPUs: unbound
	Load        load.Options   // without address, CPUs and directory
	// Clients is how many load processes share the load, each with a seed of its
	// own; 0 is one.
	Clients int
	// Started is called, if given, when the broker serves and before any load;
	// During from a goroutine of its own as the measured window begins. The trial
	// waits for it to return.
	Started, During func(b *child.Broker) error
}

// Outcome is what a trial came to over its measured window.
type Outcome struct {
	Summaries []*load.Summary // one for each client
	Response  *hdr.Histogram  // all clients together, ns
	Service   *hdr.Histogram
	Slip      *hdr.Histogram
	// BrokerCPUNs is the broker's CPU time over the window, by the clock of the
	// kernel where it has one.
	BrokerCPUNs int64
}

// Requests is how many requests the clients intended.
func (o *Outcome) Requests() (n int64) {
	for _, s := range o.Summaries {
		n += s.Intended
	}
	return n
}

// AchievedPerSec is the clients' acknowledged requests per second together.
func (o *Outcome) AchievedPerSec() (sum float64) {
	for _, s := range o.Summaries {
		sum += s.AchievedPerSec
	}
	return sum
}

// Run runs a trial in a directory of its own below the system's temporary one.
// A request that failed, or a broker that did not end cleanly, is an error.
func Run(ctx context.Context, o Options) (out *Outcome, err error) {
	dir, err := os.MkdirTemp("", "ceteris-trial-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		return nil, err
	}
	b, err := child.StartBroker(child.BrokerOptions{
		Binary: o.Binary, Env: o.Env, Model: o.Model, Set: o.Set, Durability: o.Durability, MemoryBytes: o.MemoryBytes,
		Data: data, CPUs: o.Placement.Broker, Log: filepath.Join(dir, "server.log"),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: broker: %w", o.Model, err)
	}
	defer func() {
		if e := b.Finish(); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w (%s)", o.Model, e, b.LastWords()))
		}
	}()
	if o.Started != nil {
		if err := o.Started(b); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Model, err)
		}
	}
	t := &attempt{o: &o, b: b, dir: dir}
	if err := t.offer(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Model, err)
	}
	return t.outcome()
}

// attempt is a trial while it runs.
type attempt struct {
	o         *Options
	b         *child.Broker
	dir       string
	summaries []*load.Summary
	cpu       [2]int64 // the broker's, at the window's ends
	aside     sync.WaitGroup
	asideErr  error
}

func (t *attempt) clientDir(i int) string { return filepath.Join(t.dir, fmt.Sprintf("client-%d", i)) }

// offer runs every client to its end.
func (t *attempt) offer(ctx context.Context) error {
	n := max(t.o.Clients, 1)
	t.summaries = make([]*load.Summary, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = t.client(ctx, i, n) })
	}
	all.Wait()
	t.aside.Wait()
	return errors.Join(append(errs, t.asideErr)...)
}

func (t *attempt) client(ctx context.Context, i, n int) error {
	lo := t.o.Load
	lo.Addr, lo.OutDir, lo.CPUs = t.b.Ready.Listen, t.clientDir(i), t.o.Placement.Generator
	lo.RatePerSec /= float64(n)
	lo.Seed += uint64(i)
	if n > 1 {
		lo.Topic = fmt.Sprintf("ceteris-%d", i) // nobody creates another's
	}
	if err := os.MkdirAll(lo.OutDir, 0o755); err != nil {
		return err
	}
	g, err := child.StartLoad(t.o.Binary, t.o.Env, lo, lo.OutDir, nil, func(event string, _ int64) {
		if i == 0 { // the first client's window is the trial's
			t.bound(event)
		}
	})
	if err != nil {
		return err
	}
	s, err := g.Finish(ctx, lo.Warmup+lo.Measure+spare)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if s.Failed > 0 || s.Acked == 0 {
		return fmt.Errorf("load: %d of %d requests failed: %v", s.Failed, s.Intended, s.Errors)
	}
	t.summaries[i] = s
	return nil
}

// bound is called at the ends of the window.
func (t *attempt) bound(event string) {
	at := 0
	if event == load.EventPlanned {
		return
	}
	if event == load.EventEnd {
		at = 1
	}
	if p, err := (host.Machine{}).Outline(t.b.PID()); err == nil {
		t.cpu[at] = p.RunNs
		if p.RunNs < 0 {
			t.cpu[at] = p.UserNs + p.SysNs
		}
	}
	if at == 0 && t.o.During != nil {
		t.aside.Go(func() { t.asideErr = t.o.During(t.b) })
	}
}

func (t *attempt) outcome() (*Outcome, error) {
	out := &Outcome{Summaries: t.summaries, BrokerCPUNs: t.cpu[1] - t.cpu[0]}
	for _, x := range []struct {
		kind string
		to   **hdr.Histogram
	}{{"response", &out.Response}, {"service", &out.Service}, {"slip", &out.Slip}} {
		var parts []*hdr.Histogram
		for i := range t.summaries {
			intervals, err := result.ReadLog(filepath.Join(t.clientDir(i), x.kind+".hlog"))
			if err != nil {
				return nil, err
			}
			parts = append(parts, intervals...)
		}
		h, err := result.MergeHistograms(parts)
		if err != nil {
			return nil, err
		}
		if h == nil {
			return nil, fmt.Errorf("the load left no %s times", x.kind)
		}
		*x.to = h
	}
	return out, nil
}
