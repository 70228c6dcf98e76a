package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

func build(t *testing.T, dir string) (string, *Analysis) {
	t.Helper()
	headline, err := Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "analysis.json"))
	if err != nil {
		t.Fatal(err)
	}
	a := &Analysis{}
	if err := json.Unmarshal(b, a); err != nil {
		t.Fatal(err)
	}
	return headline, a
}

// analysed is build without the drawing, which most tests have no use for.
func analysed(t *testing.T, dir string) (string, *Analysis) {
	t.Helper()
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	a, _, err := analyse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.Headline, a
}

func (a *Analysis) comparison(t *testing.T, durability, load, quantity string) Comparison {
	t.Helper()
	var found []Comparison
	a.each(func(g *Group, p *Point) {
		for _, c := range p.Compared {
			if g.Durability == durability && p.Load == load && c.Quantity == quantity {
				found = append(found, c)
			}
		}
	})
	if len(found) != 1 {
		t.Fatalf("%s %s %s: %d comparisons, want 1", durability, load, quantity, len(found))
	}
	return found[0]
}

// TestKnownWorld: a difference that was put in comes out, with six blocks as a
// resolved one.
func TestKnownWorld(t *testing.T) {
	headline, a := analysed(t, even(6).make(t))
	if a.Valid != 6*6*3 || a.Planned != a.Valid || len(a.Groups) != 2 || len(a.Groups[0].Points) != 3 {
		t.Fatalf("%d of %d cells, %d groups", a.Valid, a.Planned, len(a.Groups))
	}
	if a.Groups[0].Durability != "process" || a.Groups[1].Durability != "power" || a.Groups[0].Points[2].Load != "20000" {
		t.Errorf("order: %+v", a.Groups)
	}
	for _, load := range []string{"2000", "8000", "20000"} {
		for _, quantity := range []string{"p50_response", "p99_response"} {
			c := a.comparison(t, "process", load, quantity)
			ratio, _ := c.Ratio.Get()
			if c.Verdict != stats.Resolved || math.Abs(ratio-0.7) > 0.06 || c.Lower != 6 || math.Abs(c.Level-0.96875) > 1e-6 || c.FloorBlocks != 6 {
				t.Errorf("%s at %s: %+v, want about 0.7, resolved", quantity, load, c)
			}
		}
		c := a.comparison(t, "power", load, "cpu_per_message")
		if ratio, _ := c.Ratio.Get(); math.Abs(ratio-0.5) > 1e-3 {
			t.Errorf("CPU at %s: %+v, want 0.5", load, c)
		}
	}
	for _, want := range []string{"1k, durability process, 20000 requests/s", "tpc / threadpool", "0.50 [0.50, 0.50] at 96.9 %", "A/A floor x1.0", "lower in 6 of 6"} {
		if !strings.Contains(headline, want) {
			t.Errorf("the headline lacks %q:\n%s", want, headline)
		}
	}
}

// TestStagesAddUp: the parts are the whole, within what a histogram of two digits
// resolves.
func TestStagesAddUp(t *testing.T) {
	w := even(1)
	_, a := analysed(t, w.make(t))
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			want := w.medianNs(result.PlannedCell{LoadPerSec: p.LoadPerSec, Durability: g.Durability, Model: x.Arm})
			if got := stageBar("", x).Total(); math.Abs(got/want-1) > 0.1 || len(x.Stages) != 9 {
				t.Errorf("%s %s %s: stages add up to %v, want %v", g.Durability, p.Load, x.Arm, got, want)
			}
		}
	})
}

func TestThreeBlocks(t *testing.T) {
	headline, a := analysed(t, small(3).make(t))
	c := a.comparison(t, "process", "2000", "p50_response")
	if c.Verdict != stats.Unresolved || c.Level != 0.75 {
		t.Errorf("%+v, want level 0.75, unresolved", c)
	}
	if !strings.Contains(headline, "at 75 %") || !strings.Contains(headline, "not resolved at 95 % with 3 blocks") {
		t.Errorf("the headline claims too much:\n%s", headline)
	}
}

