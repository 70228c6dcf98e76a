package capacity

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// search asks a broker that keeps its promise with probability kept(rate).
func search(from float64, probes int, kept func(rate float64) bool) []Probe {
	var seen []Probe
	for range probes {
		r := Next(from, seen)
		seen = append(seen, Probe{r, kept(r)})
	}
	return seen
}

// A broker with a sharp limit is found within what the probes resolve, from
// wherever the search begins.
func TestSharpLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := math.Exp(rapid.Float64Range(math.Log(50), math.Log(50000)).Draw(t, "limit"))
		from := math.Exp(rapid.Float64Range(math.Log(50), math.Log(50000)).Draw(t, "from"))
		seen := search(from, 20, func(r float64) bool { return r <= limit })
		got, err := Of(seen)
		if err != nil || math.Abs(math.Log(got/limit)) > 0.02 {
			t.Fatalf("limit %v from %v: %v, %v after %v", limit, from, got, err, seen)
		}
	})
}

// A limit that moves about is found in the middle, over blocks.
func TestNoisyLimit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	b := Blocks{}
	for block := range 12 {
		b[block] = search(1000, 8, func(r float64) bool { return r <= 10000*math.Exp(0.05*random.NormFloat64()) })
	}
	v, lo, hi, level := b.Estimate()
	got, _ := v.Get()
	l, _ := lo.Get()
	h, ok := hi.Get()
	if math.Abs(got/10000-1) > 0.05 || !ok || l > 10000 || h < 10000 || level < 0.95 {
		t.Errorf("%v [%v, %v] at %v", got, l, h, level)
	}
}

func TestOneSided(t *testing.T) {
	if _, err := Of(search(100, 5, func(float64) bool { return true })); err == nil || !strings.Contains(err.Error(), "kept up to 1600/s") {
		t.Errorf("never broken: %v", err)
	}
	if _, err := Of(search(100, 3, func(float64) bool { return false })); err == nil || !strings.Contains(err.Error(), "down to 25/s") {
		t.Errorf("never kept: %v", err)
	}
	if _, err := Of(nil); err == nil {
		t.Error("no probe was taken")
	}
	if _, ok := Pooled(Blocks{0: search(100, 3, func(float64) bool { return false })}); ok {
		t.Error("a capacity that no block found")
	}
}

func TestMonotone(t *testing.T) {
	for _, c := range []struct {
		kept string // of rates 1, 2, 3 …: k or b
		want []float64
		at   float64
	}{
		{"kkbb", []float64{1, 1, 0, 0}, math.Sqrt(6)},
		{"kbkb", []float64{1, .5, .5, 0}, math.Sqrt(6)}, // pooled at one half
		{"kbkkb", []float64{1, 2. / 3, 2. / 3, 2. / 3, 0}, math.Sqrt(20)},
		{"kbbkb", []float64{1, 1. / 3, 1. / 3, 1. / 3, 0}, math.Sqrt(2)},
		{"bk", []float64{.5, .5}, math.Sqrt(2)},
	} {
		var seen []Probe
		for i, k := range c.kept {
			seen = append(seen, Probe{float64(i + 1), k == 'k'})
		}
		for i, s := range Monotone(seen) {
			if math.Abs(s.Kept-c.want[i]) > 1e-12 {
				t.Errorf("%s: %+v, want %v", c.kept, Monotone(seen), c.want)
				break
			}
		}
		if got, err := Of(seen); err != nil || math.Abs(got-c.at) > 1e-12 {
			t.Errorf("%s: %v, %v, want %v", c.kept, got, err, c.at)
		}
	}
	if s := Monotone([]Probe{{5, true}, {5, false}, {5, true}}); len(s) != 1 || s[0].N != 3 || math.Abs(s[0].Kept-2./3) > 1e-12 {
		t.Errorf("one rate three times: %+v", s)
	}
}

func TestAnswer(t *testing.T) {
	slo := &workloads.Capacity{P50: time.Millisecond, P99: 5 * time.Millisecond}
	good := func() *result.CellRecord {
		r := &result.CellRecord{LoadPerSec: 100, Load: load.Summary{AchievedRatio: 1}}
		r.Load.Response.P50Ns, r.Load.Response.P99Ns = 1e6, 5e6
		return r
	}
	for _, c := range []struct {
		name       string
		change     func(r *result.CellRecord)
		kept, says bool
	}{
		{"kept", func(*result.CellRecord) {}, true, true},
		{"slow tail", func(r *result.CellRecord) { r.Load.Response.P99Ns++ }, false, true},
		{"slow median", func(r *result.CellRecord) { r.Load.Response.P50Ns++ }, false, true},
		{"fell behind", func(r *result.CellRecord) { r.Load.AchievedRatio = 0.98 }, false, true},
		{"requests failed", func(r *result.CellRecord) { r.Load.Failed, r.Gates = 1, []result.Gate{{Name: "answers"}} }, false, true},
		{"requests beside them failed", func(r *result.CellRecord) { r.Gates = []result.Gate{{Name: "class metadata"}} }, false, true},
		{"stolen time", func(r *result.CellRecord) { r.Gates = []result.Gate{{Name: "steal"}} }, false, false},
		{"advice", func(r *result.CellRecord) { r.Gates = []result.Gate{{Name: "slip", Advisory: true}} }, true, true},
		{"broker died", func(r *result.CellRecord) { r.Error = "exit 1" }, false, false},
	} {
		r := good()
		c.change(r)
		if p, says := Answer(slo, r); says != c.says || p.Kept != c.kept {
			t.Errorf("%s: %+v, %v", c.name, p, says)
		}
	}
}

// TestIntervalHoldsTheCapacity: blocks that are asked for the same rates answer alike
// where the machine is quiet, and know no more for it than one of them does.
func TestIntervalHoldsTheCapacity(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, noise := range []float64{0, 0.002, 0.01, 0.05} {
		const searches = 200
		held := 0
		for range searches {
			limit := 10000 * math.Exp(math.Ln2*random.Float64())
			b := Blocks{}
			for block := range 6 {
				b[block] = search(2000, 8, func(r float64) bool { return r <= limit*math.Exp(noise*random.NormFloat64()) })
			}
			_, lo, hi, _ := b.Estimate()
			l, _ := lo.Get()
			if h, ok := hi.Get(); ok && l <= limit && limit <= h {
				held++
			}
		}
		if held < searches*93/100 {
			t.Errorf("noise %v: %d of %d intervals at 96.9 %% hold the capacity", noise, held, searches)
		}
	}
}

// TestBlocksWithoutACapacity: a block that no rate was too much for counts as beyond
// them; leaving it out would choose the weak ones.
func TestBlocksWithoutACapacity(t *testing.T) {
	b := Blocks{}
	for block := range 8 {
		limit := 10000.0
		if block < 5 {
			limit = math.Inf(1)
		}
		b[block] = search(2000, 8, func(r float64) bool { return r <= limit })
	}
	v, lo, hi, level := b.Estimate()
	l, _ := lo.Get()
	if v.OK() || !strings.Contains(v.Refusal(), "5 of 8 blocks") || l > 10000 || hi.OK() || level < 0.95 {
		t.Errorf("%v (%s) [%v, %v (%s)] at %v", v, v.Refusal(), l, hi, hi.Refusal(), level)
	}
	if v, ok := Pooled(b); !ok || math.Abs(v/10000-1) > 0.1 {
		t.Errorf("a share would be of %v", v)
	}
}
