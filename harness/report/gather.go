package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/steady"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// keptUp is the share of the offered load below which a run is saturated.
const keptUp = 0.99

// run is a valid cell and what is compared of it.
type run struct {
	*result.CellRecord
	response, endToEnd Spread
	stages             []Stage        // nil when the broker gave none
	shift              []stats.Number // of stats.ShiftPercentiles
	p99Lo, p99Hi       stats.Number
	steady             steady.Verdict
	dropped            int               // intervals
	curve              []figure.Quantile // of response times, as far as the run carries
	within             []within          // of p50 and p99, over those that are kept
	look               *look             // nil when the cell kept none
	overload           *OverloadRun      // nil when there was none
	line               *line             // nil when nothing was to happen
}

func (r *run) saturated() bool { return r.Load.AchievedRatio < keptUp }

// kinds are the logs of a cell.
var kinds = [...]string{"response", "service", "slip", "e2e"}

// Indices of kinds.
const (
	response = iota
	service
	slip
	endToEnd
)

// runs are the valid runs of one arm at one point, with their histograms merged:
// a run's own are let go as soon as its percentiles have been read off, because
// a long experiment has thousands.
type runs struct {
	all    []*run
	merged [len(kinds)]*hdr.Histogram
	beside besides
}

// list is the runs; none of an arm that has none.
func (s *runs) list() []*run {
	if s == nil {
		return nil
	}
	return s.all
}

// where is what one comparison holds equal.
type where struct {
	workload, durability string
	load                 float64
}

// who is one line of a figure.
type who struct {
	arm       string
	replicate bool
}

// data is the valid runs of a result, in the order of the plan.
type data map[where]map[who]*runs

// gather reads every valid cell's histograms, without what cuts drops of them.
func gather(r *result.Run, e *workloads.Experiment, cuts steady.Cuts) (data, error) {
	d := data{}
	for _, c := range r.Cells {
		if !c.Valid || c.Probe > 0 {
			continue // each probe is a load of its own, see capacities
		}
		at, w := where{c.Workload, c.Durability, c.LoadPerSec}, who{c.Arm, c.Replicate}
		if d[at] == nil {
			d[at] = map[who]*runs{}
		}
		if d[at][w] == nil {
			d[at][w] = &runs{beside: besides{}}
		}
		if err := d[at][w].add(c, eventful(e, c.Workload), string(r.Manifest.HostClass), cuts); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// add reads one cell. w is its workload where something was to happen meanwhile, else
// nil.
func (s *runs) add(c *result.CellRecord, w *workloads.Workload, class string, cuts steady.Cuts) error {
	x := &run{CellRecord: c, dropped: cuts[steady.PlaceOf(c)]}
	for k, kind := range kinds {
		intervals, err := c.Intervals(kind, "")
		if err != nil && !(k == endToEnd && os.IsNotExist(err)) {
			return err
		}
		h, err := result.MergeHistograms(cuts.Rest(c, intervals))
		if err != nil {
			return fmt.Errorf("%s: %s: %w", c.Dir, kind, err)
		}
		if h == nil {
			h = hdr.New(1, 1000, 1)
		}
		switch k {
		case response:
			x.response = spread(h, c.Load.Censored, class)
			if err := x.window(h, intervals, class); err != nil {
				return fmt.Errorf("%s: %s: %w", c.Dir, kind, err)
			}
			if err := x.happened(w, intervals, class); err != nil {
				return err
			}
		case endToEnd:
			x.endToEnd = spread(h, c.Load.Consumer.Censored, class)
		}
		if s.merged[k] != nil {
			if h, err = result.MergeHistograms([]*hdr.Histogram{s.merged[k], h}); err != nil {
				return fmt.Errorf("%s: %s: %w", c.Dir, kind, err)
			}
		}
		s.merged[k] = h
	}
	if err := s.beside.add(c, cuts); err != nil {
		return err
	}
	var err error
	if x.stages, err = readStages(c); err != nil {
		return err
	}
	if x.look, err = readLook(c); err != nil {
		return err
	}
	s.all = append(s.all, x)
	return nil
}

// window reads off what needs the intervals one by one; whole is merged from what is
// kept of them. Requests that were given up count as if all of them were in it.
func (x *run) window(whole *hdr.Histogram, intervals []*hdr.Histogram, class string) error {
	s := stats.Samples{Count: whole.TotalCount(), Censored: x.Load.Censored, Class: class}
	for _, p := range stats.ShiftPercentiles {
		n := stats.Of(float64(whole.ValueAtPercentile(p)))
		if why := s.Gate(p); why != "" {
			n = stats.Refuse("%s", why)
		}
		x.shift = append(x.shift, n)
	}
	byTime, err := steady.ByTime(intervals)
	if err != nil {
		return err
	}
	if x.response.Highest > 0 {
		x.curve = figure.Quantiles(whole, x.response.Highest)
	}
	x.steady = steady.JudgeFrom(byTime, x.dropped)
	x.within = []within{withinOf(byTime[x.dropped:], 50), withinOf(byTime[x.dropped:], 99)}
	if x.p99Lo, x.p99Hi = x.response.P99, x.response.P99; x.response.P99.OK() {
		x.p99Lo, x.p99Hi = stats.WithinRun(steady.Buckets(byTime[x.dropped:]), 99, uint64(x.Block))
	}
	return nil
}

// readStages reads the parts that add up to a produce request's time.
func readStages(c *result.CellRecord) ([]Stage, error) {
	all, err := result.ReadLog(filepath.Join(c.Dir, "stages.hlog"))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	byTag := map[string][]*hdr.Histogram{}
	for _, h := range all {
		byTag[h.Tag()] = append(byTag[h.Tag()], h)
	}
	var out []Stage
	for s := range telemetry.Stage(telemetry.Parts) {
		h, err := result.MergeHistograms(byTag[telemetry.Tag(telemetry.Produce, s)])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Dir, err)
		}
		if h == nil {
			return nil, nil
		}
		out = append(out, Stage{s.String(), h.TotalCount(), h.Mean()})
	}
	return out, nil
}

