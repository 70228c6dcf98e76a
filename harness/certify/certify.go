package certify

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/trial"
	"github.com/ceteris/ceteris/workloads"
)

// Options say what to certify.
type Options struct {
	Binary    string
	Env       []string
	Drivers   []string
	Placement host.Placement
	HostClass host.Class
	// Workloads are those whose rates on the null broker are taken, all of them
	// those of an experiment; none means [Default].
	Workloads []*workloads.Workload
	// Models are driven as fast as they go, beside the null broker. None: the
	// experiment itself will tell how fast they are.
	Models      []string
	MemoryBytes int64
	Measure     time.Duration // of each load; 0 is [Measure]
	Out         io.Writer     // a line for each check
}

// Measure is how long each load of a certificate is measured.
const Measure = 2 * time.Second

// The loads of the checks, requests per second.
const (
	slipPerSec  = 50_000
	probePerSec = 5_000
	floorPerSec = 1_000
)

// The limits.
const (
	slipLimitNs   = 10_000
	slipShare     = 0.01 // that p99 leaves above the limit
	headroomLimit = 0.60
	// equalRuns is by how much two runs may differ whatever two equal ones do.
	equalRuns = 1.25
	// probeRuns is the same for the probe, and probeSpareNs what it may differ
	// beside: it sleeps for each answer where the generator polls.
	probeRuns, probeSpareNs = 1.5, 30_000
)

// Default is the workload of the checks: small requests, of which a generator
// has to send most.
func Default() *workloads.Workload {
	return &workloads.Workload{
		Name: "1k", Durability: []string{"process"}, Topics: 1, Partitions: 16, Connections: 16, Inflight: 64,
		Acks: -1, Arrivals: workloads.Constant, Keys: workloads.Law{Kind: workloads.None},
		Connection: workloads.Law{Kind: workloads.RoundRobin}, RecordsPerBatch: 1,
		Size: workloads.SizeLaw{MedianBytes: 1024, MaxBytes: 1024}, Entropy: 0.5,
	}
}

