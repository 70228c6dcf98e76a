package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// TestSweepMarksSaturation: times of a value that an arm did not keep up with are
// marked, and the blocks told are those that are drawn.
func TestSweepMarksSaturation(t *testing.T) {
	w := small(3)
	w.connections = "[1, 10, 100]"
	w.change = func(c *result.CellRecord) {
		if c.Model == "threadpool" && strings.HasSuffix(c.Workload, "-c10") {
			c.Load.AchievedRatio = 0.5
		}
		if c.Block == 1 {
			c.Valid, c.Gates = false, []result.Gate{{Name: "steal", Detail: "much"}}
		}
	}
	dir := w.make(t)
	if _, err := Build(dir); err != nil {
		t.Fatal(err)
	}
	for _, half := range []string{"latency", "cost"} {
		path := filepath.Join(dir, "figures", "sweep-"+half+"-connections-1k-process-2000")
		text, err := os.ReadFile(path + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		saturated := 0
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
			want := strings.HasPrefix(line, "10,threadpool,")
			if want {
				saturated++
			}
			if got := strings.Split(line, ",")[4] == "true"; got != want {
				t.Errorf("%s: saturated %v, want %v: %s", half, got, want, line)
			}
			if strings.Split(line, ",")[3] == "1" {
				t.Errorf("%s: a cell that was left out is drawn: %s", half, line)
			}
		}
		if saturated != 2 { // the second run of this arm was in the block that is left out
			t.Errorf("%s: %d saturated runs, want 2", half, saturated)
		}
		svg, err := os.ReadFile(path + ".svg")
		if err != nil || !strings.Contains(string(svg), ">saturated<") || !strings.Contains(string(svg), "2 blocks") {
			t.Errorf("%s: neither saturation nor the blocks are told (%v)", half, err)
		}
	}
}
