package report

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/experiment"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// world is what the runs of a synthetic result are drawn from.
type world struct {
	blocks   int
	shape    string // loads and durabilities, for the experiment file
	requests int    // in each of a run's two intervals
	class    host.Class
	seed     uint64
	// medianNs is a run's median response time.
	medianNs    func(p result.PlannedCell) float64
	connections string // of the experiment file; "": 4
	models      string // of the experiment file; "": tpc and threadpool
	endpoints   string // appended to those of the experiment file
	claims      string // appended to the experiment file
	intervals   int    // of a run; 0: two
	// drift is the factor by which the median grows from a cell's first interval to
	// its last; nil for none.
	drift func(p result.PlannedCell) float64
	// level is a factor of the median in one of a cell's intervals; nil for none.
	level func(p result.PlannedCell, interval int) float64
	// inside has the cells say what happened in their brokers.
	inside bool
	// change edits a record before it is written; nil for none.
	change func(c *result.CellRecord)
	// edit changes the experiment file, files those of a cell and its record; nil for
	// neither.
	edit  func(text string) string
	files func(t testing.TB, dir string, p result.PlannedCell, c *result.CellRecord)
}

const worldText = `name: world
question: "Does tpc < threadpool & at what cost?"
models: [tpc, threadpool]
replicate: alternate
blocks: %d
seed: 7
memory: 128MiB
driver: raw
warmup: 500ms
measure: 2s
%s
    partitions: 4
    connections: %s
    inflight: 8
    size: 1KiB
    consumers: 1
endpoints: {primary: "p99 response produce", rope: 0.05%s}
`

// The shapes of worlds: six points, and one.
const (
	wide = `loads: {kind: absolute, per_second: [2000, 8000, 20000]}
workloads:
  - name: 1k
    durability: [process, power]`
	narrow = `loads: {kind: absolute, per_second: [2000]}
workloads:
  - name: 1k
    durability: [process]`
)

// small is even with one point only.
func small(blocks int) world {
	w := even(blocks)
	w.shape = narrow
	return w
}

// unlikeItself is small with replicates that take twice their arm's time.
func unlikeItself(blocks int) world {
	w := small(blocks)
	before := w.medianNs
	w.medianNs = func(p result.PlannedCell) float64 {
		if p.Replicate {
			return 2 * before(p)
		}
		return before(p)
	}
	return w
}

// even is a world in which tpc takes seven tenths of the thread pool's time.
func even(blocks int) world {
	return world{blocks: blocks, shape: wide, requests: 2000, class: host.ClassC, seed: 1, medianNs: func(p result.PlannedCell) float64 {
		base := 120e3 * (1 + p.LoadPerSec/20000)
		if p.Durability == "power" {
			base *= 3
		}
		if p.Model == "tpc" {
			base *= 0.7
		}
		return base
	}}
}

