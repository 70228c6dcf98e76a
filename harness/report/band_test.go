package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
)

// curved is a run whose curve has these values at p50, p90 and p99, as far as there are.
func curved(block int, ns ...float64) *run {
	r := &run{CellRecord: &result.CellRecord{Block: block}}
	for i, v := range ns {
		r.curve = append(r.curve, figure.Quantile{Percentile: []float64{50, 90, 99}[i], Ns: v})
	}
	return r
}

// TestBand: the ranks are those of the binomial law, and a band ends where a block
// has no samples left.
func TestBand(t *testing.T) {
	var six, nine []*run
	for i := range 9 {
		v := float64(100 + (i*4)%9) // in no order
		nine = append(nine, curved(i, v, 10*v, 100*v))
	}
	for i := range 6 {
		six = append(six, curved(i, float64(200+i), 3))
	}
	six[2] = curved(2, 205.5)
	for _, c := range []struct {
		name  string
		of    []*run
		level float64
		want  []figure.Bound
	}{
		{"nine", nine, 0.9609375, []figure.Bound{{Percentile: 50, LoNs: 101, HiNs: 107}, {Percentile: 90, LoNs: 1010, HiNs: 1070}, {Percentile: 99, LoNs: 10100, HiNs: 10700}}},
		{"six", six, 0.96875, []figure.Bound{{Percentile: 50, LoNs: 200, HiNs: 205.5}}},
		{"five", six[:5], 0, nil},
		{"none", nil, 0, nil},
	} {
		got, level := band(c.of)
		if level != c.level || len(got) != len(c.want) {
			t.Errorf("%s: level %v, %+v; want %v, %+v", c.name, level, got, c.level, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %+v, want %+v", c.name, got[i], c.want[i])
			}
		}
	}
	var curve figure.Curve
	if spreadOut(&curve, six[:5]); len(curve.Runs) != 5 || curve.Band != nil {
		t.Errorf("five runs: %d drawn, band %v", len(curve.Runs), curve.Band)
	}
	again := figure.Curve{Replicate: true}
	if spreadOut(&again, nine); again.Runs != nil || again.Band != nil {
		t.Error("a replicate has a band")
	}
}

// TestBandIsDrawn: the numbers beside the figure have it, and the page says what it is.
func TestBandIsDrawn(t *testing.T) {
	for _, c := range []struct {
		blocks         int
		rows, captions string
	}{
		{6, "tpc,false,,", "A band holds the median of blocks&#39; percentiles with 96.9 % confidence"},
		{3, "tpc,false,2,,50,", "Thin lines are the single runs: a band at 95 % takes 6 blocks"},
	} {
		dir := small(c.blocks).make(t)
		if _, err := Build(dir); err != nil {
			t.Fatal(err)
		}
		csv, err := os.ReadFile(filepath.Join(dir, "figures", "percentiles-1k-process-2000.csv"))
		if err != nil || !strings.Contains(string(csv), c.rows) {
			t.Errorf("%d blocks: no row %q (%v)", c.blocks, c.rows, err)
		}
		bounds := 0
		for line := range strings.Lines(string(csv)) {
			if strings.HasPrefix(line, "tpc,false,,") && !strings.HasSuffix(strings.TrimSpace(line), ",,") {
				bounds++
			}
		}
		if (bounds > 10) != (c.blocks == 6) {
			t.Errorf("%d blocks: %d percentiles have bounds", c.blocks, bounds)
		}
		page, err := os.ReadFile(filepath.Join(dir, "report.html"))
		if err != nil || !strings.Contains(string(page), c.captions) {
			t.Errorf("%d blocks: the page lacks %q (%v)", c.blocks, c.captions, err)
		}
	}
}

// TestBandsOfUnlikeArms: arms that lost blocks have bands of other levels than the rest,
// or none, and the caption says so.
func TestBandsOfUnlikeArms(t *testing.T) {
	for _, c := range []struct {
		blocks []int
		says   []string
	}{
		{[]int{9, 9}, []string{"with 96.1 % confidence"}},
		{[]int{8, 9}, []string{"with at least 96.1 % confidence"}}, // eight give 99.2
		{[]int{5, 9}, []string{"with 96.1 % confidence", "Thin lines are the single runs"}},
		{[]int{5, 2}, []string{"Thin lines are the single runs"}},
		{[]int{1, 1}, nil},
	} {
		p := Point{Arms: []ArmPoint{{Replicate: true, Blocks: 6}}}
		for _, n := range c.blocks {
			p.Arms = append(p.Arms, ArmPoint{Blocks: n})
		}
		got := p.bandCaption()
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("%v: %q lacks %q", c.blocks, got, want)
			}
		}
		if (got == "") != (c.says == nil) || strings.Contains(got, "Thin") != strings.Contains(strings.Join(c.says, ""), "Thin") {
			t.Errorf("%v: %q", c.blocks, got)
		}
	}
}
