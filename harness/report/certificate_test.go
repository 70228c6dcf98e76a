package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
)

// certified is a certificate whose null broker does nullPerSec.
func certified(nullPerSec float64, slipOK bool) *result.Certificate {
	curve := result.CertificateCurve{Requests: 1000, Points: []result.CertificateQuantile{{Percentile: 0, Ns: 100}, {Percentile: 50, Ns: 1000}, {Percentile: 99, Ns: 9000}}}
	return &result.Certificate{
		Schema: result.CertificateSchema, HostClass: "C", Valid: slipOK, Drivers: []result.DriverCertificate{{
			Driver: "raw", NullPerSec: map[string]float64{"1k": nullPerSec}, Slip: curve, Floor: curve,
			Checks: []result.CertificateCheck{{Name: "slip", OK: slipOK, Value: 9000, Limit: 10000, Unit: "ns", Detail: "slip <detail>"}},
		}},
	}
}

// TestCertificate: a failing certificate marks the result, and a point at which
// an arm does more than a third of what the null broker does is marked.
func TestCertificate(t *testing.T) {
	for name, c := range map[string]struct {
		certificate *result.Certificate
		bound       []string // loads
		note        string
	}{
		"good":   {certified(1e6, true), nil, ""},
		"failed": {certified(1e6, false), nil, "certificate failed (raw: slip)"},
		"bound":  {certified(25000, true), []string{"20000"}, "generator-bound"},
	} {
		t.Run(name, func(t *testing.T) {
			w := even(2)
			dir := w.make(t)
			if err := result.WriteJSON(result.CertificatePath(dir), c.certificate); err != nil {
				t.Fatal(err)
			}
			_, a := build(t, dir)
			notes := strings.Join(a.Notes, "\n")
			if c.note == "" && strings.Contains(notes, "ertificate") || !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
			a.each(func(g *Group, p *Point) {
				want := false
				for _, load := range c.bound {
					want = want || p.Load == load
				}
				if got := len(p.GeneratorBound) > 0; got != want {
					t.Errorf("%s %s: bound %v, want %v", g.Durability, p.Load, p.GeneratorBound, want)
				}
			})
			page, err := os.ReadFile(filepath.Join(dir, "report.html"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(page), "slip &lt;detail&gt;") {
				t.Error("the page does not show the check")
			}
			if _, err := os.Stat(filepath.Join(dir, "figures", "certificate-slip.svg")); err != nil {
				t.Error(err)
			}
			if err := Verify(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCertificateCarries: its curves end where those of brokers do.
func TestCertificateCarries(t *testing.T) {
	for _, c := range []struct {
		class    host.Class
		requests int64
		last     string
	}{{"C", 100000, "99"}, {"A", 100000, "99.9"}, {"A", 1000, "99"}, {"C", 40, "90"}} {
		x := certified(1e6, true)
		x.HostClass = c.class
		curve := result.CertificateCurve{Requests: c.requests}
		for _, p := range []float64{0, 50, 90, 99, 99.9} {
			curve.Points = append(curve.Points, result.CertificateQuantile{Percentile: p, Ns: 1000 + p})
		}
		x.Drivers[0].Slip, x.Drivers[0].Floor = curve, curve
		for _, f := range CertificateFigures(x, "") {
			rows := strings.Split(strings.TrimSpace(string(f.CSV)), "\n")
			if got := strings.Split(rows[len(rows)-1], ",")[4]; got != c.last {
				t.Errorf("%s of %d requests on class %s goes on to p%s, want p%s", f.Name, c.requests, c.class, got, c.last)
			}
		}
	}
	x := certified(1e6, true)
	x.Drivers[0].Slip.Requests = 1
	if n := len(CertificateFigures(x, "")); n != 1 {
		t.Errorf("%d figures, want the floor alone: one request carries nothing", n)
	}
}
