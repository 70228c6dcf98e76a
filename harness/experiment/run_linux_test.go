package experiment

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ceteris/ceteris/harness/ledger"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// small is an experiment of one workload at one load; its cells take a moment.
func small(blocks int, workload string, models ...string) *workloads.Experiment {
	e := &workloads.Experiment{
		Name: "small", Replicate: workloads.Alternate, Blocks: blocks, Seed: 1, Driver: workloads.Raw,
		Host:        workloads.Host{BrokerCPUs: workloads.Auto, GeneratorCPUs: workloads.Auto},
		MemoryBytes: 64 << 20, Measure: 20 * time.Millisecond,
		Loads:     workloads.Loads{Kind: workloads.Absolute, PerSecond: []float64{100}},
		Workloads: []*workloads.Workload{{Name: workload, Durability: []string{"process"}, Topics: 1, Partitions: 1}},
		Source:    []byte("name: small\n"),
	}
	for _, m := range models {
		e.Models = append(e.Models, workloads.Arm{Name: m, Model: m})
	}
	return e
}

func options(t *testing.T, e *workloads.Experiment) Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Experiment: e, Root: t.TempDir(), Binary: self, Env: fakeEnv, Out: &bytes.Buffer{},
		// Whatever else this machine writes is not waited for, nor does it gate a cell.
		Settle: 100 * time.Millisecond,
		judged: calm,
	}
}

// fakeEnv makes a child a fake. One that is built with the race detector would sleep a
// second as it ends.
var fakeEnv = []string{fakeMark + "=1", "GORACE=atexit_sleep_ms=0"}

// calm takes from a record what others did to the machine meanwhile, which is not
// the test's.
func calm(c *result.CellRecord) {
	c.Valid = c.Error == ""
	for i := range c.Gates {
		g := &c.Gates[i]
		switch g.Name {
		case "steal", "throttled", "hiccups":
			g.OK = true
		}
		c.Valid = c.Valid && (g.OK || g.Advisory)
	}
}