// TestInsideTheFloor: when one arm differs from itself by as much, nothing is said.
func TestInsideTheFloor(t *testing.T) {
	w := unlikeItself(6)
	headline, a := analysed(t, w.make(t))
	if c := a.comparison(t, "process", "2000", "p50_response"); c.Verdict != stats.Inside {
		t.Errorf("%+v, want inside", c)
	}
	if !strings.Contains(headline, "inside the floor: not resolved") {
		t.Errorf("headline:\n%s", headline)
	}
}

func TestSaturated(t *testing.T) {
	w := even(2)
	w.change = func(c *result.CellRecord) {
		if c.Model == "threadpool" && c.LoadPerSec == 20000 {
			c.Load.AchievedRatio, c.Load.AchievedPerSec = 0.8, 16000
		}
		if c.Model == "tpc" && c.LoadPerSec == 8000 && c.Block == 0 && !c.Replicate {
			c.Load.AchievedRatio = 0.98 // once, which is a disturbance
		}
	}
	headline, a := analysed(t, w.make(t))
	for _, g := range a.Groups {
		if g.Points[g.Headline].Load != "8000" {
			t.Errorf("the headline is of load %s, want 8000", g.Points[g.Headline].Load)
		}
	}
	c := a.comparison(t, "process", "20000", "p99_response")
	if c.Ratio.OK() || c.Verdict != stats.Absent || !strings.Contains(c.Words, "threadpool is saturated") {
		t.Errorf("a saturated latency was compared: %+v", c)
	}
	if c := a.comparison(t, "process", "20000", "cpu_per_message"); !c.Ratio.OK() {
		t.Errorf("CPU was not compared: %+v", c)
	}
	if strings.Contains(headline, "20000 requests/s") {
		t.Errorf("headline:\n%s", headline)
	}
}

// TestLeftOut: a cell that failed its gates is in no number, and its reason is told.
func TestLeftOut(t *testing.T) {
	w := even(3)
	w.change = func(c *result.CellRecord) {
		if c.Block == 1 && c.Model == "tpc" && !c.Replicate {
			c.Valid = false
			c.Gates = append(c.Gates, result.Gate{Name: "steal", Detail: "0.4000 of the CPU time"})
		}
		if c.Block == 2 {
			c.Gates = append(c.Gates, result.Gate{Name: "slip", Advisory: true, Detail: "late"})
		}
	}
	dir := w.make(t)
	headline, a := build(t, dir)
	if len(a.LeftOut) != 6 || !strings.Contains(a.LeftOut[0].Why, "steal: 0.4000") || len(a.Warnings) != 18 {
		t.Errorf("%d left out (%v), %d warnings", len(a.LeftOut), a.LeftOut, len(a.Warnings))
	}
	if c := a.comparison(t, "process", "2000", "p50_response"); c.Blocks != 2 || c.Level != 0.5 {
		t.Errorf("%+v, want two blocks at level 0.5", c)
	}
	if !strings.Contains(headline, "48 of 54 cells count, 6 left out (steal 6)") || a.Uneven != "" {
		t.Errorf("%s; headline:\n%s", a.Uneven, headline)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), "steal: 0.4000 of the CPU time") {
		t.Errorf("the page does not say why (%v)", err)
	}
}

// TestArrivalsAreTold: requests of whatever kind that did not follow their law.
func TestArrivalsAreTold(t *testing.T) {
	off, on := load.Arrivals{KS: 0.2, KSCritical: 0.1}, load.Arrivals{KS: 0.1, KSCritical: 0.2}
	for _, c := range []struct {
		produce, class load.Arrivals
		want           string
	}{{on, on, ""}, {off, on, "arrivals: distance 0.2000"}, {on, off, "arrivals of metadata: distance 0.2000"}, {on, load.Arrivals{}, ""}} {
		a := &Analysis{}
		a.cell(&result.CellRecord{Valid: true, Load: load.Summary{Arrivals: c.produce, Classes: []load.ClassSummary{{Class: "metadata", Arrivals: c.class}}}})
		if n := len(a.Warnings); (n == 1) != (c.want != "") || n == 1 && !strings.HasPrefix(a.Warnings[0].Why, c.want) {
			t.Errorf("%+v: got %v", c, a.Warnings)
		}
	}
}

