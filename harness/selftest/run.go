package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/trial"
	"github.com/ceteris/ceteris/workloads"
)

// Options say what to test.
type Options struct {
	Binary    string
	Env       []string
	Models    []string
	Placement host.Placement
	HostClass host.Class
	Short     bool // one stall in two seconds instead of one every ten
	Out       io.Writer
}

// Schema is the version of selftest.json.
const Schema = "ceteris-selftest/1"

// Verdict is what a test came to.
type Verdict string

// The verdicts. Undecided is not passed: the machine did of its own what was to
// be injected, so that nothing can be told apart.
const (
	Passed    Verdict = "passed"
	Failed    Verdict = "failed"
	Undecided Verdict = "undecided"
)

// worse is the one of two verdicts that counts.
func worse(a, b Verdict) Verdict {
	if a == Failed || b == Failed {
		return Failed
	}
	if a == Undecided || b == Undecided {
		return Undecided
	}
	return Passed
}

// Report is selftest.json.
type Report struct {
	Schema string      `json:"schema"`
	Result Verdict     `json:"result"`
	Models []OfModel   `json:"models"`
	Driver string      `json:"driver"`
	Host   host.Class  `json:"host_class"`
	Views  []StallView `json:"-"` // for the figure
}

// OfModel is what one model's broker was put through.
type OfModel struct {
	Model    string    `json:"model"`
	Result   Verdict   `json:"result"`
	Attempts []Attempt `json:"attempts"` // the last one counts
}

// Attempt is one stall test, or one slowdown test, of a model.
type Attempt struct {
	Test   string        `json:"test"` // stall | slowdown
	Result Verdict       `json:"result"`
	Gates  []result.Gate `json:"gates"`
	Stalls *Stalls       `json:"stalls,omitempty"`
	Slow   *Slowdown     `json:"slowdown,omitempty"`
	// Control is how many requests of the same load were late with nothing
	// injected, shortly before.
	Control int64 `json:"control_late"`
	// Others and Steal are the shares of the machine's CPU time that went to
	// other processes and to other machines; -1 where the kernel does not tell.
	Others float64 `json:"others_share"`
	Steal  float64 `json:"steal_share"`
	// Hiccup is the worst that a thread which did nothing suffered on the
	// generator's CPU meanwhile.
	Hiccup host.Hiccups `json:"hiccup"`

	findings []finding
	less     bool // than was injected was seen
}

// StallView is the two views of one model's stalls.
type StallView struct {
	Model        string
	Stalls       *Stalls
	Open, Closed *hdr.Histogram // response times of the open loop, service times of the closed one
}

// attempts is how often a test is tried at most: the machine may stall on its own
// at the same moment. A wrong instrument does not become right by trying again.
const attempts = 3

// The injected amounts.
const (
	stallLength = 100 * time.Millisecond
	stallPerSec = 1000
	slowBy      = 500 * time.Microsecond
	slowPerSec  = 400
)

// controlSpan is how long the load runs with nothing injected.
const controlSpan = 2 * time.Second

// plan is the length of a load and the moments of its stalls, from the start of
// the measured window.
func (o *Options) plan() (measure time.Duration, at []time.Duration) {
	if o.Short {
		return 2 * time.Second, []time.Duration{900 * time.Millisecond}
	}
	return 20 * time.Second, []time.Duration{5 * time.Second, 15 * time.Second}
}

// Run puts every model through its tests. The report says what was seen; the
// error that something could not be run.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &Report{Schema: Schema, Result: Passed, Driver: workloads.Raw, Host: o.HostClass}
	for _, model := range o.Models {
		m := OfModel{Model: model, Result: Passed}
		stalled := func(ctx context.Context, model string) (Attempt, error) {
			a, v, err := o.stalled(ctx, model)
			if v != nil {
				r.Views = append(slices.DeleteFunc(r.Views, func(old StallView) bool { return old.Model == model }), *v)
			}
			return a, err
		}
		for _, test := range []func(context.Context, string) (Attempt, error){stalled, o.slowed} {
			tried, err := repeated(func() (Attempt, error) {
				a, err := o.try(ctx, model, test)
				if err == nil {
					o.tell(model, &a)
				}
				return a, err
			})
			if err != nil {
				return r, err
			}
			m.Attempts = append(m.Attempts, tried...)
			m.Result = worse(m.Result, tried[len(tried)-1].Result)
		}
		r.Models = append(r.Models, m)
		r.Result = worse(r.Result, m.Result)
	}
	return r, nil
}

