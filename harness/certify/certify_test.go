package certify

import (
	"io"
	"math"
	"path/filepath"
	"slices"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// TestNothingRuns: where no load can be offered every check fails and says why,
// the floor's too, and nothing is certified.
func TestNothingRuns(t *testing.T) {
	o := Options{
		Binary: filepath.Join(t.TempDir(), "ceteris"), Drivers: []string{workloads.Raw, workloads.Franz},
		Models: []string{"tpc"}, Measure: time.Millisecond, Out: io.Discard,
	}
	c, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if c.Valid {
		t.Error("certified, though nothing ran")
	}
	for _, d := range c.Drivers {
		names := map[string]bool{}
		for _, k := range d.Checks {
			names[k.Name] = true
			if k.OK || k.NotRun == "" {
				t.Errorf("%s: %+v, want not run", d.Driver, k)
			}
		}
		for _, name := range []string{"generator-bound", "slip", "floor", "clients", "probe", "arrivals"} {
			if !names[name] {
				t.Errorf("%s: %s is not among the checks", d.Driver, name)
			}
		}
	}
	o.Drivers = nil
	if c, err := Run(t.Context(), o); err != nil || c.Valid {
		t.Errorf("no driver is valid: %t, %v", c.Valid, err)
	}
}

func TestArrivalsCheck(t *testing.T) {
	for name, c := range map[string]struct {
		a          load.Arrivals
		ok, notRun bool
	}{
		"exponential": {load.Arrivals{N: 10_000, KS: 0.01, KSCritical: 0.016}, true, false},
		"others":      {load.Arrivals{N: 10_000, KS: 0.05, KSCritical: 0.016}, false, false},
		"none":        {load.Arrivals{}, false, true},
		"not told":    {load.Arrivals{N: 10_000, Law: workloads.Constant}, false, true},
	} {
		d := &driver{o: &Options{Out: io.Discard}}
		d.add(arrivalsCheck(&c.a))
		if k := d.d.Checks[0]; k.OK != c.ok || (k.NotRun != "") != c.notRun {
			t.Errorf("%s: %+v", name, k)
		}
	}
}

// TestAdd: a value at its limit passes, one beyond or one that is no number does not.
func TestAdd(t *testing.T) {
	for _, c := range []struct {
		value   float64
		atLeast bool
		ok      bool
	}{{3, true, true}, {2.9, true, false}, {3, false, true}, {3.1, false, false}, {math.NaN(), false, false}, {math.NaN(), true, false}} {
		d := &driver{o: &Options{Out: io.Discard}}
		d.add(result.CertificateCheck{Value: c.value, Limit: 3, AtLeast: c.atLeast})
		if d.d.Checks[0].OK != c.ok {
			t.Errorf("%v, at least %t: ok %t", c.value, c.atLeast, d.d.Checks[0].OK)
		}
	}
}

// TestAgreement: percentiles are compared where there are enough round trips for
// them, and not told where there are not.
func TestAgreement(t *testing.T) {
	of := func(n int64, ns int64) *hdr.Histogram {
		h := hdr.New(1, int64(time.Minute), 3)
		_ = h.RecordValues(ns, n) // in range
		return h
	}
	for name, c := range map[string]struct {
		seen, own *hdr.Histogram
		ok        []bool
		few       bool
	}{
		"agree":             {of(368, 100_000), of(5000, 110_000), []bool{true, true}, false},
		"differ":            {of(368, 100_000), of(5000, 200_000), []bool{false, false}, false},
		"too few for a p99": {of(367, 100_000), of(5000, 100_000), []bool{true}, true},
		"too few":           {of(5, 100_000), of(5000, 100_000), []bool{false}, true},
		"none":              {of(0, 1), of(5000, 100_000), []bool{false}, true},
	} {
		checks, few := agreement(c.seen, c.own)
		d := &driver{o: &Options{Out: io.Discard}}
		var ok []bool
		for _, k := range checks {
			d.add(k)
		}
		for _, k := range d.d.Checks {
			ok = append(ok, k.OK)
		}
		if !slices.Equal(ok, c.ok) || (few != "") != c.few {
			t.Errorf("%s: %+v, %q", name, d.d.Checks, few)
		}
	}
}
