package certify

import (
	"context"
	"fmt"
	"math"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/trial"
)

// factor is by how much two positive values differ, at least 1.
func factor(a, b float64) float64 {
	if a <= 0 || b <= 0 {
		return math.Inf(1)
	}
	return max(a/b, b/a)
}

// clients offers one load by one client and by two, twice each in turn. What the
// two runs of one client differ by is what this machine resolves.
func (d *driver) clients(ctx context.Context) {
	const name = "clients"
	var p50, p99 [2][2]float64
	var used float64
	for turn := range 2 {
		for i, clients := range []int{1, 2} {
			t := d.trial("null", Default(), probePerSec)
			t.Clients, t.Load.Busy = clients, d.busy(2)
			out, err := trial.Run(ctx, t)
			if err != nil {
				d.notRun(name, err)
				return
			}
			p50[i][turn], p99[i][turn] = float64(out.Response.ValueAtPercentile(50)), float64(out.Response.ValueAtPercentile(99))
			if i == 0 {
				s := out.Summaries[0]
				used = float64(s.CPUNs) / float64(int64(d.o.Measure)*int64(max(s.Threads, 1)))
			}
		}
	}
	geometric := func(v [2]float64) float64 { return math.Sqrt(v[0] * v[1]) }
	of50, of99 := factor(geometric(p50[0]), geometric(p50[1])), factor(geometric(p99[0]), geometric(p99[1]))
	null50, null99 := max(factor(p50[0][0], p50[0][1]), factor(p50[1][0], p50[1][1])), max(factor(p99[0][0], p99[0][1]), factor(p99[1][0], p99[1][1]))
	limit50, limit99 := max(equalRuns, null50), max(equalRuns, null99)
	d.add(result.CertificateCheck{Name: name, Value: of50, Limit: limit50, Unit: "times", Detail: fmt.Sprintf(
		"p50 of one client %v, of two %v: %.2f times, limit %.2f; equal runs differ by %.2f", short(geometric(p50[0])), short(geometric(p50[1])), of50, limit50, null50)})
	d.add(result.CertificateCheck{Name: name + "-p99", Value: of99, Limit: limit99, Unit: "times", Detail: fmt.Sprintf(
		"p99 of one client %v, of two %v: %.2f times, limit %.2f; equal runs differ by %.2f", short(geometric(p99[0])), short(geometric(p99[1])), of99, limit99, null99)})
	if d.busy(2) == "" {
		// One that polls uses its CPU whole, and what it could send besides is not to be seen there.
		fmt.Fprintf(d.o.Out, "%-5s %-15s        not told: the generator polls\n", d.d.Driver, "headroom")
		return
	}
	d.add(result.CertificateCheck{Name: "headroom", Value: used, Limit: headroomLimit, Unit: "share", Detail: fmt.Sprintf(
		"the generator used %.0f %% of its CPU at %d requests/s, limit %.0f %%", 100*used, probePerSec, 100*headroomLimit)})
}

// probe asks a client that shares no code with the generator.
func (d *driver) probe(ctx context.Context) {
	const name = "probe"
	var seen *hdr.Histogram
	t := d.trial("null", Default(), probePerSec)
	t.Load.Busy = d.busy(2)
	t.During = func(b *child.Broker) (err error) {
		seen, err = roundTrips(b.Ready.Listen, d.o.Placement.Generator, time.Now().Add(d.o.Measure*4/5))
		return err
	}
	out, err := trial.Run(ctx, t)
	if err != nil {
		d.notRun(name, err)
		return
	}
	checks, few := agreement(seen, out.Service)
	for _, k := range checks {
		d.add(k)
	}
	if few != "" {
		fmt.Fprintf(d.o.Out, "%-5s %-15s        not told: %s\n", d.d.Driver, name+"-p99", few)
	}
}

// agreement holds the generator's service times against the probe's. few says why
// p99 is not among the checks: a percentile of too few round trips is their maximum.
func agreement(seen, own *hdr.Histogram) (checks []result.CertificateCheck, few string) {
	for _, x := range []struct {
		name       string
		percentile float64
	}{{"probe", 50}, {"probe-p99", 99}} {
		if n, need := seen.TotalCount(), stats.MinSamples(x.percentile); n < need {
			why := fmt.Sprintf("%d round trips, p%.0f needs %d", n, x.percentile, need)
			if x.percentile == 50 {
				return []result.CertificateCheck{{Name: x.name, NotRun: why}}, why
			}
			return checks, why
		}
		a, b := float64(seen.ValueAtPercentile(x.percentile)), float64(own.ValueAtPercentile(x.percentile))
		of := factor(a, b)
		if math.Abs(a-b) <= probeSpareNs {
			of = 1
		}
		checks = append(checks, result.CertificateCheck{Name: x.name, Value: of, Limit: probeRuns, Unit: "times", Detail: fmt.Sprintf(
			"p%.0f of %d round trips of the probe %v, of the generator's requests %v, limit %.2f times or %v",
			x.percentile, seen.TotalCount(), short(a), short(b), probeRuns, time.Duration(probeSpareNs))})
	}
	return checks, ""
}

func short(ns float64) string { return figure.Duration(ns) }

// curve is a distribution as the certificate keeps it.
func curve(h *hdr.Histogram) result.CertificateCurve {
	out := result.CertificateCurve{Requests: h.TotalCount()}
	for _, q := range figure.Quantiles(h, 99.9) {
		out.Points = append(out.Points, result.CertificateQuantile{Percentile: q.Percentile, Ns: q.Ns})
	}
	return out
}