// make writes the world's result with the writers that a run uses.
func (w world) make(t testing.TB) string {
	t.Helper()
	connections := w.connections
	if connections == "" {
		connections = "4"
	}
	text := fmt.Sprintf(worldText, w.blocks, w.shape, connections, w.endpoints) + w.claims
	if w.models != "" {
		text = strings.Replace(text, "[tpc, threadpool]", w.models, 1)
	}
	if w.edit != nil {
		text = w.edit(text)
	}
	e, err := workloads.Parse("world.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m := &result.Manifest{
		Experiment: e.Name, ExperimentText: text, Seed: e.Seed, HostClass: w.class, GoVersion: "go", BinarySHA256: "0123",
		Placement: host.Placement{Broker: []int{1}, Generator: []int{0}, Why: "halves"}, Planned: experiment.Plan(e),
	}
	for _, a := range e.Models {
		m.Arms = append(m.Arms, result.Arm{Name: a.Name, Model: a.Model})
	}
	r, err := result.Create(t.TempDir(), m, &host.Env{Schema: "ceteris-env/1", Class: w.class, Reasons: []string{"made up"}})
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := result.OpenJournal(r.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for i, p := range m.Planned {
		w.cell(t, r, p, rand.New(rand.NewPCG(w.seed, uint64(i))))
		if err := j.Append(result.EventCellDone, p.Key(), ""); err != nil {
			t.Fatal(err)
		}
	}
	return r.Dir
}

// cell writes one cell.
func (w world) cell(t testing.TB, r *result.Run, p result.PlannedCell, random *rand.Rand) {
	t.Helper()
	dir := filepath.Join(r.Dir, p.Dir())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	median := w.medianNs(p) * math.Exp(random.NormFloat64()*0.02)
	lognormal := func(m, sigma float64) func() int64 {
		return func() int64 { return int64(m * math.Exp(random.NormFloat64()*sigma)) }
	}
	w.writeResponse(t, filepath.Join(dir, "response.hlog"), p, lognormal(median, 0.5))
	intervals := max(2, w.intervals)
	each := 2 * w.requests / intervals
	writeHlog(t, filepath.Join(dir, "service.hlog"), "produce", intervals, each, lognormal(median*0.97, 0.5))
	writeHlog(t, filepath.Join(dir, "slip.hlog"), "produce", intervals, each, func() int64 { return random.Int64N(4000) })
	writeHlog(t, filepath.Join(dir, "e2e.hlog"), "fetch", intervals, each, lognormal(median*1.2, 0.5))
	writeStages(t, filepath.Join(dir, "stages.hlog"), median, random)
	broker := map[string]any{
		"config": map[string]string{"model": p.Model, "spin": "50µs"},
		"facts":  map[string]string{"process.data.dir": dir, "shards": map[string]string{"tpc": "1", "threadpool": "0"}[p.Model]},
	}
	if err := result.WriteJSON(filepath.Join(dir, "broker.json"), broker); err != nil {
		t.Fatal(err)
	}
	n := int64(2 * w.requests)
	run := int64(float64(n) * 20e3 * (1 + 4000/p.LoadPerSec))
	if p.Model == "tpc" {
		run /= 2
	}
	c := &result.CellRecord{
		Schema: result.CellSchema, ID: p.ID, Block: p.Block, Position: p.Position, Workload: p.Workload, Durability: p.Durability,
		Arm: p.Arm, Model: p.Model, Replicate: p.Replicate, LoadPerSec: p.LoadPerSec, Probe: p.Probe, Fraction: p.Fraction, Valid: true,
		Load: load.Summary{
			Driver: "raw", OfferedPerSec: p.LoadPerSec, AchievedPerSec: p.LoadPerSec, AchievedRatio: 1, Intended: n, Acked: n, Records: n,
		},
		Server: result.ServerCounters{CPURunNs: &run, CtxVol: n / 4, CtxInvol: n / 50, MaxRSSBytes: 100 << 20},
		Gates:  []result.Gate{{Name: "slip", OK: true, Advisory: true, Detail: "small"}},
	}
	if w.inside {
		writeInside(t, dir, p, c)
	}
	if w.change != nil {
		w.change(c)
	}
	if w.files != nil {
		w.files(t, dir, p, c)
	}
	if err := result.WriteJSON(filepath.Join(dir, "cell.json"), c); err != nil {
		t.Fatal(err)
	}
}

// writeResponse writes a run's response times, which may drift.
func (w world) writeResponse(t testing.TB, path string, p result.PlannedCell, draw func() int64) {
	t.Helper()
	n, end := max(2, w.intervals), 1.0
	if w.drift != nil {
		end = w.drift(p)
	}
	at := 0
	writeHlog(t, path, "produce", n, 2*w.requests/n, func() int64 {
		interval := at * n / (2 * w.requests)
		at++
		factor := math.Pow(end, float64(interval)/float64(n-1))
		if w.level != nil {
			factor *= w.level(p, interval)
		}
		return int64(float64(draw()) * factor)
	})
}

func writeHlog(t testing.TB, path, tag string, intervals, each int, draw func() int64) {
	t.Helper()
	var hists []*hdr.Histogram
	for range intervals {
		h := hdr.New(1, 10e9, 2)
		h.SetTag(tag)
		for range each {
			if err := h.RecordValue(draw()); err != nil {
				t.Fatal(err)
			}
		}
		hists = append(hists, h)
	}
	writeIntervals(t, path, hists)
}

// writeStages splits a total between the parts that the brokers report.
func writeStages(t testing.TB, path string, totalNs float64, random *rand.Rand) {
	t.Helper()
	shares := []float64{.08, .02, .01, .15, .05, .55, .02, .06, .06}
	var hists []*hdr.Histogram
	for s := range telemetry.Stage(telemetry.Parts) {
		h := hdr.New(1, 10e9, 2)
		h.SetTag(telemetry.Tag(telemetry.Produce, s))
		for range 100 {
			if err := h.RecordValue(int64(totalNs * shares[s] * (0.9 + 0.2*random.Float64()))); err != nil {
				t.Fatal(err)
			}
		}
		hists = append(hists, h)
	}
	writeIntervals(t, path, hists)
}

// writeInside writes what a broker of two shards, or of a processor and a
// handler, says of itself over a window of two seconds.
func writeInside(t testing.TB, dir string, p result.PlannedCell, c *result.CellRecord) {
	t.Helper()
	written, heap := int64(3<<20), int64(8e6)
	c.Server.WindowNs, c.Server.WriteBytes, c.Server.GoHeapBytes, c.Load.PayloadBytes = 2e9, &written, &heap, 1<<20
	c.Load.EndMonotonicNs = 2e9
	c.Server.CtxVol, c.Server.CtxInvol = c.Load.Acked, 2*c.Load.Acked
	names := [2]string{"network-0", "handler-0"}
	begin, end := "ceteris_go_gc_cycles_total 5\n", "# HELP x\nceteris_go_gc_cycles_total 7\nceteris_go_gc_cpu_seconds_total 0.02\nceteris_go_gc_pause_seconds_sum 0.004\n"
	if p.Model == "tpc" {
		names = [2]string{"shard-0", "shard-1"}
		begin += `ceteris_parts_local_total{shard="0"} 100` + "\n"
		end += `ceteris_parts_local_total{shard="0"} 400
ceteris_parts_remote_total{shard="0"} 60
ceteris_parts_remote_total{shard="1"} 40
ceteris_append_bytes_total{shard="0"} 1000
ceteris_append_written_bytes_total{shard="0"} 4096
ceteris_reactor_stalls_total{shard="1"} 1
ceteris_machine_steal_seconds_total{cpu="1"} 0.1
ceteris_arena_used_bytes{shard="0"} 4096
ceteris_arena_used_bytes{shard="1"} 4096
`
		path := filepath.Join(dir, "stages.hlog")
		all, err := result.ReadLog(path)
		if err != nil {
			t.Fatal(err)
		}
		hops := hdr.New(1, 10e9, 3)
		hops.SetTag(telemetry.Hop.String())
		for i := range int64(400) {
			_ = hops.RecordValue(1000 + i)
		}
		writeIntervals(t, path, append(all, hops))
	}
	if p.Model == "threadpool" {
		begin += `ceteris_lock_wait_nanoseconds_total{class="log"} 1000` + "\n"
		end += fmt.Sprintf(`ceteris_lock_wait_nanoseconds_total{class="log"} %d
ceteris_lock_wait_nanoseconds_total{class="requestQueue"} %d
ceteris_lock_contended_total{class="log"} %d
ceteris_lock_held_sampled_total{class="log"} 4
ceteris_lock_held_sampled_nanoseconds_total{class="log"} 4800
`, 1000+20*c.Load.Acked, 30*c.Load.Acked, c.Load.Acked)
	}
	workers := "t_ns,worker,busy_ns,spin_ns,sleep_ns\n"
	for step := range int64(3) {
		workers += fmt.Sprintf("%d,%s,%d,%d,%d\n%d,%s,%d,%d,%d\n", step*1e9, names[0], step*8e8, step*2e8, 0, step*1e9, names[1], step*2e8, 0, step*8e8)
	}
	for name, text := range map[string]string{"metrics-begin.txt": begin, "metrics.txt": end, "workers.csv": workers} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func writeIntervals(t testing.TB, path string, hists []*hdr.Histogram) {
	t.Helper()
	var b bytes.Buffer
	w := hdr.NewHistogramLogWriter(&b)
	for i, h := range hists {
		h.SetStartTimeMs(int64(1000 * (i + 1)))
		h.SetEndTimeMs(int64(1000 * (i + 2)))
		if err := w.OutputIntervalHistogram(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
