package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/probe"
	"github.com/ceteris/ceteris/harness/result"
)

// settleLimit bounds the wait for the disk between cells, unless told otherwise.
const settleLimit = 15 * time.Second

// interruptLimit is how long the broker of an interrupted cell may take to stop.
const interruptLimit = 5 * time.Second

// runCell runs one cell and writes its record. The error is one of writing;
// whatever goes wrong with the cell itself is in the record.
func (r *runner) runCell(ctx context.Context, c *cell) (*result.CellRecord, error) {
	dir := filepath.Join(r.run.Dir, c.Dir())
	// What an interrupted attempt left is not part of this one.
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.dataRoot(), 0o755); err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp(r.dataRoot(), "cell-")
	if err != nil {
		return nil, err
	}
	rec := newRecord(c)
	a := &attempt{r: r, c: c, rec: rec, dir: dir, data: data}
	if c.Probe == 0 {
		a.faults.todo = c.spec.Workload.Faults
	}
	a.settle(ctx)
	if err := a.measure(ctx); err != nil {
		rec.Error = err.Error()
	}
	if err := os.RemoveAll(r.dataRoot()); err != nil {
		return nil, err
	}
	a.judge()
	if r.o.judged != nil {
		r.o.judged(rec)
	}
	return rec, r.keep(c, rec)
}

// keep writes a cell's record, and has all that the cell has left on the disk before the
// journal says that it has ended.
func (r *runner) keep(c *cell, rec *result.CellRecord) error {
	if err := result.WriteJSON(filepath.Join(r.run.Dir, c.Dir(), "cell.json"), rec); err != nil {
		return err
	}
	return r.run.Sync(c.PlannedCell)
}

// newRecord is the record of a cell of which nothing is known yet.
func newRecord(c *cell) *result.CellRecord {
	return &result.CellRecord{
		Schema: result.CellSchema, ID: c.ID, Block: c.Block, Position: c.Position,
		Workload: c.Workload, Durability: c.Durability, Arm: c.Arm, Model: c.Model,
		Replicate: c.Replicate, LoadPerSec: c.LoadPerSec, Probe: c.Probe, Fraction: c.Fraction, StartUTC: time.Now().UTC().Format(time.RFC3339Nano),
	}
}

// skipCell records a cell that cannot be run, and why.
func (r *runner) skipCell(c *cell, why error) (*result.CellRecord, error) {
	dir := filepath.Join(r.run.Dir, c.Dir())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	rec := newRecord(c)
	rec.Error = why.Error()
	return rec, r.keep(c, rec)
}

// attempt is a cell while it runs.
type attempt struct {
	r         *runner
	c         *cell
	rec       *result.CellRecord
	dir, data string
	b         *child.Broker
	s         *sampler
	noise     host.Noise // at measure-start
	hiccups   *host.HiccupProbe
	prober    *probe.Prober     // the independent client; nil: none
	threads   []host.ThreadCost // at measure-start
	events    *host.EventCounters
	generator int // its process
	atStart   result.Metrics
	prepared  chan struct{} // closed when what is read as the window begins has been read
	firstRead int64         // when the counters were; CLOCK_MONOTONIC, ns
	faults    faults
	problems  []error // of the scrapes at the window's ends
	ended     bool    // measure-end was seen
}

// settle has memory ready for the page cache and lets the disk finish what the
// cell before left behind. Memory first: what that cell has just freed is still
// the machine's own.
func (a *attempt) settle(ctx context.Context) {
	a.rec.PrewarmBytes = prewarmBytes(a.r.e, a.c, a.r.machine.MemoryBytes())
	err := a.r.ballast.Fill(a.rec.PrewarmBytes)
	if err != nil {
		a.gate("prewarmed", false, true, err.Error())
	}
	ctx, cancel := context.WithTimeout(ctx, a.r.o.Settle)
	defer cancel()
	if err = host.Settle(ctx, a.r.run.Dir); err != nil {
		a.gate("settled", false, true, err.Error())
	}
}

