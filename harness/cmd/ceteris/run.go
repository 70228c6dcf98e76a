package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ceteris/ceteris/harness/crate"
	"github.com/ceteris/ceteris/harness/experiment"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/workloads"
)

type runCmd struct {
	File    string        `arg:"" help:"The experiment file."`
	Results string        `default:"results" placeholder:"DIR" help:"Results go below this directory, and brokers' data beside them."`
	Resume  string        `placeholder:"DIR" help:"Go on with the run in this directory."`
	DryRun  bool          `help:"Print the plan and how long it takes; run nothing."`
	Fix     bool          `help:"Mend of the machine what ceteris doctor --fix does, for the time of the run. Needs root."`
	Certify bool          `help:"Certify the load generator first and keep the certificate in the result; takes half a minute and three seconds a workload."`
	Budget  time.Duration `placeholder:"TIME" help:"Run the whole blocks that fit into this, such as 30m."`
}

// Run runs an experiment and reports on it.
func (c *runCmd) Run(ctx context.Context, std streams) error {
	e, err := workloads.Load(c.File)
	if err != nil {
		return usageError{err}
	}
	dir, err := c.run(ctx, std, e)
	if errors.Is(err, experiment.ErrStopped) {
		return fmt.Errorf("%w; go on with: ceteris run %s --resume %s", err, c.File, dir)
	}
	return err
}

// run runs e and reports on it; with --dry-run it prints the plan.
func (c *runCmd) run(ctx context.Context, std streams, e *workloads.Experiment) (dir string, err error) {
	for _, a := range e.Models {
		if err := checkArm(e, a); err != nil {
			return "", usage("%s:%d: models: %s: %s", c.File, a.Line, a.Name, asLine(err))
		}
	}
	if c.Budget < 0 {
		return "", usage("--budget %v is negative", c.Budget)
	}
	if c.Resume != "" {
		if err := isResult(c.Resume); err != nil {
			return "", usage("--resume: %v", err)
		}
	}
	if c.DryRun {
		return "", c.plan(std.out, e)
	}
	if !brokersRun {
		return "", errors.New("brokers run on Linux only; report, verify, compare and log work here")
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding this program: %w", err)
	}
	release, err := alone(ctx, std)
	if err != nil {
		return "", err
	}
	defer release()
	fixed, restore, err := c.fix(std)
	if err != nil {
		return "", err
	}
	defer restore()
	dir, err = experiment.Run(ctx, experiment.Options{
		Facts: tried, Fixed: fixed,
		Experiment: e, Root: c.Results, Resume: c.Resume, Budget: c.Budget, Certify: c.Certify,
		Binary: self, Out: std.out, Terminal: isTerminal(std.out),
	})
	if err != nil {
		return dir, err
	}
	if err := makeReport(std.out, dir); err != nil {
		return dir, err
	}
	return dir, enterReport(dir)
}

// fix mends the machine if asked to; restore undoes it. What the kernel refuses
// is printed and does not keep the run from beginning.
func (c *runCmd) fix(std streams) (fixed []host.Change, restore func(), err error) {
	if !c.Fix {
		return nil, func() {}, nil
	}
	if err := os.MkdirAll(c.Results, 0o755); err != nil {
		return nil, nil, usage("--results: %v", err)
	}
	var m host.Machine
	d := doctorCmd{Record: doctorRecord()}
	env := m.Capture(c.Results)
	env.Checks = m.Examine(&env, tried(c.Results))
	fixed, err = d.fix(m, &env)
	var wrong usageError
	if errors.As(err, &wrong) {
		return nil, nil, err
	}
	if err != nil {
		fmt.Fprintf(std.err, "ceteris run: --fix: %s\n", asLine(err))
	}
	for _, x := range fixed {
		fmt.Fprintf(std.out, "changed for this run: %s: %s from %s to %s\n", x.Check, x.Path, x.Was, x.Is)
	}
	return fixed, func() {
		if len(fixed) == 0 {
			return
		}
		if err := d.undo(std, m); err != nil {
			fmt.Fprintf(std.err, "ceteris run: %v\n", err)
		}
	}, nil
}

// checkArm refuses a factor that does not exist, or that its model does not
// have, before hours have passed.
func checkArm(e *workloads.Experiment, a workloads.Arm) error {
	if !brokersRun {
		return nil
	}
	m, err := models.Lookup(a.Model)
	if err != nil {
		return err
	}
	cfg := models.DefaultConfig(m)
	cfg.MemoryBytes = e.MemoryBytes
	for k, v := range a.Set {
		if err := cfg.Set(k, v); err != nil {
			return err
		}
	}
	cfg.DataDir = "." // making a broker touches no directory; starting one would
	_, err = m.New(cfg)
	return err
}