// TestGates: what the samples do not carry is refused everywhere.
func TestGates(t *testing.T) {
	w := small(1)
	w.requests = 150 // 300 in a run: p99 takes 368
	dir := w.make(t)
	_, a := build(t, dir)
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			if x.Response.P99.OK() || x.Response.P999.OK() || !x.Response.P90.OK() || !strings.Contains(x.Response.P99.Refusal(), "needs 368 samples, 300 there") {
				t.Errorf("%s: %+v", x.Arm, x.Response)
			}
		}
	})
	if c := a.comparison(t, "process", "2000", "p99_response"); c.Ratio.OK() || c.Blocks != 0 {
		t.Errorf("p99 was compared: %+v", c)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "figures", "percentiles-1k-process-2000.csv"))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(csv), "\n")
	at := slices.Index(strings.Split(head, ","), "percentile")
	last := 0.0
	for _, line := range strings.Split(strings.TrimSpace(string(csv)), "\n")[1:] {
		percentile, err := strconv.ParseFloat(strings.Split(line, ",")[at], 64)
		if last = max(last, percentile); err != nil || percentile >= 99 {
			t.Errorf("the curve goes on to %v (%v): %s", percentile, err, line)
		}
	}
	if last < 90 {
		t.Errorf("the curve ends at p%v, which 300 samples carry beyond", last)
	}
}

// TestCensoredMean: one request whose end was not seen leaves most percentiles as they
// are, and no mean.
func TestCensoredMean(t *testing.T) {
	w := small(2)
	w.change = func(c *result.CellRecord) {
		if c.Model == "tpc" {
			c.Load.Censored = 1
		}
	}
	_, a := analysed(t, w.make(t))
	for _, x := range a.Groups[0].Points[0].Arms {
		censored := x.Arm == "tpc"
		if x.Response.Mean.OK() == censored || x.Service.Mean.OK() == censored || !x.Slip.Mean.OK() || !x.Response.P99.OK() {
			t.Errorf("%s: %+v", x.Arm, x.Response)
		}
		if censored && !strings.Contains(x.Response.Mean.Refusal(), "the mean is not known") {
			t.Errorf("%s: %q", x.Arm, x.Response.Mean.Refusal())
		}
	}
}

// TestCensoredSlip: how late requests left that never did is not known.
func TestCensoredSlip(t *testing.T) {
	w := small(2)
	w.change = func(c *result.CellRecord) {
		if c.Model == "tpc" {
			c.Load.Censored, c.Load.Unsent = 100, 100 // of 4,000
		}
	}
	_, a := analysed(t, w.make(t))
	for _, x := range a.Groups[0].Points[0].Arms {
		if censored := x.Arm == "tpc"; x.Slip.P99.OK() == censored || x.Slip.Mean.OK() == censored || !x.Slip.P50.OK() {
			t.Errorf("%s: %+v", x.Arm, x.Slip)
		}
	}
}