// repeated tries a test until it decides something: passed, or less was seen than
// was injected, which no machine excuses and no other attempt takes back.
func repeated(try func() (Attempt, error)) (tried []Attempt, err error) {
	for range attempts {
		a, err := try()
		if err != nil {
			return tried, err
		}
		tried = append(tried, a)
		if a.Result == Passed || a.less {
			break
		}
	}
	return tried, nil
}

// try runs a test beside a probe of the machine.
func (o *Options) try(ctx context.Context, model string, test func(context.Context, string) (Attempt, error)) (a Attempt, err error) {
	var probe *host.HiccupProbe
	if cpus := o.Placement.Generator; len(cpus) > 0 {
		if probe, err = host.StartHiccups(cpus[len(cpus)-1], true); err != nil {
			return a, err
		}
	}
	var m host.Machine
	before, own := m.Noise(), host.OwnCPUNs()
	a, err = test(ctx, model)
	if probe != nil {
		a.Hiccup = probe.Stop()
	}
	online, _ := m.Online() // none: the shares are unknown
	noise := m.Noise().Since(before)
	a.Others, a.Steal = noise.OthersShare(len(online), host.OwnCPUNs()-own), noise.StealShare(len(online))
	a.judge(o.Short)
	return a, err
}

// Beyond these a test that saw too much decides nothing: how many requests may
// be late with nothing injected, and what shares of the CPU time others may take.
const (
	maxControl = countSpare
	maxOthers  = 0.05
	maxSteal   = 0.01
)

// judge comes to the verdict. A short test is one that a busy machine has to pass
// too: there, more than was injected decides nothing.
func (a *Attempt) judge(short bool) {
	a.Result = Passed
	for _, f := range a.findings {
		a.Gates = append(a.Gates, f.Gate)
		if !f.OK {
			a.Result, a.less = Failed, a.less || !f.More
		}
	}
	if a.Result == Failed && !a.less && (short || a.busy()) {
		a.Result = Undecided
	}
}

// busy reports whether the machine did something of its own meanwhile. A probe that
// goes before every ordinary thread and still woke as late as what counts as late
// was kept from the CPU by the machine below, whatever that admits.
func (a *Attempt) busy() bool {
	stopped := a.Hiccup.FirstInLine && float64(a.Hiccup.MaxNs) > lateShare*float64(stallLength)
	return stopped || a.Control > maxControl || a.Others > maxOthers || a.Steal > maxSteal
}

// share is one of the CPU time, in words.
func share(of float64) string {
	if of < 0 {
		return "not told"
	}
	return fmt.Sprintf("%.1f %%", 100*of)
}

func (o *Options) tell(model string, a *Attempt) {
	hiccup := "no probe"
	if a.Hiccup.Count > 0 {
		hiccup = round(a.Hiccup.MaxNs).String()
	}
	fmt.Fprintf(o.Out, "%s %s: %s (machine: %d requests late with nothing injected, worst hiccup %s, others %s of the CPU time, steal %s)\n",
		model, a.Test, strings.ToUpper(string(a.Result)), a.Control, hiccup, share(a.Others), share(a.Steal))
	for _, g := range a.Gates {
		mark := "  "
		if !g.OK {
			mark = "! "
		}
		fmt.Fprintf(o.Out, "  %s%s: %s\n", mark, g.Name, g.Detail)
	}
}

