package report

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
)

// TestBeside: classes and backlogs of every block are in the analysis, the tables
// and the page, and where there are none the report does not speak of them.
func TestBeside(t *testing.T) {
	w := small(2)
	w.change = func(c *result.CellRecord) {
		c.Load.Classes = []load.ClassSummary{{Class: "metadata", OfferedPerSec: 50, Intended: 800, Acked: 797, Censored: 3}}
		c.Load.Consumer.Backlog = &load.Backlog{PauseSec: 1, Records: 1000, DrainNs: 2e6, CaughtUpNs: 3e6, Fetched: 1100, RecordsPerSec: 550e3, BytesPerSec: 5e8}
		if c.Block == 0 {
			c.Load.Consumer.Backlog.DrainNs, c.Load.Consumer.Backlog.CaughtUpNs = -1, -1
		}
	}
	dir := w.make(t)
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range r.Cells {
		for k, kind := range kinds[:endToEnd] {
			writeHlog(t, filepath.Join(c.Dir, "metadata-"+kind+".hlog"), "metadata", 2, 400, func() int64 { return 1000*int64(k+1) + random.Int64N(10) })
		}
	}
	_, a := build(t, dir)
	arm := a.Groups[0].Points[0].Arms[0] // not a replicate: in every block
	if len(arm.Classes) != 1 || arm.Drain == nil {
		t.Fatalf("got %+v", arm)
	}
	c, blocks := arm.Classes[0], int64(arm.Blocks)
	if p50, ok := c.Response.P50.Get(); c.Class != "metadata" || c.Offered != 50 || c.Response.Count != 800*blocks || c.Response.Censored != 3*blocks || !ok || p50 < 1000 || p50 > 1010 {
		t.Errorf("got %+v", c)
	}
	if ns, ok := arm.Drain.DrainNs.Get(); arm.Drain.Blocks != arm.Blocks || arm.Drain.Drained != arm.Blocks-1 || !ok || ns != 2e6 {
		t.Errorf("got %+v", arm.Drain)
	}
	for file, want := range map[string]string{
		"tables/classes.csv": ",metadata,50,", "tables/drains.csv": ",1000,2000000,3000000,550000,500000000",
		"report.html": "Beside the produce load",
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, want %q in it", file, err, want)
		}
	}
}

// TestDrained: a median is of all blocks, and there is none where the backlog outlived
// the window in the block in the middle.
func TestDrained(t *testing.T) {
	of := func(drainNs ...int64) *Drain {
		s := &runs{}
		for _, ns := range drainNs {
			b := &load.Backlog{PauseSec: 1, Records: 1000, DrainNs: ns, CaughtUpNs: 2 * ns, RecordsPerSec: 1e12 / float64(ns), BytesPerSec: 1e15 / float64(ns)}
			if ns < 0 {
				b.CaughtUpNs, b.RecordsPerSec, b.BytesPerSec = -1, 0, 0
			}
			c := &result.CellRecord{}
			c.Load.Consumer.Backlog = b
			s.all = append(s.all, &run{CellRecord: c})
		}
		return s.drained()
	}
	for _, c := range []struct {
		of   *Drain
		want float64 // 0: refused
	}{
		{of(1e6, 2e6, 3e6, 4e6, 5e6), 3e6},
		{of(1e6, -1, 2e6, 4e6, -1), 4e6}, // of those that were drained it would be 2e6
		{of(1e6, -1, -1, -1, 5e6), 0},
		{of(-1), 0},
	} {
		ns, _ := c.of.DrainNs.Get()
		caught, _ := c.of.CaughtUpNs.Get()
		rate, _ := c.of.RecordsPerSec.Get()
		if ns != c.want || caught != 2*c.want || c.want > 0 && rate != 1e12/c.want || c.of.RecordsPerSec.OK() != (c.want > 0) || !c.of.Records.OK() {
			t.Errorf("%+v, want %v", c.of, c.want)
		}
		if c.want == 0 && !strings.Contains(c.of.DrainNs.Refusal(), "blocks within the window") {
			t.Errorf("%q", c.of.DrainNs.Refusal())
		}
	}
}