// measure starts both sides, waits for the load's end and stops the broker.
func (a *attempt) measure(ctx context.Context) (err error) {
	if a.b, err = a.r.startBroker(a.c, a.dir, a.data); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	if err := result.WriteJSON(filepath.Join(a.dir, "broker.json"), a.b.Ready); err != nil {
		return errors.Join(err, a.b.Finish())
	}
	a.rec.Affinity.BrokerWanted, a.rec.Affinity.GeneratorWanted = a.r.placement.Broker, a.r.placement.Generator
	a.s = startSampler(a.r.machine, a.b.PID())
	err = a.offer(ctx)
	a.heard() // of a window that never ended
	a.asked()
	if a.events != nil {
		a.events.Close()
	}
	err = errors.Join(err, a.s.close(filepath.Join(a.dir, "counters.csv")))
	if len(a.problems) > 0 {
		// A broker that does not answer is often one that has ended a moment ago.
		select {
		case <-a.b.Ended():
		case <-time.After(time.Second):
		}
	}
	alive := a.b.Alive()
	var exit error
	if ctx.Err() == nil {
		exit = a.b.Finish()
	} else { // whoever interrupts a run with a broker that hangs is not to wait for it
		exit = a.b.FinishWithin(interruptLimit)
	}
	if !alive {
		if exit == nil {
			exit = errors.New("the broker ended before it was asked to, with exit code 0")
		} else {
			exit = fmt.Errorf("the broker ended before it was asked to: %w", exit)
		}
		if said := a.b.LastWords(); said != "" {
			exit = fmt.Errorf("%w (%s)", exit, said)
		}
		// Whatever the load ran into follows from this.
		return exit
	}
	if exit != nil {
		a.gate("broker-exit", false, false, exit.Error())
	} else {
		a.gate("broker-exit", true, false, "exit 0")
	}
	return err
}

// offer runs the load to its end, or until the broker dies.
func (a *attempt) offer(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-a.b.Ended():
			cancel()
		case <-ctx.Done():
		}
	}()
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		a.r.ballast.Follow(ctx, func() int64 { return a.r.machine.Dirtied(a.b.PID()) })
	}()
	defer func() { cancel(); <-followed }()
	a.askBeside()
	pid := make(chan int, 1)
	g, err := a.r.startLoad(a.c, a.dir, a.b.Ready.Listen, func(event string, monotonicNs int64) {
		switch event {
		case load.EventPlanned:
			a.prepared = make(chan struct{})
			go func() {
				defer close(a.prepared)
				id := <-pid
				pid <- id
				a.prepare(ctx, id, monotonicNs)
			}()
		case load.EventStart:
			if a.prepared != nil {
				<-a.prepared // what could not be read in time is read in the window
			}
			if a.prober != nil {
				a.prober.Begin()
			}
		case load.EventEnd:
			a.end()
		}
	})
	if err != nil {
		return err
	}
	pid <- g.PID()
	summary, err := g.Finish(ctx, a.r.e.Warmup+a.r.e.Measure+spare(a.c))
	cancel()
	if a.prepared != nil {
		<-a.prepared
	}
	a.rec.Faults = a.faults.end()
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	a.rec.Load = *summary
	counters, ok := a.s.window()
	if !ok || !a.ended {
		return errors.New("load: the measured window was not announced, or the broker's counters could not be read at its ends")
	}
	own := &a.rec.Server
	counters.GCCycles, counters.GoHeapBytes = own.GCCycles, own.GoHeapBytes
	counters.EventCounts, counters.PerThread = own.EventCounts, own.PerThread
	if summary.StartMonotonicNs > 0 {
		counters.LagNs = a.firstRead - summary.StartMonotonicNs
	}
	a.rec.Server = counters
	if n := a.rec.Counted(); n > 0 {
		a.rec.CPUPerMessageNs = float64(counters.CPUNs()) / n
	}
	return errors.Join(a.problems...)
}

// readAhead is how long before the measured window the harness reads what it has to: it
// takes 8 to 35 ms, on the generator's CPU and the broker's, and in the window it
// would be what p99 tells of.
const readAhead = 60 * time.Millisecond

// prepare waits until the measured window is near, at startNs of CLOCK_MONOTONIC, has
// stages restart, and reads all counters; the broker's process last, so that this work
// is not in its CPU time.
func (a *attempt) prepare(ctx context.Context, generator int, startNs int64) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(time.Duration(startNs-load.Monotonic()) - min(readAhead, a.r.e.Warmup/2)):
	}
	if ns, err := strconv.ParseInt(a.b.Ready.Config["service.time.ns"], 10, 64); err == nil {
		a.faults.ownService = time.Duration(ns)
	}
	a.faults.begin(startNs, a.b.Admin)
	a.generator = generator
	a.readBack()
	a.ask("POST", "/stages/reset", "")
	a.ask("POST", "/workers/start?every="+a.sampleEvery().String(), "")
	a.count()
	a.scrapeBegin()
	a.listen() // not while this takes its CPU
	a.noise = a.r.machine.Noise(a.r.placement.Used()...)
	a.s.begin()
	a.firstRead = load.Monotonic()
}

