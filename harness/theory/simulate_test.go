package theory

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/models/busywork"
)

const seed = 1

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// simulated is the response times of n requests after a warm-up, in order of size.
func simulated(s Station, n int) []float64 {
	var out []float64
	s.Simulate(n+n/10, source(seed), func(i int, ns float64) {
		if i >= n/10 {
			out = append(out, ns)
		}
	})
	slices.Sort(out)
	return out
}

// at is a station whose servers have a load.
func at(load float64, s Station) Station {
	s.PerSec = load * float64(s.Servers) * 1e9 / s.Mean()
	return s
}

// TestFormulasAgainstSimulation: whatever has a closed form comes out of the
// simulation too, quantiles and means.
func TestFormulasAgainstSimulation(t *testing.T) {
	fixed := Service{BaseNs: 30e3, MeanNs: 70e3}
	exponential := Service{Law: busywork.Exponential, MeanNs: 100e3}
	bimodal := Service{BaseNs: 20e3, Law: busywork.Bimodal, MeanNs: 80e3}
	shifted := Service{BaseNs: 50e3, Law: busywork.Exponential, MeanNs: 50e3}
	for _, c := range []struct {
		name      string
		s         Station
		quantiles bool
	}{
		{"M/M/1 0.3", at(0.3, Station{Service: exponential, Servers: 1}), true},
		{"M/M/1 0.8", at(0.8, Station{Service: exponential, Servers: 1, Shared: true}), true},
		{"M/D/1 0.5", at(0.5, Station{Service: fixed, Servers: 1}), true},
		{"M/D/1 0.8", at(0.8, Station{Service: fixed, Servers: 1}), true},
		{"M/M/4 0.8", at(0.8, Station{Service: exponential, Servers: 4, Shared: true}), true},
		{"M/M/8 0.5", at(0.5, Station{Service: exponential, Servers: 8, Shared: true}), true},
		{"4 x M/M/1 0.7", at(0.7, Station{Service: exponential, Servers: 4}), true},
		{"3 x M/D/1 0.7", at(0.7, Station{Service: fixed, Servers: 3}), true},
		{"bimodal 0.6", at(0.6, Station{Service: bimodal, Servers: 1}), false},
		{"2 x bimodal 0.6", at(0.6, Station{Service: bimodal, Servers: 2}), false},
		{"base and exponential 0.7", at(0.7, Station{Service: shifted, Servers: 1}), false},
	} {
		got := simulated(c.s, 1_000_000)
		want, ok := c.s.MeanResponse()
		if !ok || !near(stat.Mean(got, nil), want, 0.03) {
			t.Errorf("seed %d: %s: mean %.0f, formula %.0f (%v)", seed, c.name, stat.Mean(got, nil), want, ok)
		}
		for _, p := range []float64{0.25, 0.5, 0.9, 0.99} {
			want, ok := c.s.Exact(p)
			if ok != c.quantiles {
				t.Errorf("%s: closed form %v, want %v", c.name, ok, c.quantiles)
			}
			if q := got[int(p*float64(len(got)))]; ok && !near(q, want, 0.04) {
				t.Errorf("seed %d: %s: simulated %v-quantile %.0f, formula %.0f", seed, c.name, p, q, want)
			}
		}
	}
}

// TestSharedIsShorter: at one load, one queue before all servers waits less than
// a queue for each, and that with connections that are muted no less.
func TestSharedIsShorter(t *testing.T) {
	s := at(0.7, Station{Service: Service{Law: busywork.Bimodal, MeanNs: 100e3}, Servers: 4})
	apart := stat.Mean(simulated(s, 200_000), nil)
	s.Shared = true
	shared := stat.Mean(simulated(s, 200_000), nil)
	s.Connections, s.Limit = 8, 1
	muted := stat.Mean(simulated(s, 200_000), nil)
	if shared >= 0.8*apart || muted <= 1.02*shared {
		t.Errorf("seed %d: mean response %.0f with a queue each, %.0f with one, %.0f with one and 8 muted connections", seed, apart, shared, muted)
	}
}

