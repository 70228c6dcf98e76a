package report

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/theory"
)

// scaling is a world in a closed loop whose arms follow a law each, with 2 % of
// noise a run.
func scaling(blocks int, connections string, laws map[string]theory.USL) world {
	w := small(blocks)
	w.requests, w.connections = 400, connections
	w.shape = strings.Replace(narrow, "{kind: absolute, per_second: [2000]}", "{kind: closed}", 1)
	random := rand.New(rand.NewPCG(w.seed, 99))
	w.change = func(c *result.CellRecord) {
		// world-cN-...: eight requests in flight on each of N connections.
		_, rest, _ := strings.Cut(c.Workload, "-c")
		n, err := strconv.Atoi(rest)
		if err != nil {
			panic("no connections in " + c.Workload)
		}
		cpu := int64(1e9)
		c.Server.CPURunNs = &cpu
		c.Load.AchievedPerSec = laws[c.Model].At(float64(8*n)) * math.Exp(0.02*random.NormFloat64())
	}
	return w
}

// TestScaling: the laws that were put in come out, within their intervals and not
// within those of others, and what has a peak is told from what has none.
func TestScaling(t *testing.T) {
	laws := map[string]theory.USL{
		"tpc":        {PerSec: 5000, Contention: 0.02},
		"threadpool": {PerSec: 4000, Contention: 0.05, Coherency: 0.0005},
	}
	dir := scaling(6, "[1, 2, 4, 8, 16, 32]", laws).make(t)
	_, a := build(t, dir)
	if len(a.Scaling) != 2 {
		t.Fatalf("%d fits, want 2", len(a.Scaling))
	}
	holds := func(what string, c Coefficient, want float64) {
		t.Helper()
		v, ok := c.Value.Get()
		lo, _ := c.Lo.Get()
		hi, told := c.Hi.Get()
		if !ok || !told || lo > want || hi < want || v < lo || v > hi {
			t.Errorf("%s: %+v, want %v inside", what, c, want)
		}
	}
	for _, s := range a.Scaling {
		want := laws[s.Arm]
		if s.Workload != "1k" || s.Blocks != 6 || len(s.Points) != 36 || s.Why != "" {
			t.Fatalf("%+v", s)
		}
		holds(s.Arm+" rate", s.PerSec, want.PerSec)
		holds(s.Arm+" contention", s.Contention, want.Contention)
		holds(s.Arm+" coherency", s.Coherency, want.Coherency)
		if off, _ := s.Off.Get(); off < 0.01 || off > 0.04 {
			t.Errorf("%s: runs off the law %v, want about 0.02", s.Arm, s.Off)
		}
		if s.Arm == "tpc" {
			if s.Peak.Value.OK() || !strings.Contains(s.Peak.Value.Refusal(), "no peak") {
				t.Errorf("tpc has a peak: %+v", s.Peak)
			}
			continue
		}
		holds("threadpool peak", s.Peak, want.Peak())
		if c, _ := s.Coherency.Lo.Get(); c <= 0 {
			t.Errorf("coherency is not told from 0: %+v", s.Coherency)
		}
	}
	for file, holds := range map[string]string{
		"report.html": `id="scaling"`, "tables/scaling.csv": "1k,process,threadpool,6,36,6,", "figures/scaling-1k-process.csv": "threadpool,5,256,",
	} {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(b), holds) {
			t.Errorf("%s lacks %q: %v", file, holds, err)
		}
	}
	if err := Verify(dir); err != nil {
		t.Errorf("a second report differs: %v", err)
	}
}