// trial is what every load of the tests has in common.
func (o *Options) trial(model string, w *workloads.Workload) trial.Options {
	w.Name, w.Durability, w.Topics, w.Partitions = "selftest", []string{"process"}, 1, 4
	w.Acks, w.Arrivals, w.Keys, w.Connection = -1, workloads.Constant, workloads.Law{Kind: workloads.None}, workloads.Law{Kind: workloads.RoundRobin}
	w.RecordsPerBatch, w.Size = 1, workloads.SizeLaw{MedianBytes: 1024, MaxBytes: 1024}
	return trial.Options{
		Binary: o.Binary, Env: o.Env, Model: model, Durability: "process", MemoryBytes: 128 << 20, Placement: o.Placement,
		Load: load.Options{W: w, Seed: 1, Warmup: time.Second, Driver: workloads.Raw},
	}
}

// stalled runs the open and the closed loop beside the same stalls.
func (o *Options) stalled(ctx context.Context, model string) (Attempt, *StallView, error) {
	a := Attempt{Test: "stall"}
	measure, at := o.plan()
	view := &StallView{Model: model}
	// Room for all that falls due in a stall, so that nothing waits in the generator.
	control := o.trial(model, &workloads.Workload{Connections: 16, Inflight: 64})
	control.Load.RatePerSec, control.Load.Measure = stallPerSec, min(measure, controlSpan)
	quiet, err := trial.Run(ctx, control)
	if err != nil {
		return a, nil, err
	}
	a.Control = late(quiet.Response, lateShare*float64(stallLength))
	for _, open := range []bool{true, false} {
		t := o.trial(model, &workloads.Workload{Connections: 1, Inflight: 1})
		if open {
			t = control
		}
		t.Load.Measure = measure
		s := &Stalls{PerSec: stallPerSec}
		t.During = func(b *child.Broker) error { return s.inject(b, at) }
		out, err := trial.Run(ctx, t)
		if err != nil {
			return a, nil, err
		}
		if open {
			view.Stalls, view.Open = s, out.Response
			a.Stalls = s
			a.findings = append(a.findings, s.JudgeOpen(out.Response)...)
		} else {
			view.Closed = out.Service
			a.findings = append(a.findings, s.JudgeClosed(out.Service)...)
		}
	}
	return a, view, nil
}

// inject asks the broker for each stall at its moment.
func (s *Stalls) inject(b *child.Broker, at []time.Duration) error {
	begun := time.Now()
	for _, moment := range at {
		time.Sleep(moment - time.Since(begun))
		body, err := b.Admin(http.MethodPost, "/inject/stall?for="+stallLength.String())
		if err != nil {
			return err
		}
		var done struct {
			Threads    int   `json:"threads"`
			LongestNs  int64 `json:"longest_ns"`
			ShortestNs int64 `json:"shortest_ns"`
		}
		if err := json.Unmarshal(body, &done); err != nil {
			return fmt.Errorf("the broker's account of its stall: %w", err)
		}
		if done.Threads == 0 {
			return errors.New("no thread of the broker stood still")
		}
		if s.Threads == 0 || done.ShortestNs < s.ShortestNs {
			s.ShortestNs = done.ShortestNs
		}
		s.Threads = done.Threads
		s.LengthsNs = append(s.LengthsNs, done.LongestNs)
	}
	return nil
}

// slowed runs the same load without and with the slowdown.
func (o *Options) slowed(ctx context.Context, model string) (Attempt, error) {
	s := &Slowdown{ByNs: int64(slowBy)}
	a := Attempt{Test: "slowdown", Slow: s}
	var before *trial.Outcome
	for i := range s.P50Ns {
		t := o.trial(model, &workloads.Workload{Connections: 1, Inflight: 4})
		t.Load.RatePerSec, t.Load.Measure = slowPerSec, 2*time.Second
		if i == 1 {
			t.Started = func(b *child.Broker) error {
				_, err := b.Admin(http.MethodPost, "/inject/slow?by="+slowBy.String())
				return err
			}
		}
		out, err := trial.Run(ctx, t)
		if err != nil {
			return a, err
		}
		if i == 0 {
			before = out
		}
		s.P50Ns[i] = out.Response.ValueAtPercentile(50)
		s.CPUNs[i] = float64(out.BrokerCPUNs) / float64(out.Requests())
	}
	a.findings = s.Judge()
	a.Control = late(before.Response, lateShare*float64(stallLength))
	return a, nil
}
