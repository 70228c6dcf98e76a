package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// claimed is a world of nine blocks with one claim that is true, one that is
// false, and one of equality.
func claimed() world {
	w := small(9)
	w.endpoints = ", baseline: threadpool, secondary: [p50 response produce]"
	w.claims = `claims:
  - {text: faster, arm: tpc, says: lower}
  - {text: slower, arm: tpc, says: higher, endpoint: p50 response produce}
  - {text: same price, arm: tpc, says: equal, endpoint: cpu per message}
`
	return w
}

func TestDeclared(t *testing.T) {
	headline, a := analysed(t, claimed().make(t))
	for quantity, declared := range map[string]bool{"p99_response": true, "p50_response": true, "cpu_per_message": false, "p99_end_to_end": false} {
		c := a.comparison(t, "process", "2000", quantity)
		if c.Declared != declared || (c.Holm != nil) != declared {
			t.Errorf("%s: %+v, want declared %v", quantity, c, declared)
		}
		if declared && (!c.Holm.Holds || c.Holm.Family != 2) {
			t.Errorf("%s: %+v", quantity, c.Holm)
		}
	}
	if len(a.Claims) != 3 {
		t.Fatalf("%d claims", len(a.Claims))
	}
	for i, want := range []struct {
		holds bool
		words string
	}{{true, "holds"}, {false, "not shown: 1k process 2000/s: 0.69 ["}, {false, "not shown: 1k process 2000/s: 0.50"}} {
		if c := a.Claims[i]; c.Holm.Holds != want.holds || !strings.HasPrefix(c.Words, want.words) || c.Places != 1 {
			t.Errorf("%s: %+v, want %+v", c.Text, c, want)
		}
	}
	for _, want := range []string{"holds among 2 declared", "Claims, declared before the run\n  faster\n    holds (tpc lower, p99 response produce, 1 place)"} {
		if !strings.Contains(headline, want) {
			t.Errorf("the headline lacks %q:\n%s", want, headline)
		}
	}
}

// With six blocks the smallest p-value is 1/32: two endpoints are too many for it.
func TestHolmNeedsBlocks(t *testing.T) {
	w := claimed()
	w.blocks = 6
	headline, a := analysed(t, w.make(t))
	if c := a.comparison(t, "process", "2000", "p99_response"); c.Verdict != stats.Resolved || c.Holm.Holds {
		t.Errorf("%+v %+v, want resolved alone and not among two", c, c.Holm)
	}
	if a.Claims[0].Holm.Holds || !strings.Contains(headline, "p = 0.062 among 2 declared") {
		t.Errorf("%+v\n%s", a.Claims[0], headline)
	}
}

// TestBears: a claim is borne out on its own side of 1 only, and only beyond the floor.
func TestBears(t *testing.T) {
	of := func(ratio float64, verdict stats.Verdict) *Comparison {
		return &Comparison{Effect: stats.Effect{Ratio: stats.Of(ratio), P: stats.Of(0.01), PEqual: stats.Of(0.02), Verdict: verdict}}
	}
	for _, c := range []struct {
		of    *Comparison
		says  string
		bears bool
		p     float64
	}{
		{of(0.5, stats.Resolved), workloads.Lower, true, 0.01},
		{of(0.5, stats.Resolved), workloads.Higher, false, 1},
		{of(2, stats.Resolved), workloads.Higher, true, 0.01},
		{of(2, stats.Resolved), workloads.Lower, false, 1},
		{of(0.5, stats.Inside), workloads.Lower, false, 0.01},
		{of(1, stats.Equivalent), workloads.Equal, true, 0.02},
		{of(1, stats.Inside), workloads.Equal, false, 0.02},
		{&Comparison{}, workloads.Lower, false, 1},
	} {
		if bears, p := c.of.bears(c.says); bears != c.bears || p != c.p {
			t.Errorf("%v %s says %s: %v at %v, want %v at %v", c.of.Ratio, c.of.Verdict, c.says, bears, p, c.bears, c.p)
		}
	}
}

