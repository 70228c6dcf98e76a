package report

import (
	"fmt"
	"math"
	"strconv"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/steady"
)

// Beside is one class of requests beside the produce load, of one arm at one
// load, its blocks' histograms merged.
type Beside struct {
	Class    string  `json:"class"`
	Offered  float64 `json:"offered_per_sec"`
	Response Spread  `json:"response"`
	Service  Spread  `json:"service"`
	Slip     Spread  `json:"slip"`
}

// Drain is how consumers that had paused drained what had gathered: medians over
// all blocks, in which one that did not is slower than any that did.
type Drain struct {
	PauseSec      float64      `json:"pause_sec"`
	Blocks        int          `json:"blocks"`
	Drained       int          `json:"blocks_drained"`
	Records       stats.Number `json:"records"`
	DrainNs       stats.Number `json:"drain_ns"`
	CaughtUpNs    stats.Number `json:"caught_up_ns"`
	RecordsPerSec stats.Number `json:"records_per_sec"`
	BytesPerSec   stats.Number `json:"bytes_per_sec"`
}

// besides is the merged histograms of the classes, by name and kind.
type besides map[string]*[endToEnd]*hdr.Histogram

// add reads a cell's classes.
func (b besides) add(c *result.CellRecord, cuts steady.Cuts) error {
	for _, s := range c.Load.Classes {
		m := b[s.Class]
		if m == nil {
			m = &[endToEnd]*hdr.Histogram{}
			b[s.Class] = m
		}
		for k := range m {
			intervals, err := c.Intervals(s.Class+"-"+kinds[k], "")
			if err != nil {
				return err
			}
			h, err := result.MergeHistograms(cuts.Rest(c, intervals))
			if err != nil {
				return err
			}
			if m[k] != nil && h != nil {
				if h, err = result.MergeHistograms([]*hdr.Histogram{m[k], h}); err != nil {
					return fmt.Errorf("%s: %s %s: %w", c.Dir, s.Class, kinds[k], err)
				}
			}
			if h != nil {
				m[k] = h
			}
		}
	}
	return nil
}

// classes sums the classes of an arm up, in the workload's order.
func (s *runs) classes(class string) []Beside {
	var out []Beside
	if len(s.all) == 0 {
		return nil
	}
	for i, c := range s.all[0].Load.Classes {
		var censored, unsent int64
		for _, r := range s.all {
			if i < len(r.Load.Classes) {
				censored += r.Load.Classes[i].Censored
				unsent += r.Load.Classes[i].Unsent
			}
		}
		m := s.beside[c.Class]
		of := func(k int) *hdr.Histogram {
			if m == nil || m[k] == nil {
				return hdr.New(1, 1000, 1)
			}
			return m[k]
		}
		out = append(out, Beside{
			Class: c.Class, Offered: c.OfferedPerSec, Response: spread(of(response), censored, class),
			Service: spread(of(service), censored, class), Slip: spread(of(slip), unsent, class),
		})
	}
	return out
}

// drained sums the backlogs of an arm up; nil where consumers did not pause.
func (s *runs) drained() *Drain {
	var d Drain
	// A backlog that was not drained took longer than any that was, at a rate below
	// any: a median over the others would be one of those that went well. Rates are
	// negative, so that the same block is in the middle.
	var records, took, caught, perSec, bytes []float64
	for _, r := range s.all {
		b := r.Load.Consumer.Backlog
		if b == nil {
			continue
		}
		d.Blocks++
		d.PauseSec = b.PauseSec
		records = append(records, float64(b.Records))
		if b.DrainNs < 0 || b.CaughtUpNs < 0 {
			took, caught = append(took, math.Inf(1)), append(caught, math.Inf(1))
			perSec, bytes = append(perSec, math.Inf(1)), append(bytes, math.Inf(1))
			continue
		}
		d.Drained++
		took, caught = append(took, float64(b.DrainNs)), append(caught, float64(b.CaughtUpNs))
		perSec, bytes = append(perSec, -b.RecordsPerSec), append(bytes, -b.BytesPerSec)
	}
	if d.Blocks == 0 {
		return nil
	}
	of := func(v []float64) stats.Number {
		if m := figure.Median(v); !math.IsInf(m, 1) {
			return stats.Of(math.Abs(m))
		}
		return stats.Refuse("the backlog was drained in %d of %d blocks within the window", d.Drained, d.Blocks)
	}
	d.Records, d.DrainNs, d.CaughtUpNs, d.RecordsPerSec, d.BytesPerSec = of(records), of(took), of(caught), of(perSec), of(bytes)
	return &d
}

// Mixed reports whether anything ran beside the produce load.
func (g *Group) Mixed() bool {
	for i := range g.Points {
		for _, a := range g.Points[i].Arms {
			if len(a.Classes) > 0 {
				return true
			}
		}
	}
	return false
}

// Paused reports whether consumers did.
func (g *Group) Paused() bool {
	for i := range g.Points {
		for _, a := range g.Points[i].Arms {
			if a.Drain != nil {
				return true
			}
		}
	}
	return false
}

func classRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "arm", "replicate", "class", "offered_per_sec", "requests", "censored",
		"response_p50_ns", "response_p99_ns", "service_p50_ns", "service_p99_ns", "slip_p50_ns", "slip_p99_ns",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			for _, c := range x.Classes {
				rows = append(rows, []string{
					g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate), c.Class, plain(c.Offered),
					strconv.FormatInt(c.Response.Count, 10), strconv.FormatInt(c.Response.Censored, 10),
					field(c.Response.P50), field(c.Response.P99), field(c.Service.P50), field(c.Service.P99), field(c.Slip.P50), field(c.Slip.P99),
				})
			}
		}
	})
	return rows
}

func drainRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "arm", "replicate", "pause_sec", "blocks", "blocks_drained", "records",
		"drain_ns", "caught_up_ns", "records_per_sec", "bytes_per_sec",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			if d := x.Drain; d != nil {
				rows = append(rows, []string{
					g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate), plain(d.PauseSec),
					strconv.Itoa(d.Blocks), strconv.Itoa(d.Drained), field(d.Records),
					field(d.DrainNs), field(d.CaughtUpNs), field(d.RecordsPerSec), field(d.BytesPerSec),
				})
			}
		}
	})
	return rows
}
