package steady

import (
	"fmt"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// Place is what the cells of one block that are compared have in common.
type Place struct {
	Workload   string
	Durability string
	LoadPerSec float64
	Block      int
}

// PlaceOf is a cell's.
func PlaceOf(c *result.CellRecord) Place {
	return Place{c.Workload, c.Durability, c.LoadPerSec, c.Block}
}

// Cuts is how many of the first intervals the cells of each place drop. Arms of a
// place drop the same, so that what is left of them are the same requests, due at
// the same moments.
type Cuts map[Place]int

// Find applies the rule to the response times of the cells that count, which read
// reads; nil where nothing is to be dropped. Searches are left as they are: the
// run has decided by whole windows already.
func Find(rule string, cells []*result.CellRecord, read func(c *result.CellRecord) ([]*hdr.Histogram, error)) (Cuts, error) {
	if rule != workloads.MSER {
		return nil, nil
	}
	judged := map[Place][]stats.Steady{}
	for _, c := range cells {
		if !c.Valid || c.Probe > 0 {
			continue
		}
		intervals, err := read(c)
		if err == nil {
			intervals, err = ByTime(intervals)
		}
		if err != nil {
			return nil, fmt.Errorf("%03d/%s: %w", c.Block, c.ID, err)
		}
		v := Judge(intervals)
		judged[PlaceOf(c)] = append(judged[PlaceOf(c)], v.P50, v.P99)
	}
	cuts := Cuts{}
	for place, all := range judged {
		cuts[place] = stats.CommonCut(all)
	}
	return cuts, nil
}

// Rest is what the rule leaves of the intervals of a cell, which it drops by the
// time at which they begin: those of several classes of requests begin together.
func (cuts Cuts) Rest(c *result.CellRecord, intervals []*hdr.Histogram) []*hdr.Histogram {
	cut := cuts[PlaceOf(c)]
	if cut == 0 {
		return intervals
	}
	times := starts(intervals)
	var out []*hdr.Histogram
	for _, h := range intervals {
		if cut < len(times) && h.StartTimeMs() >= times[cut] {
			out = append(out, h)
		}
	}
	return out
}