// end is called as the measured window ends: counters first.
func (a *attempt) end() {
	a.s.end()
	a.counted()
	a.rec.Noise = a.r.machine.Noise(a.r.placement.Used()...).Since(a.noise)
	a.heard()
	a.asked()
	a.faults.gone.Wait() // all are planned to be over by now
	a.readBack()         // threads that were made meanwhile are where they belong, too
	a.ask("POST", "/workers/stop", "workers.csv")
	a.toldBy(a.ask("GET", "/stages", "stages.hlog"))
	after := result.ParseMetrics(a.ask("GET", "/metrics", "metrics.txt"))
	if before, ok := a.atStart[gcCycles]; ok {
		n := int64(after[gcCycles] - before)
		a.rec.Server.GCCycles = &n
	}
	if bytes, ok := after[goHeap]; ok {
		n := int64(bytes)
		a.rec.Server.GoHeapBytes = &n
	}
	a.ended = true
}

// Metrics that go into a cell's record.
const (
	gcCycles = "ceteris_go_gc_cycles_total"
	goHeap   = "ceteris_go_heap_objects_bytes"
)

// scrapeBegin keeps what differences need: no comments, and no buckets, most of
// which start anew with the stages.
func (a *attempt) scrapeBegin() {
	scrape := a.ask("GET", "/metrics", "")
	a.atStart = result.ParseMetrics(scrape)
	var kept []byte
	for line := range bytes.Lines(scrape) {
		if line[0] != '#' && !bytes.Contains(line, []byte("_bucket{")) {
			kept = append(kept, line...)
		}
	}
	if err := os.WriteFile(filepath.Join(a.dir, "metrics-begin.txt"), kept, 0o644); err != nil {
		a.problems = append(a.problems, err)
	}
}

// ask asks the broker's admin port and keeps the answer in a file of the cell
// ("": nowhere). Whatever goes wrong makes the cell invalid.
func (a *attempt) ask(method, path, file string) []byte {
	body, err := a.b.Admin(method, path)
	if err == nil && file != "" {
		err = os.WriteFile(filepath.Join(a.dir, file), body, 0o644)
	}
	if err != nil {
		a.problems = append(a.problems, fmt.Errorf("the broker's %s: %w", path, err))
	}
	return body
}

// The samples of where the broker's threads spend their time: enough for a
// picture, and never so many that the broker notices.
const (
	samplesPerCell  = 20
	leastSampleStep = 50 * time.Millisecond
)

func (a *attempt) sampleEvery() time.Duration {
	return max(a.r.e.Measure/samplesPerCell, leastSampleStep)
}

// readBack asks the kernel where both sides may run.
func (a *attempt) readBack() {
	if !a.r.pinned {
		a.gate("pinned", false, true, "this system does not bind processes to CPUs")
		return
	}
	check := func(name string, pid int, want []int, got *[]int) {
		cpus, err := a.r.machine.ReadBack(pid, want)
		if cpus == nil && *got != nil {
			return // it has ended since it was looked at
		}
		*got = cpus
		if err != nil {
			a.gate(name, false, false, err.Error())
			return
		}
		a.gate(name, true, false, "CPUs "+host.FormatCPUs(cpus))
	}
	check("broker-affinity", a.b.PID(), a.r.placement.Broker, &a.rec.Affinity.BrokerGot)
	check("generator-affinity", a.generator, a.r.placement.Generator, &a.rec.Affinity.GeneratorGot)
}

// gate records a gate. One that is looked at twice keeps the worse answer.
func (a *attempt) gate(name string, ok, advisory bool, detail string) {
	for i := range a.rec.Gates {
		if g := &a.rec.Gates[i]; g.Name == name {
			if g.OK && !ok {
				g.OK, g.Advisory, g.Detail = false, advisory, detail
			}
			return
		}
	}
	a.rec.Gates = append(a.rec.Gates, result.Gate{Name: name, OK: ok, Advisory: advisory, Detail: detail})
}
