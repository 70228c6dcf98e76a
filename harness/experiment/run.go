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
	"slices"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/ledger"
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
	leave   time.Duration            // a test's: in place of leaveLimit
	Settle  time.Duration            // bounds the wait for the disk between cells; 0 is 15 s
}

// runner is one run in progress.
type runner struct {
	o     Options
	e     *workloads.Experiment
	cells []cell // still to run
	all   []cell // of the plan, repeated blocks too
	cut   bool   // a budget keeps cells from being run that are in the plan
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
	hold           *os.File             // open in every child, see [result.Hold]
	records        []*result.CellRecord // of this run so far, for loads that follow from them
	progress       *progress
}

// Run runs an experiment, or the rest of it, and returns the result directory.
// It returns [ErrStopped] with the directory when ctx or the budget ended it.
// A cell that goes wrong is recorded and does not end the run, unless cells of
// every arm do.
func Run(ctx context.Context, o Options) (dir string, err error) {
	r := &runner{o: o, e: o.Experiment, begun: time.Now(), pinned: runtime.GOOS == "linux"}
	if r.o.Settle == 0 {
		r.o.Settle = settleLimit
	}
	if r.o.leave == 0 {
		r.o.leave = leaveLimit
	}
	if o.Resume == "" { // else the plan is made, and the budget is for the rest of it
		if err := fit(r.e, o.Budget, ahead(r.e, o.Certify)); err != nil {
			return "", err
		}
	}
	if err := checkFiles(r.e); err != nil {
		return "", err
	}
	release, err := r.place()
	if err != nil {
		return "", err
	}
	defer release()
	defer r.ballast.Close()
	if o.Resume != "" {
		err = r.resume(ctx)
	} else {
		err = r.create(ctx)
	}
	defer r.close()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.enterEnd(err)) }()
	if err := r.certify(ctx); err != nil {
		return r.run.Dir, err
	}
	return r.run.Dir, r.runCells(ctx)
}

// leaveLimit is how long the children of a harness that was killed may take to end.
const leaveLimit = 15 * time.Second

