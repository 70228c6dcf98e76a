package report

import (
	"fmt"
	"os"
	"strconv"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// Prober is what an independent client saw of one arm at one load, over the whole
// windows of its blocks together.
type Prober struct {
	PerSec    float64 `json:"per_sec"`
	RoundTrip Spread  `json:"round_trip"`
	Failed    int64   `json:"failed"`
	// Disagree is in how many of the blocks the cell is marked.
	Blocks   int `json:"blocks"`
	Disagree int `json:"blocks_disagree"`
	// CPU is its thread's, of the windows' length; Beside: on the generator's CPU.
	CPU    stats.Number `json:"cpu_ratio"`
	Beside bool         `json:"beside_generator"`
}

// probed sums the probes of an arm up; nil where none ran.
func probed(runs []*run, class string) (*Prober, error) {
	var p *Prober
	var all []*hdr.Histogram
	var cpuNs, windowNs float64
	var without int64 // requests that were due and whose round trip did not end
	told := true
	for _, r := range runs {
		s := r.Prober
		if s == nil {
			continue
		}
		if p == nil {
			p = &Prober{PerSec: s.PerSec}
		}
		p.Blocks++
		p.Failed += s.Failed
		without += s.Failed + s.Unsent
		p.Beside = p.Beside || s.Beside
		told = told && s.CPUNs >= 0
		cpuNs, windowNs = cpuNs+float64(s.CPUNs), windowNs+float64(r.Server.WindowNs)/r.Share() // its window is the load's
		for _, g := range r.Gates {
			if !g.OK && (g.Name == "probe" || g.Name == "probe-p99") {
				p.Disagree++
				break
			}
		}
		intervals, err := r.Intervals("probe", "")
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		all = append(all, intervals...)
	}
	if p == nil {
		return nil, nil
	}
	h, err := result.MergeHistograms(all)
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	if h == nil {
		h = hdr.New(1, 1000, 1)
	}
	// Those that failed count as the slowest, as they do in the load's own times.
	if err := h.RecordValues(h.HighestTrackableValue(), p.Failed); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	p.RoundTrip, p.CPU = spread(h, without, class), over(cpuNs, windowNs, told, "the system does not tell")
	p.RoundTrip.Count -= p.Failed
	return p, nil
}

// Probed reports whether any cell had a probe.
func (a *Analysis) Probed() bool {
	any := false
	a.each(func(_ *Group, p *Point) {
		for i := range p.Arms {
			any = any || p.Arms[i].Prober != nil
		}
	})
	return any
}

func proberRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "arm", "replicate", "per_sec", "blocks", "blocks_disagree", "round_trips", "failed",
		"probe_p50_ns", "probe_p99_ns", "service_p50_ns", "service_p99_ns", "cpu_ratio", "beside_generator",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			if q := x.Prober; q != nil {
				rows = append(rows, []string{
					g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate), plain(q.PerSec), strconv.Itoa(q.Blocks), strconv.Itoa(q.Disagree),
					strconv.FormatInt(q.RoundTrip.Count, 10), strconv.FormatInt(q.Failed, 10), field(q.RoundTrip.P50), field(q.RoundTrip.P99),
					field(x.Service.P50), field(x.Service.P99), field(q.CPU), strconv.FormatBool(q.Beside),
				})
			}
		}
	})
	return rows
}
