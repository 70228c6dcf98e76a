package coverage

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

const seed = 1

// TestPromises is the self-test at reduced size.
func TestPromises(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 100
	}
	for _, q := range []Queue{{Rho: 0.5}, {Rho: 0.7, Fixed: true}} {
		o, err := Run(context.Background(), q, q.Window(), n, seed, Hosts)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range o.Problems() {
			t.Errorf("seed %d: %s", seed, p)
		}
		if drift := o.Rows[4*3+2]; drift.Unpaired >= drift.FoundCI/2 {
			t.Errorf("seed %d: %v: wrong pairs found %d, right ones %d: pairing shows nothing", seed, q, drift.Unpaired, drift.FoundCI)
		}
		if o.Family.Textbook > n*3/4 && !q.Fixed {
			t.Errorf("seed %d: %v: the textbook interval held %d of %d: requests look independent", seed, q, o.Family.Textbook, n)
		}
		if o.Family.Within <= o.Family.Textbook {
			t.Errorf("seed %d: %v: the bootstrap held %d of %d, the textbook interval %d", seed, q, o.Family.Within, n, o.Family.Textbook)
		}
	}
}

// TestProblemsAreSeen turns every promise into a lie.
func TestProblemsAreSeen(t *testing.T) {
	row := Row{Host: Hosts[0], Blocks: 6, Tally: Tally{Experiments: 1000, Level: 0.96875, Covered: 969, FalseCI: 31, Found: 900}}
	family := Family{Experiments: 1000, Band: 990}
	good := Outcome{Rows: []Row{row}, Family: family}
	if p := good.Problems(); len(p) != 0 {
		t.Fatalf("all is as promised, yet %v", p)
	}
	for want, lie := range map[string]func(*Tally, *Family){
		"covered 91.0":      func(r *Tally, _ *Family) { r.Covered = 910 },
		"covered 100.0":     func(r *Tally, _ *Family) { r.Covered = 1000 },
		"A/A interval":      func(r *Tally, _ *Family) { r.FalseCI = 60 },
		"A/A called":        func(r *Tally, _ *Family) { r.FalseCall = 80 },
		"equality reported": func(r *Tally, _ *Family) { r.Equal = 80 },
		"shift band":        func(_ *Tally, f *Family) { f.Band = 900 },
		"Holm family":       func(_ *Tally, f *Family) { f.Holm = 90 },
	} {
		r, f := row, family
		lie(&r.Tally, &f)
		p := Outcome{Rows: []Row{r}, Family: f}.Problems()
		if len(p) != 1 || !strings.Contains(p[0], want) {
			t.Errorf("want %q, got %q", want, p)
		}
	}
	long := row
	long.Blocks = Blocks
	if p := (Outcome{Rows: []Row{long}, Family: family}).Problems(); len(p) != 1 || !strings.Contains(p[0], "found 90.0") {
		t.Errorf("twelve blocks that find nine in ten: %v", p)
	}
	bad := row
	bad.Host, bad.Covered = Hosts[len(Hosts)-1], 0
	if p := (Outcome{Rows: []Row{bad}, Family: family}).Problems(); len(p) != 0 {
		t.Errorf("a host that breaks the assumption: %v", p)
	}
}

// TestQuantiles holds the formulas against long simulations.
func TestQuantiles(t *testing.T) {
	h := hdr.New(1, 60e9, 3)
	gaps := make([]float64, 2_000_000)
	for _, q := range []Queue{{Rho: 0.5}, {Rho: 0.7}, {Rho: 0.5, Fixed: true}, {Rho: 0.7, Fixed: true}} {
		random := rand.New(rand.NewPCG(seed, 7))
		for i := range gaps {
			gaps[i] = random.ExpFloat64() / q.Rho
		}
		for _, slow := range []float64{1, Slower} {
			h.Reset()
			q.serve(gaps, slow, random, func(i int, ns int64) {
				if i > len(gaps)/11 {
					record(h, ns)
				}
			})
			for _, p := range []float64{0.6, 0.9, 0.99} {
				got, want := float64(h.ValueAtPercentile(100*p))/serviceNs, q.Quantile(slow, p)
				if math.Abs(got/want-1) > 0.05 {
					t.Errorf("%v, %v times as slow, %v-quantile: simulated %v, formula %v", q, slow, p, got, want)
				}
			}
		}
	}
	for _, c := range []struct {
		q    Queue
		p    float64
		want bool
	}{{Queue{Rho: 0.7, Fixed: true}, 50, true}, {Queue{Rho: 0.7, Fixed: true}, 99, false}, {Queue{Rho: 0.7}, 50, false}} {
		if got := c.q.Jump(Slower, c.p); got != c.want {
			t.Errorf("%v p%v: on a jump %v, want %v", c.q, c.p, got, c.want)
		}
	}
}

// TestReplay: the outcome is a function of the seed alone.
func TestReplay(t *testing.T) {
	print := func(seed uint64) string {
		o, err := Run(context.Background(), Queue{Rho: 0.3}, 500, 20, seed, Hosts[:2])
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := o.Print(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if first := print(3); first != print(3) {
		t.Error("two runs of one seed differ")
	} else if first == print(4) {
		t.Error("the seed changes nothing")
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		q           Queue
		requests, n int
	}{{Queue{Rho: 0.5}, 367, 10}, {Queue{Rho: 0.5}, 500, 0}, {Queue{Rho: 0.5}, 500, MaxExperiments + 1}, {Queue{Rho: 0.9}, 500, 10}, {Queue{}, 500, 10}} {
		if _, err := Run(context.Background(), c.q, c.requests, c.n, seed, Hosts); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ended, Queue{Rho: 0.5}, 500, 10, seed, Hosts); err == nil {
		t.Error("an ended context was ignored")
	}
}