// TestScalingRefuses: what the points do not determine is refused, with a reason.
func TestScalingRefuses(t *testing.T) {
	laws := map[string]theory.USL{"tpc": {PerSec: 5000, Contention: 0.02}, "threadpool": {PerSec: 4000, Contention: 0.05, Coherency: 1e-5}}
	_, a := analysed(t, scaling(6, "[1, 4, 16, 64]", laws).make(t))
	for _, s := range a.Scaling {
		if s.Why != "4 values of concurrency, want 6" || s.PerSec.Value.OK() || s.Peak.Value.OK() {
			t.Errorf("four values: %+v", s)
		}
	}
	_, a = analysed(t, scaling(5, "[1, 2, 4, 8, 16, 32]", laws).make(t))
	for _, s := range a.Scaling {
		if !s.Contention.Value.OK() || s.Contention.Lo.OK() || !strings.Contains(s.Contention.Lo.Refusal(), "5 blocks") {
			t.Errorf("five blocks: %+v", s.Contention)
		}
		// 1e-5 has its peak at 308, above the 256 that were measured.
		if s.Arm == "threadpool" && (s.Peak.Value.OK() || !strings.Contains(s.Peak.Value.Refusal(), "peak") && !strings.Contains(s.Peak.Value.Refusal(), "beyond 256")) {
			t.Errorf("a peak beyond what was measured: %+v", s.Peak)
		}
	}
	// One request at a time gets done what no law through the rest gives.
	w := scaling(6, "[1, 2, 4, 8, 16, 32]", laws)
	change := w.change
	w.change = func(c *result.CellRecord) {
		if change(c); strings.HasSuffix(c.Workload, "-c1") {
			c.Load.AchievedPerSec /= 20
		}
	}
	_, a = analysed(t, w.make(t))
	for _, s := range a.Scaling {
		if off, ok := s.Off.Get(); !ok || off < mostOff || s.PerSec.Value.OK() || !strings.Contains(s.Why, "off the nearest law") {
			t.Errorf("points on no law: %+v", s)
		}
		if s.law.PerSec != 0 {
			t.Errorf("a law is drawn that the runs are not on: %+v", s.law)
		}
	}
	if _, a := analysed(t, scaling(2, "[1, 4]", laws).make(t)); len(a.Scaling) > 0 {
		t.Errorf("two values: %+v", a.Scaling)
	}
	if _, a := analysed(t, small(2).make(t)); len(a.Scaling) > 0 {
		t.Errorf("an open loop: %+v", a.Scaling)
	}
	if lo, _ := interval(make([]theory.USL, 1599), 6, theory.USL.Peak); lo.OK() {
		t.Errorf("an interval of 1,599 fits: %v", lo)
	}
}

// TestScalingOfMoreLeaders: a generator that has to connect to four leaders keeps that
// many connections busy where one was asked for.
func TestScalingOfMoreLeaders(t *testing.T) {
	law := theory.USL{PerSec: 5000, Contention: 0.02}
	w := scaling(1, "[1, 2, 4, 8, 16, 32, 64, 128]", nil)
	w.change = func(c *result.CellRecord) {
		_, rest, _ := strings.Cut(c.Workload, "-c")
		n, _ := strconv.Atoi(rest)
		cpu := int64(1e9)
		c.Server.CPURunNs, c.Load.Connections = &cpu, max(n, 4)
		c.Load.AchievedPerSec = law.At(float64(8 * c.Load.Connections))
	}
	_, a := analysed(t, w.make(t))
	for _, s := range a.Scaling {
		perSec, _ := s.PerSec.Value.Get()
		if contention, _ := s.Contention.Value.Get(); s.levels() != 6 || math.Abs(perSec/law.PerSec-1) > 0.01 || math.Abs(contention/law.Contention-1) > 0.01 {
			t.Errorf("%d concurrencies, %v of one, contention %v (%s); want 6, %v, %v", s.levels(), perSec, contention, s.Why, law.PerSec, law.Contention)
		}
	}
	if len(a.Scaling) != 2 {
		t.Errorf("%d fits, want 2", len(a.Scaling))
	}
}

// TestIntervalsOfFewBlocks: the intervals of six blocks hold the coefficients as often
// as they say, or nearly. The middle 95 % of draws hold them in 83 to 87 %.
func TestIntervalsOfFewBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	truth := theory.USL{PerSec: 1000, Contention: 0.05, Coherency: 0.0005}
	const fits, blocks = 80, 6
	held := [3]int{}
	for k := range fits {
		s := Scaling{}
		for block := range blocks {
			for _, n := range []float64{1, 2, 4, 8, 16, 64} {
				s.Points = append(s.Points, ScalingPoint{block, n, truth.At(n) * math.Exp(0.03*random.NormFloat64())})
			}
		}
		s.fit(uint64(k))
		for i, c := range []struct {
			Coefficient
			want float64
		}{{s.PerSec, truth.PerSec}, {s.Contention, truth.Contention}, {s.Coherency, truth.Coherency}} {
			lo, _ := c.Lo.Get()
			if hi, ok := c.Hi.Get(); ok && lo <= c.want && c.want <= hi {
				held[i]++
			}
		}
	}
	if sum := held[0] + held[1] + held[2]; sum < 3*fits*92/100 {
		t.Errorf("of %d intervals each %v hold the coefficient", fits, held)
	}
}