func TestEqualClaim(t *testing.T) {
	w := claimed()
	w.medianNs = func(result.PlannedCell) float64 { return 1e5 }
	w.claims = "claims: [{text: alike, arm: tpc, says: equal, endpoint: p50 response produce}]\n"
	if _, a := analysed(t, w.make(t)); !a.Claims[0].Holm.Holds {
		t.Errorf("%+v %+v", a.Claims[0], a.comparison(t, "process", "2000", "p50_response"))
	}
}

// A claim about cells that all failed is not one that holds.
func TestClaimWithoutCells(t *testing.T) {
	w := claimed()
	w.change = func(c *result.CellRecord) { c.Valid = false }
	_, a := analysed(t, w.make(t))
	for _, c := range a.Claims {
		if c.Holm.Holds || !strings.Contains(c.Words, "no cell of it counts") {
			t.Errorf("%+v", c)
		}
	}
}

func TestSteadyIsTold(t *testing.T) {
	w := small(2)
	w.intervals = 20
	w.drift = func(p result.PlannedCell) float64 {
		if p.Model == "tpc" && p.Block == 1 && !p.Replicate {
			return 1.5
		}
		return 1
	}
	dir := w.make(t)
	_, a := build(t, dir)
	if n := a.SteadyCounts(); n.Cells != 6 || n.Moved < 1 || n.Steady < 4 || n.Steady+n.Moved != 6 {
		t.Errorf("%+v of %+v", n, a.Moved())
	}
	if m := a.Moved(); len(m) == 0 || m[0].Cell != "block 1, 1k, process, 2000, tpc" {
		t.Errorf("moved: %+v", m)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), "<code>block 1, 1k, process, 2000, tpc</code>") {
		t.Errorf("the page does not say which (%v)", err)
	}
	for _, arm := range a.Groups[0].Points[0].Arms {
		for _, r := range arm.Runs {
			lo, okLo := r.P99Lo.Get()
			hi, okHi := r.P99Hi.Get()
			if p, _ := r.P99.Get(); !okLo || !okHi || lo > p || hi < p {
				t.Errorf("p99 %v within [%v, %v]", r.P99, r.P99Lo, r.P99Hi)
			}
		}
	}
}

// The shift function of arms that differ by one factor is level, with a band from
// nine blocks on.
func TestShiftFunction(t *testing.T) {
	_, a := analysed(t, small(9).make(t))
	s := a.Groups[0].Points[0].Shifts
	if len(s) != 1 || s[0].A != "tpc" || len(s[0].Points) != len(stats.ShiftPercentiles) || s[0].Level < 0.95 {
		t.Fatalf("%+v", s)
	}
	for _, p := range s[0].Points {
		if r, ok := p.Ratio.Get(); !ok || r < 0.65 || r > 0.75 || !p.Lo.OK() {
			t.Errorf("p%v: %+v", p.Percentile, p)
		}
	}
}

// Endpoints of another file are exploratory, and change nothing in the result.
func TestExplore(t *testing.T) {
	dir := small(6).make(t)
	if _, err := Build(dir); err != nil {
		t.Fatal(err)
	}
	w := claimed()
	e, err := workloads.Parse("later.yaml", []byte(fmt.Sprintf(worldText, 6, w.shape, "4", w.endpoints)+w.claims))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "later")
	headline, err := Explore(dir, out, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"exploratory: endpoints and claims were declared after the run", "Claims, declared after the run: exploratory", "among 2 declared"} {
		if !strings.Contains(headline, want) {
			t.Errorf("the headline lacks %q:\n%s", want, headline)
		}
	}
	if page, err := os.ReadFile(filepath.Join(out, "report.html")); err != nil || !strings.Contains(string(page), "everything here is exploratory") {
		t.Errorf("the page does not say so (%v)", err)
	}
	if err := Verify(dir); err != nil {
		t.Errorf("the result changed: %v", err)
	}
	if _, err := Explore(dir, out, e); err == nil {
		t.Error("a report was written over another")
	}
}
