package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// certify enters the run's certificate: what it says of the driver, and which
// points are too fast for it.
func (a *Analysis) certify(r *result.Run) error {
	c, err := r.Certificate()
	if c == nil || err != nil {
		return err
	}
	a.Certificate = c
	if failed := c.Failed(); len(failed) > 0 {
		a.Notes = append(a.Notes, "The load generator's certificate failed ("+strings.Join(failed, ", ")+
			"): what it says of brokers is to be read with that in mind. See the load generator's part below.")
	}
	d := c.Driver(a.Driver)
	if d == nil {
		return nil
	}
	for i := range a.Groups {
		g := &a.Groups[i]
		null, ok := d.NullPerSec[g.Workload]
		for k := range g.Points {
			p := &g.Points[k]
			for _, arm := range p.Arms {
				v, known := arm.Achieved.Get()
				if ok && known && !arm.Replicate && v*result.BoundFactor > null && !a.isNull(arm.Arm) {
					p.GeneratorBound = append(p.GeneratorBound, arm.Arm)
				}
			}
			if len(p.GeneratorBound) > 0 {
				a.Notes = append(a.Notes, fmt.Sprintf("%s, durability %s, %s: generator-bound. %s did more than a third of the %s requests/s that the null broker does, so the generator is part of what was measured.",
					g.Workload, g.Durability, p.Load, strings.Join(p.GeneratorBound, ", "), figure.Count(null)))
			}
		}
	}
	return nil
}

// isNull reports whether an arm is the null broker itself.
func (a *Analysis) isNull(arm string) bool {
	return slices.ContainsFunc(a.Arms, func(x ArmName) bool { return x.Name == arm && x.Model == "null" })
}

// CertificateFigures draws what the drivers' certificates rest on; hash is the
// result's, "" outside of one.
func CertificateFigures(c *result.Certificate, hash string) []*figure.Figure {
	const bare = "only waits"
	var arms []figure.Arm
	for _, d := range c.Drivers {
		arms = append(arms, figure.Arm{Name: d.Driver})
	}
	arms = append(arms, figure.Arm{Name: bare})
	pal := figure.NewPalette(arms)
	footer := fmt.Sprintf("host class %s · null broker, durability process", c.HostClass)
	if hash != "" {
		footer += " · result " + hash
	}
	var out []*figure.Figure
	for _, x := range []struct {
		name, title, quantity, caption string
		of                             func(*result.DriverCertificate) result.CertificateCurve
	}{
		{
			"certificate-slip", "How late the generator is at 50,000 requests a second", "slip",
			"The moment a request was sent less the moment it was due, on the null broker. The limit for p99 is 10 µs. " +
				"\"Only waits\" is a thread on the same CPU that looks at the clock and does nothing else: the machine's part.",
			func(d *result.DriverCertificate) result.CertificateCurve { return d.Slip },
		},
		{
			"certificate-floor", "The least this harness measures: the null broker at 1,000 requests a second", "response time",
			"No broker that is reached through this machine's loopback can be shown to be faster.",
			func(d *result.DriverCertificate) result.CertificateCurve { return d.Floor },
		},
	} {
		var curves []figure.Curve
		var y figure.Range
		highest := 0.0
		add := func(name string, from result.CertificateCurve) {
			curve := figure.Curve{Arm: name, Count: from.Requests}
			carried := (stats.Samples{Count: from.Requests, Class: string(c.HostClass)}).Highest()
			for _, q := range from.Points {
				if carried == 0 || q.Percentile > carried {
					break // as in every other figure
				}
				curve.Points = append(curve.Points, figure.Quantile{Percentile: q.Percentile, Ns: q.Ns})
				y.Include(max(q.Ns, leastNs))
				highest = max(highest, q.Percentile)
			}
			if len(curve.Points) > 0 {
				curves = append(curves, curve)
			}
		}
		for i := range c.Drivers {
			add(c.Drivers[i].Driver, x.of(&c.Drivers[i]))
		}
		if x.quantity == "slip" && len(c.Drivers) > 0 {
			add(bare, c.Drivers[0].Bare)
		}
		if len(curves) > 0 {
			out = append(out, figure.Percentiles(figure.Figure{Name: x.name, Title: x.title, Caption: x.caption, Footer: footer}, pal, x.quantity, curves, y.Decimal(), highest))
		}
	}
	return out
}
