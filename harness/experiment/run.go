package experiment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// ErrStopped is returned when a run ended before its plan did and can be resumed.
var ErrStopped = errors.New("stopped before the end of the plan")

// Options say how to run an experiment.
type Options struct {
	Experiment *workloads.Experiment
	Root       string        // results go to Root/<experiment>/…
	Resume     string        // the directory of a run to go on with; "" starts one
	Budget     time.Duration // whole blocks that fit into this; 0 is no limit
	Binary     string        // the ceteris executable; both sides are this
	Env        []string      // added to the children's environment
	Out        io.Writer     // progress
	Terminal   bool          // Out can move its cursor
	// Facts tries what the system does below a directory, for env.json; nil: it is
	// not tried. Fixed is what was changed on the machine for this run.
	Facts   func(dir string) host.Facts
	Fixed   []host.Change
	Certify bool                     // certify the load generator before the first cell
	judged  func(*result.CellRecord) // a test\'s: edits a record before it is written
	class   host.Class               // a test's: what the machine is taken for
	Settle  time.Duration            // bounds the wait for the disk between cells; 0 is 15 s
}

// runner is one run in progress.
type runner struct {
	o     Options
	e     *workloads.Experiment
	cells []cell // still to run
	all   []cell // of the plan, repeated blocks too
	// repeatedBlocks are those that were put on the plan a second time.
	repeatedBlocks []int
	begun          time.Time
	allowed        []int // CPUs of this process before it bound itself
	machine        host.Machine
	ballast        host.Ballast
	placement      host.Placement
	env            host.Env // the machine as it was before the harness bound itself
	pinned         bool
	run            *result.Run
	journal        *result.Journal
	records        []*result.CellRecord // of this run so far, for loads that follow from them
	progress       *progress
}

// Run runs an experiment, or the rest of it, and returns the result directory.
// It returns [ErrStopped] with the directory when ctx or the budget ended it.
// A cell that goes wrong is recorded and does not end the run, unless cells go
// on failing from the start.
func Run(ctx context.Context, o Options) (dir string, err error) {
	r := &runner{o: o, e: o.Experiment, begun: time.Now(), pinned: runtime.GOOS == "linux"}
	if r.o.Settle == 0 {
		r.o.Settle = settleLimit
	}
	if err := errors.Join(fit(r.e, o.Budget), checkFiles(r.e)); err != nil {
		return "", err
	}
	release, err := r.place()
	if err != nil {
		return "", err
	}
	defer release()
	defer r.ballast.Close()
	if o.Resume != "" {
		err = r.resume()
	} else {
		err = r.create()
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.journal.Close()) }()
	if err := r.certify(ctx); err != nil {
		return r.run.Dir, err
	}
	return r.run.Dir, r.runCells(ctx)
}

// place divides the CPUs and moves the harness itself to the generator's, off
// the broker's; release undoes that.
func (r *runner) place() (release func(), err error) {
	allowed, err := host.Allowed()
	if err != nil {
		return nil, err
	}
	r.allowed = allowed
	where := r.o.Resume
	if where == "" {
		where = r.o.Root
		if err := os.MkdirAll(where, 0o755); err != nil {
			return nil, fmt.Errorf("results: %w", err)
		}
	}
	r.env = r.machine.Capture(where) // before this process gives up CPUs that are the machine's
	var facts host.Facts
	if r.o.Facts != nil {
		facts = r.o.Facts(where)
	}
	if r.o.class != "" {
		r.env.Class = r.o.class
	}
	r.env.Checks, r.env.Fixed = r.machine.Examine(&r.env, facts), r.o.Fixed
	irq, _ := r.machine.DiskIRQ(where)
	r.placement, err = host.Split(r.e.Host.BrokerCPUs, r.e.Host.GeneratorCPUs, allowed, irq, r.machine.Siblings())
	if err != nil || !r.pinned {
		return func() {}, err
	}
	if err := host.Confine(r.placement.Generator); err != nil {
		return nil, err
	}
	return func() { _ = host.Confine(allowed) }, nil // was allowed before, so it is again
}

func (r *runner) brokerCPUs() []int {
	if !r.pinned {
		return nil
	}
	return r.placement.Broker
}

// create starts a new result directory.
func (r *runner) create() error {
	r.cells = plan(r.e)
	r.all = r.cells
	sum, err := result.FileSHA256(r.o.Binary)
	if err != nil {
		return fmt.Errorf("this program's own sum: %w", err)
	}
	env := r.env
	revision, dirty := revisionOf()
	m := &result.Manifest{
		Experiment: r.e.Name, ExperimentText: string(r.e.Source), BinarySHA256: sum,
		GoVersion: runtime.Version(), Revision: revision, Dirty: dirty, Seed: r.e.Seed,
		HostClass: env.Class, Placement: r.placement,
	}
	for _, a := range r.e.Models {
		m.Arms = append(m.Arms, result.Arm{Name: a.Name, Model: a.Model, Config: a.Set})
	}
	for _, c := range r.cells {
		m.Planned = append(m.Planned, c.PlannedCell)
	}
	if r.run, err = result.Create(r.o.Root, m, &env); err != nil {
		return err
	}
	if r.journal, _, err = result.OpenJournal(r.run.Dir); err != nil {
		return err
	}
	r.progress = newProgress(r.o, r.e, len(r.cells), 0)
	return r.journal.Append(result.EventRunStart, "", "")
}

