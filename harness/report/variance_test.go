package report

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// levelled is a world with a spread of its own at every level, made from a seed.
func levelled(blocks int) world {
	w := small(blocks)
	w.intervals, w.requests = 20, 1000
	draw := func(parts ...uint64) float64 {
		seed := uint64(5)
		for _, p := range parts {
			seed = seed*1_000_003 + p
		}
		return rand.New(rand.NewPCG(seed, 3)).NormFloat64()
	}
	number := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	base := w.medianNs
	w.medianNs = func(p result.PlannedCell) float64 {
		arm, block, again := number(p.Model == "tpc"), uint64(p.Block), number(p.Replicate)
		return base(p) * math.Exp(0.20*draw(1, block)+0.08*draw(2, block, arm)+0.05*draw(3, block, arm, again))
	}
	w.level = func(p result.PlannedCell, interval int) float64 {
		return math.Exp(0.08 * draw(4, uint64(p.Block), uint64(p.Position), uint64(interval)))
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w.change = func(c *result.CellRecord) {
		// Cells of 10 s with windows of 8, and 5 s more between blocks.
		c.StartUTC = start.Add(time.Duration(c.Block*35+c.Position*10) * time.Second).Format(time.RFC3339Nano)
		c.Load.StartMonotonicNs, c.Load.EndMonotonicNs, c.Load.IntervalSec = 1, 8e9+1, 0.4
	}
	return w
}

// TestVarianceByLevel: what was put in at each level is found there.
func TestVarianceByLevel(t *testing.T) {
	_, a := analysed(t, levelled(60).make(t))
	if len(a.Variance) != headlines {
		t.Fatalf("%d rows, want %d", len(a.Variance), headlines)
	}
	v := a.Variance[0]
	if v.Quantity != "p50_response" || v.Intervals != 20 || v.Pairs != 60 || v.Blocks != 60 {
		t.Fatalf("%+v", v)
	}
	// The median of 100 lognormal times of deviation 0.5 has one of 0.063 of its own,
	// and every cell of a world one of 0.02.
	for _, c := range []struct {
		level string
		got   stats.Number
		want  float64
	}{
		{"intervals", v.Interval, math.Hypot(0.08, 0.063)},
		{"cells", v.Cell, math.Hypot(0.05, 0.02)},
		{"blocks", v.Block, 0.08},
		{"shared", v.Shared, 0.20},
	} {
		if x, ok := c.got.Get(); !ok || x < c.want/1.35 || x > c.want*1.35 {
			t.Errorf("%s: deviation %v, want %.3f", c.level, c.got, c.want)
		}
	}
	r := a.Repeats
	if r == nil {
		t.Fatal("no costs")
	}
	for _, c := range []struct {
		name string
		got  stats.Number
		want float64
	}{{"interval", r.IntervalSec, 0.4}, {"restart", r.RestartSec, 2}, {"block", r.BlockSec, 5}} {
		if x, ok := c.got.Get(); !ok || math.Abs(x-c.want) > 1e-6 {
			t.Errorf("a %s takes %v s, want %v", c.name, c.got, c.want)
		}
	}
	// √(2/0.4 · 0.1019²/0.0539²) and √(5/2 · 0.0539²/0.08²), rounded up.
	if n, ok := v.WantIntervals.Get(); !ok || n < 4 || n > 7 {
		t.Errorf("%v intervals a cell, want about 5", v.WantIntervals)
	}
	if n, ok := v.WantCells.Get(); !ok || n < 1 || n > 2 {
		t.Errorf("%v cells a block, want 2 or so", v.WantCells)
	}
	more, _ := stats.BlocksForHalf(60).Get()
	if n, _ := r.MoreBlocks.Get(); n != more-60 {
		t.Errorf("%v more blocks, want %v", r.MoreBlocks, more-60)
	}
	if sec, _ := r.MoreSec.Get(); sec != (more-60)*35 {
		t.Errorf("%v s more, want %v blocks of 35 s", r.MoreSec, more-60)
	}
	if cpu := a.Variance[2]; cpu.Quantity != "cpu_per_message" || cpu.Interval.OK() || cpu.WantIntervals.OK() || cpu.Intervals != 0 || !strings.Contains(cpu.Interval.Refusal(), "whole windows") {
		t.Errorf("costs have no intervals: %+v", cpu)
	}
}

// TestVarianceIsTold: the page and the tables have it, with few blocks too.
func TestVarianceIsTold(t *testing.T) {
	a, headline := func() (*Analysis, string) {
		_, a := analysed(t, levelled(2).make(t))
		return a, a.Headline
	}()
	if !strings.Contains(headline, "For the first interval at 95 %: 4 more blocks, about 2m20s") {
		t.Errorf("two blocks: %s", headline)
	}
	if rows := varianceRows(a); len(rows) != 1+headlines {
		t.Errorf("%d rows", len(rows))
	}
	w := levelled(6)
	w.change = nil
	_, a = analysed(t, w.make(t))
	if a.Repeats != nil || a.RepeatsLine() != "" || a.Variance[0].WantIntervals.OK() {
		t.Errorf("costs out of nothing: %+v", a.Repeats)
	}
	if _, a = analysed(t, levelled(1).make(t)); len(a.Variance) != 0 {
		t.Errorf("one block has a spread: %+v", a.Variance)
	}
}

// TestMoreBlocksThanThereAre: what more blocks would do is reckoned from those that
// there are, not from those that were planned.
func TestMoreBlocksThanThereAre(t *testing.T) {
	dir := levelled(12).make(t)
	path := filepath.Join(dir, "journal.jsonl")
	journal, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	three := strings.SplitAfter(string(journal), "\n")[:9]
	if err := os.WriteFile(path, []byte(strings.Join(three, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	if headline, _ := analysed(t, dir); !strings.Contains(headline, "27 not run") || !strings.Contains(headline, "For the first interval at 95 %: 3 more blocks") {
		t.Errorf("three of twelve blocks:\n%s", headline)
	}
}
