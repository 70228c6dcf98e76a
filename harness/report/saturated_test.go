package report

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// TestSaturationIsToldEverywhere: wherever times of an arm stand that fell behind,
// its load is marked, and nothing holds them against others.
func TestSaturationIsToldEverywhere(t *testing.T) {
	w := even(2)
	w.endpoints = ", baseline: threadpool"
	w.inside = true
	w.change = func(c *result.CellRecord) {
		if c.Model == "threadpool" && c.LoadPerSec == 20000 {
			c.Load.AchievedRatio = 0.8
		}
	}
	dir := w.make(t)
	_, a := build(t, dir)
	for _, e := range a.Efficiency {
		behind := e.Arm == "threadpool" && e.Load == "20000"
		if e.P50.OK() == behind || e.P99.OK() == behind || behind && !strings.Contains(e.P99.Refusal(), "saturated") {
			t.Errorf("%s at %s: p50 %v, p99 %v (%s)", e.Arm, e.Load, e.P50, e.P99, e.P99.Refusal())
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	// Arms, what is inside them, and the generator's part.
	bare := regexp.MustCompile(`<td>20000</td><td>threadpool( again)?</td>`)
	if n := bare.FindAllString(string(page), -1); len(n) != 2 { // the rows of requests per CPU-second
		t.Errorf("%d rows of a saturated arm without a mark: %q", len(n), n)
	}
	if n := strings.Count(string(page), "<td>20000 (saturated)</td><td>threadpool"); n < 3*2 {
		t.Errorf("%d rows of a saturated arm are marked, want those of every table", n)
	}
	text, err := Compare(dir, dir)
	if err != nil {
		t.Fatal(err)
	}
	_, power, _ := strings.Cut(text, "durability power, 20000")
	for arm, want := range map[string]string{"tpc": "1.00", "threadpool": "– (saturated)"} {
		line := regexp.MustCompile(`(?m)^  ` + arm + ` p99 response .*$`).FindString(power)
		if !strings.HasSuffix(line, "  "+want) {
			t.Errorf("two results set their times against each other: want %s: %q", want, line)
		}
	}
}