// TestSimulationByHand: what the simulation does is what the recursions say that
// know only their own case, request by request.
func TestSimulationByHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := at(rapid.Float64Range(0.1, 1.3).Draw(t, "load"), Station{
			Service: Service{BaseNs: 10e3, Law: busywork.Law(rapid.IntRange(0, 2).Draw(t, "law")), MeanNs: 50e3},
			Servers: rapid.IntRange(1, 5).Draw(t, "servers"), Shared: rapid.Bool().Draw(t, "shared"),
		})
		const n = 500
		seed := rapid.Uint64().Draw(t, "seed")
		plan := newSimulation(&s, n, source(seed))
		// Kiefer and Wolfowitz: each queue's servers by when they are free.
		free := make([][]float64, len(plan.queues))
		for q := range free {
			free[q] = make([]float64, plan.idle[q])
		}
		s.Simulate(n, source(seed), func(i int, ns float64) {
			f := free[plan.home[i]]
			slices.Sort(f)
			f[0] = max(f[0], plan.arrival[i]) + plan.service[i]
			if want := f[0] - plan.arrival[i]; math.Abs(ns-want) > 1e-3 {
				t.Fatalf("request %d takes %.3f, want %.3f", i, ns, want)
			}
		})
		if s.Servers > 1 {
			return
		}
		gaps := make([]float64, n)
		for i := range n - 1 {
			gaps[i] = plan.arrival[i+1] - plan.arrival[i]
		}
		next := 0
		var want []float64
		Lindley(0, gaps, func() float64 { next++; return plan.service[next-1] }, func(_ int, response float64) { want = append(want, response) })
		s.Simulate(n, source(seed), func(i int, ns float64) {
			if math.Abs(ns-want[i]) > 1e-3 {
				t.Fatalf("request %d takes %.3f, by Lindley %.3f", i, ns, want[i])
			}
		})
	})
}

// TestRounds: a server takes what has arrived when it begins, then what has come
// meanwhile, and answers all of it at the end, where the next round begins.
func TestRounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := at(rapid.Float64Range(0.1, 1.2).Draw(t, "load"), Station{
			Service: Service{BaseNs: 10e3, Law: busywork.Law(rapid.IntRange(0, 2).Draw(t, "law")), MeanNs: 50e3},
			Servers: rapid.IntRange(1, 4).Draw(t, "servers"), Rounds: true, RoundNs: rapid.SampledFrom([]float64{0, 30e3, 200e3}).Draw(t, "round"),
		})
		const n = 400
		seed := rapid.Uint64().Draw(t, "seed")
		plan := newSimulation(&s, n, source(seed))
		want := make([]float64, n)
		for q := range s.Servers {
			var own []int
			for i, home := range plan.home {
				if home == q {
					own = append(own, i)
				}
			}
			for end := 0.0; len(own) > 0; {
				end = max(end, plan.arrival[own[0]])
				k, due := 0, math.Inf(1)
				for part := range 2 {
					if s.RoundNs > 0 && (part == 0 || end >= due) {
						due = end + s.RoundNs
					}
					for by := end; k < len(own) && plan.arrival[own[k]] <= by && (end < due || part+k == 0); k++ {
						end += plan.service[own[k]]
					}
				}
				for _, i := range own[:k] {
					want[i] = end - plan.arrival[i]
				}
				own = own[k:]
			}
		}
		s.Simulate(n, source(seed), func(i int, ns float64) {
			if math.Abs(ns-want[i]) > 1e-3 {
				t.Fatalf("request %d takes %.3f, want %.3f", i, ns, want[i])
			}
		})
		if ns, ok := s.Exact(0.5); ok {
			t.Fatalf("rounds have a closed form: %v", ns)
		}
	})
}