// close lets the run's files go. What is in the journal is on the disk.
func (r *runner) close() {
	if r.hold != nil {
		r.hold.Close()
	}
	if r.journal != nil {
		r.journal.Close()
	}
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
	r.env.Checks, r.env.Fixed = r.machine.Examine(&r.env, facts), r.o.Fixed
	irq, _ := r.machine.DiskIRQ(where)
	r.placement, err = host.Split(r.e.Host.BrokerCPUs, r.e.Host.GeneratorCPUs, allowed, irq, r.machine.Siblings())
	if err != nil {
		return func() {}, err
	}
	r.env.Place(r.placement)
	if r.o.class != "" {
		r.env.Class = r.o.class
	}
	if !r.pinned {
		return func() {}, nil
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
func (r *runner) create(ctx context.Context) error {
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
	before, err := ledger.Before(r.o.Root, r.e.Name, result.SHA256(m.ExperimentText))
	if err != nil {
		return err
	}
	if r.run, err = result.Create(r.o.Root, m, &env); err != nil {
		return err
	}
	if err := ledger.Start(r.run.Dir, ledger.Started, m, len(r.cells)); err != nil {
		return err
	}
	if r.journal, _, err = result.OpenJournal(r.run.Dir); err != nil {
		return err
	}
	if r.hold, err = result.Hold(ctx, r.run.Dir, r.o.leave); err != nil {
		return err
	}
	r.progress = newProgress(r.o, r.e, len(r.cells), 0)
	return r.journal.Append(result.EventRunStart, "", before)
}

// resume opens the directory of an interrupted run and drops the cells that are
// done. The experiment and the program must be the ones it began with: a result
// is of one binary.
func (r *runner) resume(ctx context.Context) error {
	run, err := result.Open(r.o.Resume)
	if err != nil {
		return err
	}
	sum, err := result.FileSHA256(r.o.Binary)
	if err != nil {
		return fmt.Errorf("this program's own sum: %w", err)
	}
	if err := unchanged(run, r.e); err != nil {
		return err
	}
	switch {
	case run.Manifest.BinarySHA256 != sum:
		return fmt.Errorf("--resume %s: this program is not the one it was begun with; start a new run", r.o.Resume)
	case host.FormatCPUs(run.Manifest.Placement.Broker) != host.FormatCPUs(r.placement.Broker):
		return fmt.Errorf("--resume %s: its brokers ran on CPUs %s, here they would run on %s; start a new run",
			r.o.Resume, host.FormatCPUs(run.Manifest.Placement.Broker), host.FormatCPUs(r.placement.Broker))
	}
	if err := sameMachine(&run.Env, &r.env); err != nil {
		return fmt.Errorf("--resume %s: %w", r.o.Resume, err)
	}
	r.placement = run.Manifest.Placement
	var events []result.Event
	if r.journal, events, err = result.OpenJournal(run.Dir); err != nil {
		return err
	}
	if r.hold, err = result.Hold(ctx, run.Dir, r.o.leave); err != nil {
		return err
	}
	// Whoever ran it until now may have gone on since it was read.
	if run, err = result.Open(r.o.Resume); err != nil {
		return err
	}
	r.run, r.records = run, run.Cells
	for _, again := range run.Repeats {
		r.repeatedBlocks = append(r.repeatedBlocks, again.Block)
	}
	r.all, r.cells = left(r.e, run, events)
	ended := len(r.all) - len(r.cells)
	if r.cells, r.cut, err = affordable(r.e, r.cells, r.o.Budget); err != nil {
		return err
	}
	r.progress = newProgress(r.o, r.e, ended+len(r.cells), ended)
	if err := errors.Join(os.RemoveAll(r.dataRoot()), result.Unseal(run.Dir)); err != nil {
		return err
	}
	if err := ledger.Start(run.Dir, ledger.Resumed, &run.Manifest, len(r.all)); err != nil {
		return err
	}
	return r.journal.Append(result.EventRunResume, "", fmt.Sprintf("%d cells left", len(r.cells)))
}

// unchanged refuses to go on with another experiment than the run's.
func unchanged(run *result.Run, e *workloads.Experiment) error {
	if run.Manifest.ExperimentText != string(e.Source) {
		return fmt.Errorf("--resume %s: the experiment file has changed since; start a new run", run.Dir)
	}
	return sameTraces(run, e)
}

// enterEnd enters into the ledger how the run came to an end.
func (r *runner) enterEnd(err error) error {
	last := map[string]*result.CellRecord{} // of one that failed and was run again, the later counts
	for _, c := range r.records {
		last[fmt.Sprintf("%03d/%s", c.Block, c.ID)] = c
	}
	e := ledger.Entry{Event: ledger.Ended, Planned: len(r.all), Cells: len(last)}
	for _, c := range last {
		if c.Valid {
			e.Valid++
		}
	}
	switch {
	case errors.Is(err, ErrStopped):
		e.Event = ledger.Stopped
	case err != nil:
		e.Event, e.Why = ledger.Failed, err.Error()
	}
	return ledger.Append(r.run.Dir, e)
}

// dataRoot holds the data directories of cells, on the result's file system.
func (r *runner) dataRoot() string { return filepath.Join(r.run.Dir, "data") }

// maxFailures is how many cells in a row must have failed before the run gives up.
const maxFailures = 3

// hopeless reports whether a row of failed cells shows that the set-up is wrong, and
// not an arm or a load: every arm is in it, and nothing has ever worked or nothing in
// as many cells as a block has. A run must come to its end beside an arm that always
// dies, or it could never be reported on.
func (r *runner) hopeless(row []*result.CellRecord) bool {
	for _, arm := range r.e.Models {
		if !slices.ContainsFunc(row, func(c *result.CellRecord) bool { return c.Arm == arm.Name }) {
			return false
		}
	}
	worked := slices.ContainsFunc(r.records, func(c *result.CellRecord) bool { return c.Error == "" })
	return len(row) >= maxFailures && (!worked || len(row) >= len(r.e.CellsOf(0)))
}

func (r *runner) runCells(ctx context.Context) error {
	defer r.progress.close()
	var failed []*result.CellRecord // one behind the other
	narrow := false
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
				failed = append(failed, record)
			}
		} else {
			failed = nil
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
		if r.hopeless(failed) {
			return fmt.Errorf("%d cells in a row failed, the last one with: %s", len(failed), oneLine(record.Error))
		}
	}
	if r.cut && !narrow {
		return r.stopped()
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
