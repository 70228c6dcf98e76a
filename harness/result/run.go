package result

import (
	"fmt"
	"os"
	"path/filepath"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
)

// Run is a result directory that was read.
type Run struct {
	Dir      string
	Manifest Manifest
	Env      host.Env
	Cells    []*CellRecord // those with a record, failed ones too, in the order of the plan
	Planned  []PlannedCell // those of the manifest and of repeated blocks
	Repeats  []Repeat
	Complete bool   // every planned cell has a record, or the run was Narrow
	Narrow   string // why it ended before its plan did; "" when it did not
	// Retried are ends of cells that failed and were run again when the run was
	// resumed: of these no record is left.
	Retried []Event
	Before  string // what was run before it, as the ledger said; "" of older versions
}

// Open reads the manifest and every cell that has a record. It does not check sums; see
// [Verify].
func Open(dir string) (*Run, error) {
	r := &Run{Dir: dir}
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		return nil, fmt.Errorf("%s is not a result directory: it has no manifest.json", dir)
	}
	if err := readJSON(filepath.Join(dir, "manifest.json"), &r.Manifest); err != nil {
		return nil, err
	}
	if r.Manifest.Schema != ManifestSchema {
		return nil, fmt.Errorf("%s: schema %q, expected %q", filepath.Join(dir, "manifest.json"), r.Manifest.Schema, ManifestSchema)
	}
	if err := readJSON(filepath.Join(dir, "env.json"), &r.Env); err != nil {
		return nil, err
	}
	events, err := ReadJournal(dir)
	if err != nil {
		return nil, err
	}
	ended := Ended(events)
	r.Planned, r.Repeats = r.Manifest.Plan(events), Repeats(events)
	for _, p := range r.Planned {
		if !ended[p.Key()] {
			continue
		}
		c := &CellRecord{Dir: filepath.Join(dir, p.Dir())}
		path := filepath.Join(c.Dir, "cell.json")
		if err := readJSON(path, c); err != nil {
			return nil, err
		}
		if c.Schema != CellSchema {
			return nil, fmt.Errorf("%s: schema %q, expected %q", path, c.Schema, CellSchema)
		}
		if c.ID != p.ID || c.Block != p.Block {
			return nil, fmt.Errorf("%s: describes cell %03d/%s, expected %s", path, c.Block, c.ID, p.Key())
		}
		r.Cells = append(r.Cells, c)
	}
	r.Complete, r.Retried = len(r.Cells) == len(r.Planned), retried(events)
	for _, e := range events {
		switch e.Event {
		case EventRunStart:
			r.Before = e.Detail
		case EventRunNarrow:
			r.Narrow, r.Complete = e.Detail, true
		}
	}
	return r, nil
}

// Histogram merges every interval of one of a cell's logs: kind is response,
// service, slip, e2e or stages; tag picks one class, "" takes all. It returns
// nil without error when the log holds nothing of that class.
func (c *CellRecord) Histogram(kind, tag string) (*hdr.Histogram, error) {
	intervals, err := c.Intervals(kind, tag)
	if err != nil {
		return nil, err
	}
	return MergeHistograms(intervals)
}

// Intervals returns the histograms of one of a cell's logs one by one.
func (c *CellRecord) Intervals(kind, tag string) ([]*hdr.Histogram, error) {
	path := filepath.Join(c.Dir, kind+".hlog")
	all, err := ReadLog(path)
	if err != nil {
		return nil, err
	}
	if tag == "" {
		return all, nil
	}
	var out []*hdr.Histogram
	for _, h := range all {
		if h.Tag() == tag {
			out = append(out, h)
		}
	}
	return out, nil
}

// ReadLog reads an HdrHistogram log.
func ReadLog(path string) ([]*hdr.Histogram, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	reader := hdr.NewHistogramLogReader(f)
	var out []*hdr.Histogram
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			return nil, fmt.Errorf("%s: interval %d: %w", path, len(out)+1, err)
		}
		if h == nil {
			return out, nil
		}
		out = append(out, h)
	}
}

// MergeHistograms adds histograms up. Percentiles are never averaged: whoever
// wants one over several cells merges first. A value that the sum cannot hold
// is an error, never a silent loss.
func MergeHistograms(parts []*hdr.Histogram) (*hdr.Histogram, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	lowest, highest, digits := parts[0].LowestTrackableValue(), parts[0].HighestTrackableValue(), parts[0].SignificantFigures()
	for _, h := range parts[1:] {
		lowest = min(lowest, h.LowestTrackableValue())
		highest = max(highest, h.HighestTrackableValue())
		digits = max(digits, h.SignificantFigures())
	}
	sum := hdr.New(lowest, highest, int(digits))
	var want int64
	for _, h := range parts {
		want += h.TotalCount()
		if dropped := sum.Merge(h); dropped != 0 {
			return nil, fmt.Errorf("merging histograms: %d values above %d would be lost", dropped, highest)
		}
	}
	if got := sum.TotalCount(); got != want {
		return nil, fmt.Errorf("merging histograms: %d values became %d", want, got)
	}
	return sum, nil
}
