package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	w := small(6)
	before := w.medianNs
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Replicate {
			return 2 * before(p)
		}
		return before(p)
	}
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
	if !strings.Contains(headline, "48 of 54 cells count, 6 left out by their gates") {
		t.Errorf("headline:\n%s", headline)
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil || !strings.Contains(string(page), "steal: 0.4000 of the CPU time") {
		t.Errorf("the page does not say why (%v)", err)
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
	for _, line := range strings.Split(string(csv), "\n")[1:] {
		if f := strings.Split(line, ","); len(f) == 5 && f[3] >= "99" && f[3] != "100" {
			t.Errorf("the curve goes on to %s: %s", f[3], line)
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
