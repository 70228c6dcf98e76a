package theory

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// golden is testdata/golden.json, which golden.py wrote.
type golden struct {
	MD1 []struct{ Rho, P, Wait float64 } `json:"md1"`
	USL []struct {
		Name               string
		Relative           bool
		N, X               []float64
		Rate, Sigma, Kappa float64
	} `json:"usl"`
}

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// near reports whether got is want to a relative error.
func near(got, want, within float64) bool {
	return math.Abs(got-want) <= within*math.Abs(want)
}

// TestMD1Golden: quantiles of the wait before fixed services are those of Erlang's
// own series at 200 digits, to all digits that a float has to spare.
func TestMD1Golden(t *testing.T) {
	g := readGolden(t)
	if len(g.MD1) != 24 {
		t.Fatalf("%d quantiles in testdata/golden.json, want 24", len(g.MD1))
	}
	for _, c := range g.MD1 {
		if got := MD1Quantile(c.Rho, c.P) - 1; math.Abs(got-c.Wait) > 1e-9*(1+c.Wait) {
			t.Errorf("load %v, p = %v: wait %.12f, want %.12f", c.Rho, c.P, got, c.Wait)
		}
	}
	// P(wait = 0) is 1-rho; up to one service time it grows as e^(rho t).
	for _, rho := range []float64{0.3, 0.8} {
		for _, at := range []float64{0, 0.5, 0.999} {
			if got, want := MD1WaitWithin(rho, at), (1-rho)*math.Exp(rho*at); math.Abs(got-want) > 1e-12 {
				t.Errorf("load %v: P(wait <= %v) = %v, want %v", rho, at, got, want)
			}
		}
	}
}

// TestPublished: worked values from textbooks.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want float64
		within    float64 // relative, what the printed digits leave
	}{
		// Bronson, Operations Research (1982), 23.14: 30 an hour, 1.5 minutes each.
		{"Bronson 23.14, wait in minutes", 1.5 * MeanWait(0.75, 1), 4.5, 1e-12},
		{"Bronson 23.14, number waiting", 0.75 * MeanWait(0.75, 1), 2.25, 1e-12},
		// 24.6: three servers, 300 a year, two days each.
		{"Bronson 24.6, wait in days", 2 * MMkMeanWait(3, 300.0/(3*182.5)), 0.43, 0.005},
		{"Bronson 24.6, number waiting", 300 / 182.5 * MMkMeanWait(3, 300.0/(3*182.5)), 0.352, 0.002},
		{"Bronson 24.6, days in all", 2 * (1 + MMkMeanWait(3, 300.0/(3*182.5))), 2.429, 0.001},
		// Gross and Harris, Fundamentals of Queueing Theory, the eye clinic: three
		// doctors, six patients an hour, 20 minutes each.
		{"the eye clinic, number waiting", 2 * MMkMeanWait(3, 2.0/3), 8.0 / 9, 1e-12},
		{"the eye clinic, minutes in all", 20 * (1 + MMkMeanWait(3, 2.0/3)), 28.9, 0.001},
		// By hand.
		{"Erlang C of two servers at a half", ErlangC(2, 0.5), 1.0 / 3, 1e-12},
		{"Erlang C of one server", ErlangC(1, 0.7), 0.7, 1e-12},
		{"Erlang B of ten lines and five erlangs", ErlangB(10, 5), 0.018385, 1e-4},
		{"mean wait of fixed service is half that of exponential", MeanWait(0.8, 0) / MeanWait(0.8, 1), 0.5, 1e-12},
		// M/M/k where wait and service have the same rate, and next to it.
		{"sum of equal rates", MMkWithin(2, 0.5, 1.5), MMkWithin(2, 0.5+1e-8, 1.5), 1e-7},
	} {
		if !near(c.got, c.want, c.within) {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

// TestDistributions: each distribution is one, its quantile turns it round, and
// its mean is that of the formula for means, which is another.
func TestDistributions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho := rapid.Float64Range(0.01, 0.97).Draw(t, "rho")
		k := rapid.IntRange(1, 40).Draw(t, "servers")
		p := rapid.Float64Range(0.001, 0.999).Draw(t, "p")
		fixed := newMD1(rho)
		for name, d := range map[string]struct {
			within   func(float64) float64
			quantile func(p float64) float64
			mean     float64
		}{
			"M/M/k": {func(x float64) float64 { return MMkWithin(k, rho, x) }, func(p float64) float64 { return MMkQuantile(k, rho, p) }, 1 + MMkMeanWait(k, rho)},
			"M/M/1": {func(x float64) float64 { return MMkWithin(1, rho, x) }, func(p float64) float64 { return MM1Quantile(rho, p) }, 1 + MeanWait(rho, 1)},
			"M/D/1": {func(x float64) float64 { return fixed.waitWithin(x - 1) }, func(p float64) float64 { return MD1Quantile(rho, p) }, 1 + MeanWait(rho, 0)},
		} {
			at := d.quantile(p)
			if got := d.within(at); got < p-1e-9 {
				t.Errorf("%s of %d at load %v: P(<= q(%v)) = %v", name, k, rho, p, got)
			}
			if got := d.within(at * (1 - 1e-6)); got > p+1e-9 {
				t.Errorf("%s of %d at load %v: less than q(%v) reaches %v", name, k, rho, p, got)
			}
			// The integral of the tail, to where nothing is left of it.
			end, sum, last := d.quantile(1-1e-9), 0.0, 0.0
			const steps = 5000
			for i := range steps {
				v := d.within((float64(i) + 0.5) / steps * end)
				if v < last-1e-9 || v > 1+1e-12 {
					t.Fatalf("%s of %d at load %v is no distribution: %v after %v", name, k, rho, v, last)
				}
				last = v
				sum += (1 - v) / steps * end
			}
			if !near(sum, d.mean, 5e-3) {
				t.Errorf("%s of %d at load %v: the tail's integral is %v, the mean %v", name, k, rho, sum, d.mean)
			}
		}
	})
}