func open(t *testing.T, dir string) *result.Run {
	t.Helper()
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func gateOf(c *result.CellRecord, name string) *result.Gate {
	for i := range c.Gates {
		if c.Gates[i].Name == name {
			return &c.Gates[i]
		}
	}
	return nil
}

func TestRunCompletes(t *testing.T) {
	o := options(t, small(2, "w", "a", "b"))
	out := o.Out.(*bytes.Buffer)
	dir, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Verify(dir); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if len(r.Cells) != 6 || !r.Complete {
		t.Fatalf("%d cells, complete %v; want 6", len(r.Cells), r.Complete)
	}
	replicates := map[string]int{}
	for _, c := range r.Cells {
		// What the hypervisor takes meanwhile is not the run's doing.
		if steal := gateOf(c, "steal"); c.Error != "" || !c.Valid && (steal == nil || steal.OK) {
			t.Errorf("%03d/%s is not valid: %s %+v", c.Block, c.ID, c.Error, c.Gates)
		}
		if c.Replicate {
			replicates[c.Arm]++
		}
		for _, name := range []string{"broker-affinity", "generator-affinity", "broker-exit", "oracle", "answers"} {
			if g := gateOf(c, name); g == nil || !g.OK {
				t.Errorf("%s: gate %s is %+v, want passed", c.ID, name, g)
			}
		}
		if c.Server.WindowNs <= 0 || c.Server.Threads < 1 || c.Server.MaxRSSBytes <= 0 {
			t.Errorf("%s: counters %+v", c.ID, c.Server)
		}
		if c.Hiccups == nil {
			t.Errorf("%s: no probe of the machine's noise", c.ID)
		}
		if c.Server.GCCycles == nil || *c.Server.GCCycles != 10 {
			t.Errorf("%s: GC cycles %v, want the difference of two scrapes, 10", c.ID, c.Server.GCCycles)
		}
		for _, file := range []string{"stages.hlog", "metrics.txt", "metrics-begin.txt", "workers.csv", "counters.csv", "broker.json", "server.log", "load.json"} {
			if _, err := os.Stat(filepath.Join(c.Dir, file)); err != nil {
				t.Error(err)
			}
		}
	}
	if replicates["a"] != 1 || replicates["b"] != 1 {
		t.Errorf("replicates by arm: %v, want one each: they alternate", replicates)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Errorf("the brokers' data is still there: %v", err)
	}
	if n := strings.Count(out.String(), "\n"); n != 6 {
		t.Errorf("%d lines without a terminal, want one per cell:\n%s", n, out)
	}
}

// TestCertify: the certificate is taken once, before the first cell, and is part
// of the result whatever it says.
func TestCertify(t *testing.T) {
	o := options(t, small(1, "w", "a"))
	o.Certify = true
	dir, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := open(t, dir).Certificate()
	if err != nil || c == nil {
		t.Fatalf("certificate %v, %v", c, err)
	}
	d := c.Driver(workloads.Raw)
	if d == nil || len(d.Checks) < 5 || d.NullPerSec["w"] != 100 {
		t.Fatalf("certificate of the driver: %+v", d)
	}
	// The fake generator's slip is 50 µs, and it answers no probe.
	for _, name := range []string{"raw: slip", "raw: probe"} {
		if !slices.Contains(c.Failed(), name) {
			t.Errorf("failed %v, want %s among them", c.Failed(), name)
		}
	}
	if err := result.Verify(dir); err != nil {
		t.Errorf("a failing certificate is kept and the result sound: %v", err)
	}
}

// TestBadCells: what goes wrong with a cell is in its record, and it is kept.
func TestBadCells(t *testing.T) {
	cases := []struct {
		workload, bad string
		wantError     string // in the record
		wantGate      string // failed instead
	}{
		{workload: "w", bad: modelDirty, wantGate: "broker-exit"},
		{workload: "w", bad: modelDies, wantError: "disk on fire"},
		{workload: "w", bad: modelLeaves, wantError: "the broker ended before it was asked to, with exit code 0"},
		{workload: workloadLossy, bad: "a", wantGate: "oracle"},
		{workload: workloadMute, bad: "a", wantError: "window was not announced"},
		{workload: workloadFails, bad: "a", wantError: "no leaders"},
	}
	for _, c := range cases {
		t.Run(c.workload+"/"+c.bad, func(t *testing.T) {
			e := small(1, c.workload, "a", c.bad)
			if c.bad == "a" {
				e.Models = e.Models[:1]
			}
			e.Replicate = "a" // so that one bad cell at most follows another
			o := options(t, e)
			o.judged = calm
			dir, err := Run(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, cell := range open(t, dir).Cells {
				if cell.Arm != c.bad {
					if !cell.Valid {
						t.Errorf("%s is not valid: %s %+v", cell.ID, cell.Error, cell.Gates)
					}
					continue
				}
				seen++
				if cell.Valid {
					t.Errorf("%s is valid", cell.ID)
				}
				if c.wantError == "" && cell.Error != "" || !strings.Contains(cell.Error, c.wantError) {
					t.Errorf("%s: error %q, want %q", cell.ID, cell.Error, c.wantError)
				}
				if c.wantGate != "" {
					if g := gateOf(cell, c.wantGate); g == nil || g.OK {
						t.Errorf("%s: gate %s is %+v, want failed", cell.ID, c.wantGate, g)
					}
				}
			}
			if seen == 0 {
				t.Error("the bad cell left no record")
			}
			if err := result.Verify(dir); err != nil {
				t.Errorf("a run with bad cells is still a result: %v", err)
			}
		})
	}
}

// TestGivesUp: a set-up that cannot work ends the run soon, in the broker's words.
func TestGivesUp(t *testing.T) {
	for model, want := range map[string]string{modelRefuses: "no memory for you", modelSilent: "no ready line"} {
		_, err := Run(context.Background(), options(t, small(9, "w", model)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "3 cells in a row") {
			t.Errorf("%s: %v, want an end after 3 cells that says %q", model, err, want)
		}
	}
}

// canceler cancels when n lines were written: an interrupt between two cells or
// in the middle of one.
type canceler struct {
	bytes.Buffer
	n      int
	cancel func()
}

func (c *canceler) Write(b []byte) (int, error) {
	c.n -= bytes.Count(b, []byte("\n"))
	if c.n == 0 {
		c.cancel()
	}
	return c.Buffer.Write(b)
}

func TestResume(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := options(t, small(2, "w", "a", "b"))
	o.judged = calm
	o.Out = &canceler{n: 2, cancel: cancel}
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatalf("interrupted: %v", err)
	}
	if r := open(t, dir); len(r.Cells) != 2 || r.Complete {
		t.Fatalf("%d cells after the interrupt, want 2", len(r.Cells))
	}
	// A crash rather than an interrupt: a torn journal, a cell half done.
	journal := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	planned := open(t, dir).Manifest.Planned
	text = append(text, `{"t":"x","event":"cell-start","cell":"`+planned[2].Key()+"\"}\n{\"t\":"...)
	if err := os.WriteFile(journal, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, leftover := range []string{filepath.Join(planned[2].Dir(), "half.csv"), "data/cell-1/segment"} {
		p := filepath.Join(dir, leftover)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	again := options(t, small(2, "w", "a", "b"))
	again.Root, again.Resume, again.judged = o.Root, dir, calm
	if _, err := Run(context.Background(), again); err != nil {
		t.Fatal(err)
	}
	if err := result.Verify(dir); err != nil {
		t.Fatal(err)
	}
	entries, torn, err := ledger.Read(o.Root)
	var course []ledger.Event
	for _, e := range entries {
		course = append(course, e.Event)
	}
	want := []ledger.Event{ledger.Started, ledger.Stopped, ledger.Resumed, ledger.Ended}
	if err != nil || torn != 0 || !slices.Equal(course, want) || entries[1].Cells != 2 || entries[3].Valid != 6 {
		t.Errorf("the ledger: %+v, %d torn, %v; want %v", entries, torn, err, want)
	}
	if _, err := os.Stat(filepath.Join(dir, planned[2].Dir(), "half.csv")); !os.IsNotExist(err) {
		t.Error("what the crash left of a cell became part of it")
	}
	events, err := result.ReadJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	starts := map[string]int{}
	for _, e := range events {
		if e.Event == result.EventCellStart {
			starts[e.Cell]++
		}
	}
	for i, p := range planned {
		want := 1
		if i == 2 {
			want = 2
		}
		if starts[p.Key()] != want {
			t.Errorf("cell %s ran %d times, want %d", p.Key(), starts[p.Key()], want)
		}
	}

	changed := options(t, small(2, "w", "a", "b"))
	changed.Root, changed.Resume = o.Root, dir
	changed.Experiment.Source = []byte("name: other\n")
	if _, err := Run(context.Background(), changed); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("resuming with another experiment: %v", err)
	}
}

// TestInterruptOfAHang: a broker that does not stop is killed when the run is
// interrupted, and the run ends as any other that is.
func TestInterruptOfAHang(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	root := t.TempDir()
	o := options(t, small(1, workloadSlow, modelStuck))
	o.Root = root
	go func() {
		begun(t, root)
		cancel()
	}()
	if _, err := Run(ctx, o); !errors.Is(err, ErrStopped) {
		t.Errorf("interrupted: %v", err)
	}
	if left := processesOf(t, root); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// TestInterruptInACell: both children end, the data goes, the run can go on.
func TestInterruptInACell(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := options(t, small(1, workloadSlow, "a"))
	time.AfterFunc(500*time.Millisecond, cancel)
	dir, err := Run(ctx, o)
	if !errors.Is(err, ErrStopped) {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); !os.IsNotExist(err) {
		t.Errorf("the broker's data is still there: %v", err)
	}
	if r := open(t, dir); len(r.Cells) != 0 {
		t.Errorf("%d cells have a record, want none: the one that ran did not end", len(r.Cells))
	}
}