// TestConnections: a connection has no more requests inside than its limit, its
// answers keep their order, and one connection of one request is one server.
func TestConnections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := at(rapid.Float64Range(0.1, 1.1).Draw(t, "load"), Station{
			Service: Service{Law: busywork.Law(rapid.IntRange(0, 2).Draw(t, "law")), MeanNs: 50e3},
			Servers: rapid.IntRange(1, 4).Draw(t, "servers"), Shared: rapid.Bool().Draw(t, "shared"),
			Connections: rapid.IntRange(1, 6).Draw(t, "connections"), Limit: rapid.IntRange(1, 3).Draw(t, "limit"),
		})
		const n = 300
		seed := rapid.Uint64().Draw(t, "seed")
		plan, ran := newSimulation(&s, n, source(seed)), newSimulation(&s, n, source(seed))
		ran.run()
		type span struct{ from, to float64 }
		served := map[int][]span{}
		for i, end := range ran.end {
			c := ran.connection[i]
			served[c] = append(served[c], span{end - ran.service[i], end})
			if end-ran.service[i] < ran.arrival[i]-1e-3 {
				t.Fatalf("request %d is served before it arrives", i)
			}
		}
		for c, spans := range served {
			for _, a := range spans {
				at := 0
				for _, b := range spans {
					if b.from <= a.from && a.from < b.to-1e-3 {
						at++
					}
				}
				if at > s.Limit {
					t.Fatalf("connection %d: %d requests in service at once, limit %d", c, at, s.Limit)
				}
			}
		}
		last := map[int]float64{}
		wait := 0.0 // until the one server of one muted connection is free
		s.Simulate(n, source(seed), func(i int, ns float64) {
			c, end := plan.connection[i], plan.arrival[i]+ns
			if end < last[c]-1e-3 {
				t.Fatalf("request %d is answered before one that came before it", i)
			}
			last[c] = end
			if s.Connections > 1 || s.Limit > 1 {
				return
			}
			wait = max(wait, plan.arrival[i]) + plan.service[i]
			if math.Abs(end-wait) > 1e-3 {
				t.Fatalf("one connection, one request: %d is answered at %.3f, want %.3f", i, end, wait)
			}
		})
	})
}

// TestOverload: above its capacity a station has no quantiles, and the simulation
// grows with its length.
func TestOverload(t *testing.T) {
	s := at(1.2, Station{Service: Service{Law: busywork.Exponential, MeanNs: 1e5}, Servers: 1})
	if ns, ok := s.Exact(0.5); ok {
		t.Errorf("at load %v the median is %v", s.Load(), ns)
	}
	if ns, ok := s.MeanResponse(); ok {
		t.Errorf("at load %v the mean is %v", s.Load(), ns)
	}
	if short, long := stat.Mean(simulated(s, 10_000), nil), stat.Mean(simulated(s, 40_000), nil); long < 3*short {
		t.Errorf("seed %d: mean %.0f over 10,000 requests, %.0f over four times as many", seed, short, long)
	}
}

// TestService: means and variations are those of the draws.
func TestService(t *testing.T) {
	for _, s := range []Service{
		{BaseNs: 20, Law: busywork.Fixed, MeanNs: 80},
		{BaseNs: 20, Law: busywork.Exponential, MeanNs: 80},
		{BaseNs: 20, Law: busywork.Bimodal, MeanNs: 80},
		{BaseNs: 100},
	} {
		random := source(seed)
		sum, squares := 0.0, 0.0
		const n = 400_000
		for range n {
			v := s.Draw(random)
			sum, squares = sum+v, squares+v*v
		}
		m := sum / n
		if v := squares/n/(m*m) - 1; !near(m, s.Mean(), 0.01) || math.Abs(v-s.Variation()) > 0.02 {
			t.Errorf("%+v: mean %.2f, variation %.4f of draws, want %.2f and %.4f", s, m, v, s.Mean(), s.Variation())
		}
	}
}
