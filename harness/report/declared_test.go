package report

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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

// A claim about two places does not hold where one of them has no cell that counts.
func TestClaimWithoutOnePlace(t *testing.T) {
	w := claimed()
	w.shape = strings.Replace(w.shape, "durability: [process]", "durability: [process, power]", 1)
	w.change = func(c *result.CellRecord) { c.Valid = c.Durability == "process" }
	_, a := analysed(t, w.make(t))
	if c := a.Claims[0]; c.Places != 1 || c.Holm.Holds || !strings.Contains(c.Words, "no cell counts at 1 place more") {
		t.Errorf("%+v", c)
	}
}

// TestInsideTheFloorDoesNotHold: a difference that one arm shows to itself is not one
// that holds among the declared, however small its p-value.
func TestInsideTheFloorDoesNotHold(t *testing.T) {
	w := claimed()
	w.claims = ""
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Replicate || p.Model == "tpc" {
			return 150e3
		}
		return 100e3
	}
	headline, a := analysed(t, w.make(t))
	c := a.comparison(t, "process", "2000", "p50_response")
	if p, ok := c.Holm.P.Get(); c.Verdict != stats.Inside || !ok || p > alpha || c.Holm.Holds {
		t.Errorf("%+v %+v", c, c.Holm)
	}
	if strings.Contains(headline, "holds among") || !strings.Contains(headline, "among 2 declared") {
		t.Errorf("headline:\n%s", headline)
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

// TestShiftFloor: the figure of a shift function holds it against what one arm does to
// itself, percentile by percentile, as every other comparison.
func TestShiftFloor(t *testing.T) {
	w := unlikeItself(6)
	dir := w.make(t)
	_, a := build(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, "figures", "shift-1k-process.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	for _, row := range rows {
		f := strings.Split(row, ",")
		if v, err := strconv.ParseFloat(f[len(f)-1], 64); err != nil || v < 1.8 || v > 2.4 {
			t.Errorf("floor %v (%v), want about 2: %s", v, err, row)
		}
		if c := a.comparison(t, "process", "2000", "p50_response"); f[1] == "50" && f[len(f)-1] != field(c.Floor) {
			t.Errorf("the floor of p50 is %s, of the comparison %s", f[len(f)-1], field(c.Floor))
		}
	}
	if len(rows) != len(stats.ShiftPercentiles) {
		t.Errorf("%d rows, want %d", len(rows), len(stats.ShiftPercentiles))
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), "Grey is the A/A floor of each percentile") {
		t.Errorf("the page does not say what is grey (%v)", err)
	}
}

// TestShiftBandsOfUnlikeArms: an arm that lost a block has no band beside one that has.
func TestShiftBandsOfUnlikeArms(t *testing.T) {
	w := small(9)
	w.models = `[tpc, threadpool, {name: other, model: threadpool, set: {num.io.threads: 2}}]`
	w.change = func(c *result.CellRecord) { c.Valid = c.Arm != "tpc" || c.Block > 0 }
	dir := w.make(t)
	build(t, dir)
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	for _, want := range []string{"The band holds all true ratios at once with 9", "Fewer than nine blocks give no band"} {
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q (%v)", want, err)
		}
	}
}

// TestFloorOfThoseThatKeptUp: what a saturated arm does to itself is no floor of the
// latencies of others; its costs are.
func TestFloorOfThoseThatKeptUp(t *testing.T) {
	w := small(8)
	w.models = `[tpc, threadpool, {name: behind, model: threadpool, set: {num.io.threads: 2}}]`
	before := w.medianNs
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Arm == "behind" && p.Replicate {
			return 3 * before(p)
		}
		return before(p)
	}
	floor := func(ratio float64, quantity string) (float64, int) {
		w.change = func(c *result.CellRecord) {
			if c.Arm == "behind" {
				c.Load.AchievedRatio = ratio
			}
		}
		_, a := analysed(t, w.make(t))
		for _, c := range a.Groups[0].Points[0].Compared {
			if c.A == "tpc" && c.Quantity == quantity {
				v, _ := c.Floor.Get()
				return v, c.FloorBlocks
			}
		}
		t.Fatalf("no comparison of %s", quantity)
		return 0, 0
	}
	for _, c := range []struct {
		ratio    float64
		quantity string
		blocks   int
		wide     bool
	}{{1, "p50_response", 8, true}, {0.5, "p50_response", 6, false}, {0.5, "cpu_per_message", 8, false}} {
		if v, blocks := floor(c.ratio, c.quantity); blocks != c.blocks || (v > 1.5) != c.wide {
			t.Errorf("%s, %v of the load: floor %v of %d blocks, want %d and wide: %v", c.quantity, c.ratio, v, blocks, c.blocks, c.wide)
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

// TestClaimMap: every claim is led to files that are there, and that hold what it
// is about.
func TestClaimMap(t *testing.T) {
	w := claimed()
	w.shape = wide
	w.claims += `  - {text: under power, arm: tpc, says: lower, durability: power, per_second: 8000}
`
	dir := w.make(t)
	build(t, dir)
	f, err := os.Open(filepath.Join(dir, "tables", "claim-map.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	for _, r := range rows[1:] {
		if _, err := os.Stat(filepath.Join(dir, r[12])); err != nil {
			t.Errorf("%s: %v", r[0], err)
		}
		at := r[0] + " at " + strings.Join(r[7:10], " ")
		files[at] = append(files[at], r[12])
	}
	if len(files) != 3*6+1 {
		t.Errorf("%d places, want 19", len(files))
	}
	for at, want := range map[string]string{
		"under power at 1k power 8000":    "tables/effects.csv figures/effects.svg figures/percentiles-1k-power-8000.svg figures/load-1k-power.svg figures/shift-1k-power.svg",
		"same price at 1k process 2000":   "tables/effects.csv figures/effects.svg figures/cpu-1k-process.svg",
		"under power at 1k process 2000":  "",
		"faster at 1k process 20000":      "tables/effects.csv figures/effects.svg figures/percentiles-1k-process-20000.svg figures/load-1k-process.svg figures/shift-1k-process.svg",
		"under power at 1k process 20000": "",
	} {
		if got := strings.Join(files[at], " "); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), `<td class="t">under power</td><td>1k</td><td>power</td><td>8000</td>`) {
		t.Error("the page has no map of the claims")
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
}