func (c *runCmd) plan(out io.Writer, e *workloads.Experiment) error {
	cells, takes, err := experiment.Within(e, c.Budget, c.Resume, c.Certify)
	if err != nil {
		return usageError{err}
	}
	for _, p := range cells {
		fmt.Fprintf(out, "%s\n", p.Key())
	}
	// Not e.Blocks: shares of a capacity take blocks of their own, and a stop allows more.
	blocks := map[int]bool{}
	for _, p := range cells {
		blocks[p.Block] = true
	}
	words := "blocks"
	if len(blocks) == 1 {
		words = "block"
	}
	if e.Stop != nil {
		words += " at most"
	}
	fmt.Fprintf(out, "%d cells in %d %s, about %v\n", len(cells), len(blocks), words, takes.Round(time.Second))
	return nil
}

type reportCmd struct {
	Dir       string `arg:"" help:"A result directory."`
	Endpoints string `placeholder:"FILE" help:"Take endpoints and claims from this experiment file; the report is exploratory and goes to --out."`
	Out       string `placeholder:"DIR" help:"Where a report with other endpoints goes; made by this."`
}

// Run makes the report again.
func (c *reportCmd) Run(std streams) error {
	if err := isResult(c.Dir); err != nil {
		return err
	}
	if c.Endpoints == "" && c.Out == "" {
		return makeReport(std.out, c.Dir)
	}
	return c.explore(std.out)
}

// explore reports with endpoints that were not declared before the run, beside the
// result and not in it.
func (c *reportCmd) explore(out io.Writer) error {
	if c.Endpoints == "" || c.Out == "" {
		return usage("--endpoints and --out go together: a result's own report has the endpoints that were declared before the run")
	}
	e, err := workloads.Load(c.Endpoints)
	if err != nil {
		return usageError{err}
	}
	if err := outside(c.Dir, c.Out); err != nil {
		return err
	}
	headline, err := report.Explore(c.Dir, c.Out, e)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, headline)
	fmt.Fprintln(out, "\n"+filepath.Join(c.Out, "report.html"))
	return nil
}

// outside refuses a place for output that lies in the result.
func outside(dir, out string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(dir, to); err == nil && filepath.IsLocal(rel) {
		return usage("--out %s lies in the result, which is never changed", out)
	}
	return nil
}

// makeReport writes the report, seals the directory with it, and prints where
// it is and what it says.
func makeReport(out io.Writer, dir string) error {
	if err := rawFiles(dir); err != nil {
		return err
	}
	headline, err := report.Build(dir)
	if err != nil {
		return err
	}
	if err := crate.Write(dir); err != nil {
		return err
	}
	if err := result.Seal(dir); err != nil {
		return err
	}
	fmt.Fprintln(out, headline)
	if page := filepath.Join(dir, "report.html"); exists(page) {
		fmt.Fprintln(out, "\n"+page)
	}
	return nil
}

// rawFiles refuses to report on, and to seal again, files that are not those that the
// run has sealed. A run that goes on may have been sealed in the middle of it.
func rawFiles(dir string) error {
	r, err := result.Open(dir)
	if err != nil || !r.Complete {
		return err
	}
	if err := result.VerifyRaw(dir); err != nil {
		return fmt.Errorf("%s is not what was measured: %s", dir, asLine(err))
	}
	return nil
}

type verifyCmd struct {
	Dir string `arg:"" help:"A result directory."`
}

// Run checks a result.
func (c *verifyCmd) Run(std streams) error {
	if err := isResult(c.Dir); err != nil {
		return err
	}
	if err := result.Verify(c.Dir); err != nil {
		return err
	}
	if err := report.Verify(c.Dir); err != nil {
		return err
	}
	if err := crate.Verify(c.Dir); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: sums, schema and report agree\n", c.Dir)
	return nil
}

type compareCmd struct {
	A string `arg:"" help:"A result directory."`
	B string `arg:"" help:"Another one."`
}

// Run prints two results side by side.
func (c *compareCmd) Run(std streams) error {
	for _, dir := range []string{c.A, c.B} {
		if err := isResult(dir); err != nil {
			return err
		}
	}
	text, err := report.Compare(c.A, c.B)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, text)
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isResult refuses what was not meant before anything is written there.
func isResult(dir string) error {
	if !exists(filepath.Join(dir, "manifest.json")) {
		return usage("%s is not a result directory: it has no manifest.json", dir)
	}
	return nil
}

// isTerminal reports whether out is a terminal that can move its cursor.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