// Run certifies every driver. A check that cannot be run fails and says why; the
// error is one of ctx.
func Run(ctx context.Context, o Options) (*result.Certificate, error) {
	if o.Measure == 0 {
		o.Measure = Measure
	}
	c := &result.Certificate{
		Schema: result.CertificateSchema, StartUTC: time.Now().UTC().Format(time.RFC3339Nano),
		HostClass: o.HostClass, Placement: o.Placement, Valid: true,
	}
	for _, name := range o.Drivers {
		d := &driver{o: &o, d: result.DriverCertificate{Driver: name, NullPerSec: map[string]float64{}}}
		for _, check := range []func(context.Context){d.capacity, d.slip, d.floor, d.clients, d.probe, d.arrivals} {
			check(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		c.Drivers = append(c.Drivers, d.d)
	}
	c.Valid = len(c.Drivers) > 0 && len(c.Failed()) == 0
	return c, nil
}

// driver is the checks of one driver under way.
type driver struct {
	o *Options
	d result.DriverCertificate
}

// add records a check and tells of it.
func (d *driver) add(k result.CertificateCheck) {
	if k.NotRun == "" {
		k.OK = k.Value <= k.Limit
		if k.AtLeast {
			k.OK = k.Value >= k.Limit
		}
	}
	d.d.Checks = append(d.d.Checks, k)
	word, detail := "ok", k.Detail
	if !k.OK {
		word = "FAILED"
	}
	if k.NotRun != "" {
		detail = k.NotRun
	}
	fmt.Fprintf(d.o.Out, "%-5s %-15s %-6s %s\n", d.d.Driver, k.Name, word, detail)
}

func (d *driver) notRun(name string, err error) {
	d.add(result.CertificateCheck{Name: name, NotRun: err.Error()})
}

// trial is a load of this driver on a model; 0 per second is a closed loop.
func (d *driver) trial(model string, w *workloads.Workload, perSec float64) trial.Options {
	own := *w
	own.Consumers = 0 // the null broker keeps nothing that could be fetched
	return trial.Options{
		Binary: d.o.Binary, Env: d.o.Env, Model: model, Durability: "process", MemoryBytes: max(d.o.MemoryBytes, 128<<20),
		Placement: d.o.Placement, Load: load.Options{
			W: &own, Seed: 1, RatePerSec: perSec, Warmup: time.Second, Measure: d.o.Measure, Driver: d.d.Driver,
		},
	}
}

// capacity takes the closed loop's rates.
func (d *driver) capacity(ctx context.Context) {
	const name = "generator-bound"
	list := d.o.Workloads
	if len(list) == 0 {
		list = []*workloads.Workload{Default()}
	}
	if len(d.o.Models) > 0 {
		d.d.ModelPerSec = map[string]map[string]float64{}
	}
	for _, w := range list {
		out, err := trial.Run(ctx, d.trial("null", w, 0))
		if err != nil {
			d.notRun(name, err)
			return
		}
		null := out.AchievedPerSec()
		d.d.NullPerSec[w.Name] = null
		fastest, of := 0.0, ""
		for _, model := range d.o.Models {
			out, err := trial.Run(ctx, d.trial(model, w, 0))
			if err != nil {
				d.notRun(name, err)
				return
			}
			if d.d.ModelPerSec[w.Name] == nil {
				d.d.ModelPerSec[w.Name] = map[string]float64{}
			}
			d.d.ModelPerSec[w.Name][model] = out.AchievedPerSec()
			if rate := out.AchievedPerSec(); rate > fastest {
				fastest, of = rate, model
			}
		}
		if of != "" {
			d.add(result.CertificateCheck{
				Name: name, Value: null / fastest, Limit: result.BoundFactor, AtLeast: true, Unit: "times",
				Detail: fmt.Sprintf("%s, closed loop: null %.0f requests/s, fastest model %s %.0f/s, %.2f times, at least %d wanted", w.Name, null, of, fastest, null/fastest, result.BoundFactor),
			})
		}
	}
}

// slip sends at a high and even rate, between two looks at how late a thread is
// there that only waits.
func (d *driver) slip(ctx context.Context) {
	const name, own = "slip", "slip-own"
	machine, err := bare(&d.o.Placement, slipPerSec, d.o.Measure/2)
	if err != nil {
		d.notRun(name, err)
		return
	}
	out, err := trial.Run(ctx, d.trial("null", Default(), slipPerSec))
	if err != nil {
		d.notRun(name, err)
		return
	}
	after, err := bare(&d.o.Placement, slipPerSec, d.o.Measure/2)
	if err != nil {
		d.notRun(own, err)
		return
	}
	machine.Merge(after)
	d.d.Slip, d.d.Bare = curve(out.Slip), curve(machine)
	p99 := out.Slip.ValueAtPercentile(99)
	s := out.Summaries[0]
	d.add(result.CertificateCheck{Name: name, Value: float64(p99), Limit: slipLimitNs, Unit: "ns", Detail: fmt.Sprintf(
		"p99 of the lateness at %d requests/s %v, limit %v; of a thread there that only waits %v; %.1f %% acknowledged in time",
		slipPerSec, time.Duration(p99), time.Duration(slipLimitNs), time.Duration(machine.ValueAtPercentile(99)), 100*s.AchievedRatio)})
	late, others := shareAbove(out.Slip, slipLimitNs), shareAbove(machine, slipLimitNs)
	d.add(result.CertificateCheck{Name: own, Value: late - others, Limit: slipShare, Unit: "share", Detail: fmt.Sprintf(
		"%.2f %% of the requests left more than %v late, %.2f %% of what a thread had to do that only waits: the generator's own are %.2f %%, limit %.0f %%",
		100*late, time.Duration(slipLimitNs), 100*others, 100*(late-others), 100*slipShare)})
	d.add(result.CertificateCheck{Name: "collector", Value: float64(s.GCCycles), Limit: 0, Unit: "collections", Detail: fmt.Sprintf(
		"%d collections in the generator over %v, %d objects allocated", s.GCCycles, d.o.Measure, s.Allocs)})
}

// floor records the null broker's response times.
func (d *driver) floor(ctx context.Context) {
	out, err := trial.Run(ctx, d.trial("null", Default(), floorPerSec))
	if err != nil {
		d.notRun("floor", err)
		return
	}
	d.d.Floor = curve(out.Response)
	fmt.Fprintf(d.o.Out, "%-5s %-15s        null broker at %d requests/s: p50 %v, p99 %v\n", d.d.Driver, "floor", floorPerSec,
		time.Duration(out.Response.ValueAtPercentile(50)), time.Duration(out.Response.ValueAtPercentile(99)))
}

// arrivals sends a Poisson process and has it tested.
func (d *driver) arrivals(ctx context.Context) {
	w := Default()
	w.Arrivals = workloads.Poisson
	out, err := trial.Run(ctx, d.trial("null", w, probePerSec))
	if err != nil {
		d.notRun("arrivals", err)
		return
	}
	d.add(arrivalsCheck(&out.Summaries[0].Arrivals))
}

// arrivalsCheck holds the sent process against its law. No gaps, or none that were
// compared, are no agreement.
func arrivalsCheck(a *load.Arrivals) result.CertificateCheck {
	const name = "arrivals"
	if a.N == 0 || a.KSCritical == 0 {
		return result.CertificateCheck{Name: name, NotRun: fmt.Sprintf("none of %d gaps were compared with the law %s", a.N, a.Law)}
	}
	return result.CertificateCheck{Name: name, Value: a.KS, Limit: a.KSCritical, Unit: "distance", Detail: fmt.Sprintf(
		"distance of %d gaps from the exponential law %.4f, 1 %% critical value %.4f", a.N, a.KS, a.KSCritical)}
}

// busy is whether a generator may poll: not when two clients share its CPUs.
func (d *driver) busy(clients int) load.Switch {
	if len(d.o.Placement.Generator) >= clients {
		return load.Auto
	}
	return load.No
}