// spread reads the percentiles that the samples carry off h.
func spread(h *hdr.Histogram, censored int64, class string) Spread {
	s := stats.Samples{Count: h.TotalCount(), Censored: censored, Class: class}
	at := func(p float64) stats.Number {
		if why := s.Gate(p); why != "" {
			return stats.Refuse("%s", why)
		}
		return stats.Of(float64(h.ValueAtPercentile(p)))
	}
	out := Spread{
		Count: s.Count, Censored: censored, P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
		Highest: s.Highest(), Mean: stats.Refuse("no samples"),
	}
	switch {
	case censored > 0:
		out.Mean = stats.Refuse("%d of %d requests were given up or still waiting: the mean is not known", censored, s.Count)
	case s.Count > 0:
		out.Mean = stats.Of(h.Mean())
	}
	return out
}

// armPoint sums runs of one arm up.
func armPoint(w who, s *runs, class string) (ArmPoint, error) {
	p := ArmPoint{Arm: w.arm, Replicate: w.replicate, Blocks: len(s.all)}
	var censored, unsent, neverCame, cpu, switches, rss int64
	var achieved []float64
	var counted float64
	for _, r := range s.all {
		censored += r.Load.Censored
		unsent += r.Load.Unsent // in the slip, too, at what they had waited
		neverCame += r.Load.Consumer.Censored
		cpu += r.Server.CPUNs()
		switches += r.Server.CtxVol + r.Server.CtxInvol
		rss = max(rss, r.Server.MaxRSSBytes)
		p.Messages += r.Load.Records
		counted += r.Counted()
		achieved = append(achieved, r.Load.AchievedPerSec)
		p.Runs = append(p.Runs, RunPoint{
			Block: r.Block, Position: r.Position, Requests: r.response.Count, Achieved: stats.Round(r.Load.AchievedPerSec),
			Ratio: stats.Round(r.Load.AchievedRatio), P50: r.response.P50, P99: r.response.P99,
			CPU: perMessage(r.Server.CPUNs(), r.Counted()), P99Lo: r.p99Lo, P99Hi: r.p99Hi, Steady: r.steady, Dropped: r.dropped,
		})
	}
	sort.Slice(p.Runs, func(i, j int) bool { return p.Runs[i].Block < p.Runs[j].Block })
	p.Achieved = stats.Of(figure.Median(achieved))
	p.CPU, p.Switches = perMessage(cpu, counted), perMessage(switches, counted)
	p.MaxRSS = stats.Of(float64(rss))
	p.Response, p.Service = spread(s.merged[response], censored, class), spread(s.merged[service], censored, class)
	p.Slip, p.EndToEnd = spread(s.merged[slip], unsent, class), spread(s.merged[endToEnd], neverCame, class)
	p.Stages = mergeStages(s.all)
	p.Classes, p.Drain = s.classes(class), s.drained()
	p.Overload = s.overloaded()
	var err error
	p.Cost = cost(s.all)
	if p.Prober, err = probed(s.all, class); err != nil {
		return p, err
	}
	p.Inside, err = inside(s.all, class)
	return p, err
}

// mergeStages weighs each run's means by its requests. Means may be added and
// weighed so; percentiles may not.
func mergeStages(runs []*run) []Stage {
	var out []Stage
	for _, r := range runs {
		for i, s := range r.stages {
			if len(out) <= i {
				out = append(out, Stage{Name: s.Name})
			}
			out[i].MeanNs += s.MeanNs * float64(s.Count)
			out[i].Count += s.Count
		}
	}
	for i := range out {
		if out[i].Count > 0 {
			out[i].MeanNs = stats.Round(out[i].MeanNs / float64(out[i].Count))
		}
	}
	return out
}

func perMessage(n int64, messages float64) stats.Number {
	if messages <= 0 {
		return stats.Refuse("no message was acknowledged")
	}
	return stats.Of(float64(n) / messages)
}

// durabilities in the order of what they promise.
var durabilities = map[string]int{"memory": 1, "process": 2, "power": 3}

// order lists what there is: workloads as the experiment names them,
// durabilities by strength, loads upward.
func (d data) order(e *workloads.Experiment) []where {
	rank := map[string]int{}
	if e != nil {
		for i, w := range e.Workloads {
			rank[w.Name] = i + 1
		}
	}
	var out []where
	for w := range d {
		out = append(out, w)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		switch {
		case a.workload != b.workload && rank[a.workload] != rank[b.workload]:
			return rank[a.workload] < rank[b.workload]
		case a.workload != b.workload:
			return a.workload < b.workload
		case a.durability != b.durability && durabilities[a.durability] != durabilities[b.durability]:
			return durabilities[a.durability] < durabilities[b.durability]
		case a.durability != b.durability:
			return a.durability < b.durability
		}
		return a.load < b.load
	})
	return out
}

// hashRaw is over every raw file's path and contents: what a figure with this
// hash was drawn from.
func hashRaw(dir string) (string, error) {
	sum := sha256.New()
	for _, part := range []string{"blocks", "certificate.json", "env.json", "experiment.yaml", "journal.jsonl", "manifest.json"} {
		// WalkDir goes in lexical order.
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, e fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil || e.IsDir() {
				return err
			}
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			one, err := result.FileSHA256(path)
			fmt.Fprintf(sum, "%s  %s\n", one, strings.ReplaceAll(rel, "\\", "/"))
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}