// resume opens the directory of an interrupted run and drops the cells that are
// done. The experiment and the program must be the ones it began with: a result
// is of one binary.
func (r *runner) resume() error {
	run, err := result.Open(r.o.Resume)
	if err != nil {
		return err
	}
	sum, err := result.FileSHA256(r.o.Binary)
	if err != nil {
		return fmt.Errorf("this program's own sum: %w", err)
	}
	switch {
	case run.Manifest.ExperimentText != string(r.e.Source):
		return fmt.Errorf("--resume %s: the experiment file has changed since; start a new run", r.o.Resume)
	case run.Manifest.BinarySHA256 != sum:
		return fmt.Errorf("--resume %s: this program is not the one it was begun with; start a new run", r.o.Resume)
	case host.FormatCPUs(run.Manifest.Placement.Broker) != host.FormatCPUs(r.placement.Broker):
		return fmt.Errorf("--resume %s: its brokers ran on CPUs %s, here they would run on %s; start a new run",
			r.o.Resume, host.FormatCPUs(run.Manifest.Placement.Broker), host.FormatCPUs(r.placement.Broker))
	}
	r.run, r.placement, r.records = run, run.Manifest.Placement, run.Cells
	var events []result.Event
	if r.journal, events, err = result.OpenJournal(run.Dir); err != nil {
		return err
	}
	done := result.Done(events)
	// A budget may have cut the first run's plan: the manifest is what counts.
	r.all = within(plan(r.e), run.Manifest.Planned)
	for _, again := range run.Repeats {
		r.all = append(r.all, repeated(r.all, again)...)
		r.repeatedBlocks = append(r.repeatedBlocks, again.Block)
	}
	for _, c := range r.all {
		if !done[c.Key()] {
			r.cells = append(r.cells, c)
		}
	}
	r.progress = newProgress(r.o, r.e, len(r.all), len(r.all)-len(r.cells))
	if err := os.RemoveAll(r.dataRoot()); err != nil {
		return err
	}
	return r.journal.Append(result.EventRunResume, "", fmt.Sprintf("%d cells left", len(r.cells)))
}

// dataRoot holds the data directories of cells, on the result's file system.
func (r *runner) dataRoot() string { return filepath.Join(r.run.Dir, "data") }

// maxFailures is how many cells in a row may fail before the run gives up: by
// then it is the set-up that is wrong and not the cell.
const maxFailures = 3

func (r *runner) runCells(ctx context.Context) error {
	defer r.progress.close()
	failures, narrow := 0, false
	for i := range r.cells {
		c := &r.cells[i]
		if ctx.Err() != nil || r.o.Budget > 0 && time.Since(r.begun) > r.o.Budget {
			return r.stopped()
		}
		if c.Position == 0 {
			var why string
			if why, narrow = r.narrow(c.Block); narrow {
				if err := r.journal.Append(result.EventRunNarrow, "", why); err != nil {
					return err
				}
				break
			}
		}
		if err := r.probe(c.Block); err != nil {
			return err
		}
		if err := r.journal.Append(result.EventCellStart, c.Key(), ""); err != nil {
			return err
		}
		undecided := r.decide(c)
		r.progress.begin(c)
		var record *result.CellRecord
		var err error
		if undecided != nil {
			record, err = r.skipCell(c, undecided)
		} else {
			record, err = r.runCell(ctx, c)
		}
		if ctx.Err() != nil {
			return r.stopped()
		}
		if err != nil {
			return err // the record itself could not be written
		}
		r.records = append(r.records, record)
		event, detail := result.EventCellDone, ""
		if record.Error != "" {
			event, detail = result.EventCellFailed, record.Error
			if undecided == nil {
				failures++
			}
		} else {
			failures = 0
		}
		for _, g := range record.Gates {
			if !g.OK {
				if err := r.journal.Append(result.EventGate, c.Key(), g.Name+": "+g.Detail); err != nil {
					return err
				}
			}
		}
		if err := r.journal.Append(event, c.Key(), detail); err != nil {
			return err
		}
		r.progress.end(c, record)
		if failures >= maxFailures {
			return fmt.Errorf("%d cells in a row failed, the last one with: %s", failures, record.Error)
		}
	}
	if !narrow { // else what was disturbed is not missed
		again, err := r.repeat()
		if err != nil {
			return err
		}
		if again {
			return r.runCells(ctx)
		}
	}
	if err := r.journal.Append(result.EventRunDone, "", ""); err != nil {
		return err
	}
	return result.Seal(r.run.Dir)
}

// stopped records an orderly end before the plan's.
func (r *runner) stopped() error {
	if err := r.journal.Append(result.EventRunStop, "", ""); err != nil {
		return err
	}
	return ErrStopped
}

// revisionOf is the git revision that the Go tool stamped into this binary.
func revisionOf() (revision string, dirty bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	return revision, dirty
}
