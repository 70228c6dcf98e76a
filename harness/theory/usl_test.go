package theory

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestUSLGolden: the fits are SciPy's.
func TestUSLGolden(t *testing.T) {
	g := readGolden(t)
	if len(g.USL) != 8 {
		t.Fatalf("%d fits in testdata/golden.json, want 8", len(g.USL))
	}
	for _, c := range g.USL {
		d := Absolute
		if c.Relative {
			d = Relative
		}
		u, err := FitUSL(c.N, c.X, d)
		if err != nil || !near(u.PerSec, c.Rate, 1e-6) || !near(u.Contention, c.Sigma, 1e-5) || !near(u.Coherency, c.Kappa, 1e-5) {
			t.Errorf("%s, relative %v: %+v (%v), want %v, %v, %v", c.Name, c.Relative, u, err, c.Rate, c.Sigma, c.Kappa)
		}
	}
}

// TestUSLPublished: Cisco's benchmark as Schwartz fits it (Practical Scalability
// Analysis with the Universal Scalability Law, 2015), to the digits that he prints.
func TestUSLPublished(t *testing.T) {
	g := readGolden(t)
	u, err := FitUSL(g.USL[0].N, g.USL[0].X, Absolute)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"lambda", u.PerSec, 995.6486},
		{"sigma", u.Contention, 0.02671591},
		{"kappa", u.Coherency, 7.690945e-4},
		{"throughput at 20", u.At(20), 11063.63},
		{"throughput at the peak", u.At(math.Floor(u.Peak())), 12341},
	} {
		if !near(c.got, c.want, 2e-4) {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
	if math.Floor(u.Peak()) != 35 {
		t.Errorf("peak at %v, want 35", u.Peak())
	}
}

// TestUSLExact: points on a law give the law back, on its bounds too.
func TestUSLExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := USL{
			PerSec:     math.Exp(rapid.Float64Range(0, 14).Draw(t, "log rate")),
			Contention: rapid.SampledFrom([]float64{0, 0.001, 0.05, 0.3, 0.9}).Draw(t, "contention"),
			Coherency:  rapid.SampledFrom([]float64{0, 1e-5, 1e-3, 0.05}).Draw(t, "coherency"),
		}
		var n, x []float64
		for _, v := range []float64{1, 2, 4, 8, 16, 32, 64, 128} {
			n, x = append(n, v), append(x, want.At(v))
		}
		u, err := FitUSL(n, x, rapid.SampledFrom([]Distance{Absolute, Relative}).Draw(t, "distance"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if !near(u.At(n[i]), x[i], 1e-6) {
				t.Errorf("%+v gives %v at %v, want %v of %+v", u, u.At(n[i]), n[i], x[i], want)
			}
		}
		if math.Abs(u.Contention-want.Contention) > 1e-5 || math.Abs(u.Coherency-want.Coherency) > 1e-6 {
			t.Errorf("%+v, want %+v", u, want)
		}
	})
}

// TestUSLBounds: of points about a straight line, whose free fit is as often below
// 0 as above, no coefficient is below 0, and no other law in bounds is nearer.
func TestUSLBounds(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		var n, x []float64
		for _, v := range []float64{1, 2, 4, 8, 16, 32} {
			n, x = append(n, v), append(x, 1000*v*math.Exp(0.1*random.NormFloat64()))
		}
		d := Distance(seed % 2)
		u, err := FitUSL(n, x, d)
		if err != nil || u.Contention < 0 || u.Coherency < 0 {
			t.Fatalf("seed %d: %+v, %v", seed, u, err)
		}
		sum := func(u USL) float64 { return squares([3]float64{u.PerSec, u.Contention, u.Coherency}, n, x, d) }
		least := sum(u)
		for range 200 {
			other := u
			other.PerSec *= math.Exp(0.05 * random.NormFloat64())
			other.Contention = math.Abs(u.Contention + 0.01*random.NormFloat64())
			other.Coherency = math.Abs(u.Coherency + 0.001*random.NormFloat64())
			if sum(other) < least*(1-1e-9) {
				t.Fatalf("seed %d: %+v is nearer than %+v", seed, other, u)
			}
		}
	}
}

func TestUSLRefuses(t *testing.T) {
	n := []float64{1, 2, 4, 8, 16, 16, 16}
	if _, err := FitUSL(n, n, Absolute); err == nil || !strings.Contains(err.Error(), "5 values of concurrency, want 6") {
		t.Errorf("five values: %v", err)
	}
	n = []float64{1, 2, 4, 8, 16, 32}
	if _, err := FitUSL(n, []float64{0, 0, 0, 0, 0, 0}, Relative); err == nil {
		t.Error("a throughput of 0 was fitted")
	}
	if peak := (USL{PerSec: 1, Contention: 0.5}).Peak(); !math.IsInf(peak, 1) {
		t.Errorf("without coherency the peak is at %v", peak)
	}
}
