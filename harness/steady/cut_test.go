package steady

import (
	"errors"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// cellOf is a cell of a block that counts.
func cellOf(block int, arm string) *result.CellRecord {
	return &result.CellRecord{Workload: "w", Durability: "process", LoadPerSec: 100, Block: block, Arm: arm, Valid: true}
}

func TestFind(t *testing.T) {
	after := func(k int) func(int) float64 {
		return func(i int) float64 {
			if i < k {
				return 1e6
			}
			return 1e5
		}
	}
	of := map[*result.CellRecord][]*hdr.Histogram{
		cellOf(0, "a"): made(t, 20, 500, "produce", after(2)),
		cellOf(0, "b"): made(t, 20, 500, "produce", after(4)),
		cellOf(1, "a"): made(t, 20, 500, "produce", after(3)),
		cellOf(1, "b"): made(t, 20, 500, "produce", after(15)), // has no say
		cellOf(2, "a"): made(t, 5, 500, "produce", after(1)),   // too few to judge
	}
	var cells []*result.CellRecord
	for c := range of {
		cells = append(cells, c)
	}
	search, failed := cellOf(0, "c"), cellOf(0, "d")
	search.Probe, failed.Valid = 1, false
	read := func(c *result.CellRecord) ([]*hdr.Histogram, error) {
		if of[c] == nil {
			return nil, errors.New("not to be read")
		}
		return of[c], nil
	}
	cuts, err := Find(workloads.MSER, append(cells, search, failed), read)
	if err != nil {
		t.Fatal(err)
	}
	for block, want := range []struct{ least, most int }{{4, 9}, {3, 9}, {0, 0}} {
		c := cellOf(block, "b")
		if got := cuts[PlaceOf(c)]; got < want.least || got > want.most {
			t.Errorf("block %d: %d intervals, want %d to %d", block, got, want.least, want.most)
		}
	}
	if none, err := Find(workloads.NoCut, cells, read); none != nil || err != nil {
		t.Errorf("without a rule: %v, %v", none, err)
	}
	if _, err := Find(workloads.MSER, []*result.CellRecord{cellOf(0, "x")}, read); err == nil {
		t.Error("a log that cannot be read was passed over")
	}
}

// TestRest: two classes of requests lose the same stretch of time.
func TestRest(t *testing.T) {
	level := func(int) float64 { return 1e5 }
	both := append(made(t, 6, 10, "produce", level), made(t, 6, 10, "fetch", level)...)
	c := cellOf(0, "a")
	got := Cuts{PlaceOf(c): 2}.Rest(c, both)
	if len(got) != 8 {
		t.Fatalf("%d intervals, want 8", len(got))
	}
	for _, h := range got {
		if h.StartTimeMs() < 2000 {
			t.Errorf("one that begins after %d ms", h.StartTimeMs())
		}
	}
	if got := (Cuts{}).Rest(c, both); len(got) != len(both) {
		t.Errorf("nothing to cut: %d intervals of %d", len(got), len(both))
	}
	if got := (Cuts{PlaceOf(c): 6}).Rest(c, both); len(got) != 0 {
		t.Errorf("all is cut: %d left", len(got))
	}
}