// TestNothing: runs without a valid cell, and runs cut short, have a report too.
func TestNothing(t *testing.T) {
	w := small(2)
	w.change = func(c *result.CellRecord) { c.Valid, c.Error = false, "broker: no <luck>" }
	dir := w.make(t)
	headline, _ := build(t, dir)
	if !strings.Contains(headline, "No cell counts") {
		t.Errorf("headline:\n%s", headline)
	}
	page, _ := os.ReadFile(filepath.Join(dir, "report.html"))
	if !strings.Contains(string(page), "no &lt;luck&gt;") {
		t.Error("the page does not tell, or does not escape, the error")
	}

	dir = small(2).make(t)
	journal, _ := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	half := strings.SplitAfter(string(journal), "\n")[:2]
	if err := os.WriteFile(filepath.Join(dir, "journal.jsonl"), []byte(strings.Join(half, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	if headline, _ := build(t, dir); !strings.Contains(headline, "4 not run") {
		t.Errorf("headline:\n%s", headline)
	}
	if _, err := Build(t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a result directory") {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestVerify(t *testing.T) {
	dir := small(2).make(t)
	if err := Verify(dir); err == nil || !strings.Contains(err.Error(), "has no report") {
		t.Errorf("without a report: %v", err)
	}
	first, _ := build(t, dir)
	if err := Verify(dir); err != nil {
		t.Fatal(err)
	}
	if second, _ := build(t, dir); second != first {
		t.Errorf("built twice:\n%s\n%s", first, second)
	}
	if err := Verify(dir); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, file string
		change     func(path string) error
		want       string
	}{
		{"a number", "analysis.json", replace(`"cells_valid": 6`, `"cells_valid": 5`), "analysis.json differs"},
		{"a figure", "figures/effects.svg", replace("<path", "<Path"), "figures/effects.svg differs"},
		{"a picture", "figures/effects.png", replace("IDAT", "IDAX"), "figures/effects.png differs"},
		{"a table", "tables/arms.csv", os.Remove, "tables/arms.csv is missing"},
		{"the page", "report.html", replace("Headline", "Headlime"), "report.html differs"},
		{"something added", "figures/more.svg", func(p string) error { return os.WriteFile(p, nil, 0o644) }, "figures/more.svg does not follow"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			build(t, dir)
			if err := c.change(filepath.Join(dir, filepath.FromSlash(c.file))); err != nil {
				t.Fatal(err)
			}
			if err := Verify(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	build(t, dir)
	raw := filepath.Join(dir, "blocks", "000", "1k-process-2000-tpc", "cell.json")
	if err := replace(`"ctx_voluntary": 1000`, `"ctx_voluntary": 900`)(raw); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err == nil || !strings.Contains(err.Error(), "analysis.json differs") {
		t.Errorf("a raw file changed: %v", err)
	}
}

func replace(from, to string) func(string) error {
	return func(path string) error {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.Contains(string(b), from) {
			return errors.New(path + " does not contain " + from)
		}
		return os.WriteFile(path, []byte(strings.Replace(string(b), from, to, 1)), 0o644)
	}
}

// TestPage: one file that asks nothing of the network, and is well formed enough
// for every reader.
func TestPage(t *testing.T) {
	dir := even(2).make(t)
	build(t, dir)
	b, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, bad := range []string{"<script", "<link", "@import", "src=", "<?xml", "url(", "ZgotmplZ", "NaN", "Inf", "&lt;svg"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, want := range []string{
		"Does tpc &lt; threadpool &amp; at what cost?", `id="headline"`, `id="left-out"`, `id="machine"`, `id="configuration"`,
		`id="method"`, "<svg", "durability power", "<code>shards</code>", "host class C",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "process.data.dir") || strings.Contains(page, dir) {
		t.Error("the page holds a path of the machine it was made on")
	}
	figures, err := filepath.Glob(filepath.Join(dir, "figures", "*.svg"))
	if err != nil || len(figures) != 1+2*(3+5) {
		t.Fatalf("%d figures (%v), want 17", len(figures), err)
	}
	for _, path := range figures {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		d := xml.NewDecoder(f)
		text := ""
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if c, ok := token.(xml.CharData); ok {
				text += string(c)
			}
		}
		f.Close()
		for _, want := range []string{"host class C", "durability p", "2 blocks", "driver raw", "requests"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: its footer lacks %q", filepath.Base(path), want)
			}
		}
		for _, ext := range []string{".pdf", ".png", ".csv"} {
			if info, err := os.Stat(strings.TrimSuffix(path, ".svg") + ext); err != nil || info.Size() == 0 {
				t.Errorf("%s of %s: %v", ext, path, err)
			}
		}
	}
}

// TestEarlierReport: figures of an earlier report do not stay behind.
func TestEarlierReport(t *testing.T) {
	dir := small(1).make(t)
	build(t, dir)
	stale := filepath.Join(dir, "figures", "stale.svg")
	if err := os.WriteFile(stale, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	build(t, dir)
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("stale figure: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".report-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCompare(t *testing.T) {
	slow := small(3)
	before := slow.medianNs
	slow.medianNs = func(p result.PlannedCell) float64 { return 2 * before(p) }
	slow.seed = 2
	a, b := small(3).make(t), slow.make(t)
	text, err := Compare(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"not tested", "1k, durability process, 2000 requests/s", "tpc p50 response", "tpc/threadpool p50 response time"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	rows := 0
	for _, line := range strings.Split(text, "\n") {
		if f := strings.Fields(line); len(f) > 3 && f[0] == "tpc" && f[1] == "p50" {
			rows++
			if last := f[len(f)-1]; last < "1.90" || last > "2.10" {
				t.Errorf("B/A %s, want about 2: %s", last, line)
			}
		}
	}
	if rows != 1 {
		t.Errorf("%d rows of tpc's p50, want 1", rows)
	}
	if _, err := Compare(a, t.TempDir()); err == nil {
		t.Error("an empty directory was compared")
	}
}

// TestBefore: a result tells how many were made before it.
func TestBefore(t *testing.T) {
	dir := small(1).make(t)
	j, _, err := result.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if err := j.Append(result.EventRunStart, "", "earlier runs of this experiment: 9"); err != nil {
		t.Fatal(err)
	}
	_, a := analysed(t, dir)
	if !contains(a.Notes, "As it began, the ledger had earlier runs of this experiment: 9.") {
		t.Errorf("notes: %q", a.Notes)
	}
}

func TestVerdicts(t *testing.T) {
	_, a := analysed(t, small(6).make(t))
	v := a.Verdicts()
	if len(v) != 1 || !strings.HasPrefix(v[0], "tpc/threadpool p99_response at 1k process 2000: resolved, 0.") {
		t.Errorf("%q", v)
	}
}

// TestToldOfRetries: a cell that failed, and passed when the run was resumed, has no
// mark any more. The report tells of it all the same.
func TestToldOfRetries(t *testing.T) {
	dir := small(1).make(t)
	path := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	key := r.Planned[0].Key()
	was := `{"event":"cell-start","cell":"` + key + `"}` + "\n" + `{"event":"cell-failed","cell":"` + key + `","detail":"disk on fire"}` + "\n" +
		`{"event":"run-resume"}` + "\n" + `{"event":"cell-start","cell":"` + key + `"}` + "\n"
	if err := os.WriteFile(path, append([]byte(was), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(dir); err != nil {
		t.Fatal(err)
	}
	a, err := Read(dir)
	want := "Cell " + key + " failed before the run was resumed, and was run again: disk on fire."
	if err != nil || !slices.Contains(a.Notes, want) {
		t.Errorf("notes %q, %v; want %q", a.Notes, err, want)
	}
}

// TestReportAfterAKill: what a report that was killed has left is not sealed with
// the next one.
func TestReportAfterAKill(t *testing.T) {
	dir := small(1).make(t)
	left := filepath.Join(dir, ".report-1", "figures")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(dir); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, ".report-*")); len(found) > 0 {
		t.Errorf("%v is part of the result", found)
	}
}

// TestCountersReadLate: an arm whose counters were first read in the middle of its
// window is not cheaper for that.
func TestCountersReadLate(t *testing.T) {
	cpu := func(window int64) map[string]stats.Number {
		w := small(1)
		w.change = func(c *result.CellRecord) {
			c.Load.StartMonotonicNs, c.Load.EndMonotonicNs, c.Server.WindowNs = 7, 7+2e9, 2e9
			if c.Arm == "tpc" {
				c.Server.WindowNs = window
			}
		}
		_, a := analysed(t, w.make(t))
		out := map[string]stats.Number{}
		for _, arm := range a.Groups[0].Points[0].Arms {
			if !arm.Replicate {
				out[arm.Arm] = arm.CPU
			}
		}
		return out
	}
	early, late := cpu(2e9), cpu(1e9)
	was, _ := early["tpc"].Get()
	is, _ := late["tpc"].Get()
	if math.Abs(is/was/2-1) > 1e-3 || early["threadpool"] != late["threadpool"] {
		t.Errorf("counted for half the window: %v, for all of it %v", late, early)
	}
}
