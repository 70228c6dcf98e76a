package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ceteris/ceteris/harness/experiment"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/workloads"
)

type tuneCmd struct {
	Model    string        `arg:"" enum:"threadpool" help:"The model: threadpool."`
	File     string        `arg:"" help:"The experiment file whose workloads and loads are offered."`
	Workload string        `placeholder:"NAME" help:"Offer this workload of the file only."`
	Network  []int         `placeholder:"N" help:"Values of num.network.threads. Default: 1, 3 and the broker's CPUs."`
	IO       []int         `name:"io" placeholder:"N" help:"Values of num.io.threads. Default: 1, 8, the broker's CPUs and twice as many."`
	Threads  []string      `default:"os,goroutine" enum:"os,goroutine" placeholder:"T" help:"Values of the factor threads: os, goroutine."`
	For      string        `enum:"requests,cpu,p99," default:"" placeholder:"AIM" help:"What is best: requests (per second; default in a closed loop), cpu (requests for the broker's CPU time) or p99 (default where loads are given)."`
	Blocks   int           `placeholder:"N" help:"Blocks, in place of the file's."`
	Out      string        `placeholder:"FILE" help:"Write the best point here, as an arm for an experiment's models."`
	Results  string        `default:"results" placeholder:"DIR" help:"Results go below this directory."`
	Resume   string        `placeholder:"DIR" help:"Go on with the run in this directory; the other flags as they were."`
	DryRun   bool          `help:"Print the plan and how long it takes; run nothing."`
	Budget   time.Duration `placeholder:"TIME" help:"Run the whole blocks that fit into this, such as 30m."`
}

// Run sweeps a pool's sizes as an experiment of its own and names the best.
func (c *tuneCmd) Run(ctx context.Context, std streams) error {
	e, err := workloads.Load(c.File)
	if err != nil {
		return usageError{err}
	}
	if c.Blocks < 0 {
		return usage("--blocks %d is negative", c.Blocks)
	}
	sweep, err := c.sweep(e)
	if err != nil {
		return err
	}
	run := runCmd{File: c.File, Results: c.Results, Resume: c.Resume, DryRun: c.DryRun, Budget: c.Budget}
	dir, err := run.run(ctx, std, sweep)
	if errors.Is(err, experiment.ErrStopped) {
		return fmt.Errorf("%w; go on with the same command and --resume %s", err, dir)
	}
	if err != nil || c.DryRun {
		return err
	}
	return c.best(std.out, dir, c.aim(sweep))
}

// sweep is the experiment that is run.
func (c *tuneCmd) sweep(e *workloads.Experiment) (*workloads.Experiment, error) {
	grid, err := c.grid(e)
	if err != nil {
		return nil, err
	}
	text, err := e.Tuning(grid, c.Workload, c.Blocks)
	if err != nil {
		return nil, usage("%s: %v", c.File, err)
	}
	sweep, err := workloads.ParseAt(c.File, text)
	if err != nil {
		return nil, usage("the sweep of %s: %v", c.File, err)
	}
	return sweep, nil
}

// grid is what is swept. Kafka's defaults are the first point, which the others
// are measured against.
func (c *tuneCmd) grid(e *workloads.Experiment) (workloads.Grid, error) {
	cpus, err := brokerCPUs(e, c.Results)
	if err != nil {
		return workloads.Grid{}, err
	}
	model, err := models.Lookup(c.Model)
	if err != nil {
		return workloads.Grid{}, err
	}
	defaults := models.DefaultConfig(model)
	values := func(name string, asked []int, usual ...int) []int {
		out := []int{int(defaults.Int(name))}
		if len(asked) == 0 {
			asked = usual
		}
		slices.Sort(asked)
		for _, n := range asked {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
		return out
	}
	threads := append([]string(nil), c.Threads...)
	slices.SortStableFunc(threads, func(a, b string) int { return strings.Compare(b, a) }) // os, the preset's, first
	return workloads.Grid{
		Model: c.Model, Threads: slices.Compact(threads),
		Network: values("num.network.threads", c.Network, 1, cpus),
		IO:      values("num.io.threads", c.IO, 1, cpus, 2*cpus),
	}, nil
}

// brokerCPUs is how many CPUs a broker of the experiment gets on this machine.
func brokerCPUs(e *workloads.Experiment, dir string) (int, error) {
	allowed, err := host.Allowed()
	if err != nil {
		return 0, err
	}
	m := host.Machine{}
	irq, _ := m.DiskIRQ(dir) // unknown: nothing is kept off its CPU
	p, err := host.Split(e.Host.BrokerCPUs, e.Host.GeneratorCPUs, allowed, irq, m.Siblings())
	return len(p.Broker), err
}

func (c *tuneCmd) aim(e *workloads.Experiment) report.Aim {
	switch {
	case c.For != "":
		return report.Aim(c.For)
	case e.Loads.Kind == workloads.Absolute:
		return report.ShortestP99
	}
	return report.MostRequests
}

// best prints every point and the best one, and writes that where it was asked
// to.
func (c *tuneCmd) best(out io.Writer, dir string, aim report.Aim) error {
	arms, best, err := report.Tuned(dir, aim)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nthreads-network-io\tworkload\tload\trequests/s\tCPU µs/message\tp50 µs\tp99 µs\tswitches/message\tlock wait ns/request\tgain\t")
	for i, a := range arms {
		for _, r := range a.Rows {
			x := r.Point
			wait := "–"
			if x.Inside != nil {
				wait = figureOf(x.Inside.LockWait.Get())(1)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.2f\t\n", a.Arm, r.Workload, r.Load, figureOf(x.Achieved.Get())(1),
				figureOf(x.CPU.Get())(1e-3), figureOf(x.Response.P50.Get())(1e-3), figureOf(x.Response.P99.Get())(1e-3),
				figureOf(x.Switches.Get())(1), wait, r.Gain)
		}
		if i == best {
			fmt.Fprintf(w, "%s\tall\tall\t\t\t\t\t\t\t%.2f, the best\t\n", a.Arm, a.Gain)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	snippet, err := c.snippet(dir, arms[best], aim)
	if err != nil {
		return err
	}
	fmt.Fprint(out, "\n"+snippet)
	if c.Out == "" {
		return nil
	}
	return os.WriteFile(c.Out, []byte(snippet), 0o644)
}

// figureOf prints a number that there may not be, times a factor.
func figureOf(v float64, ok bool) func(factor float64) string {
	return func(factor float64) string {
		if !ok {
			return "–"
		}
		if v *= factor; v >= 1000 {
			return fmt.Sprintf("%.0f", v)
		}
		return fmt.Sprintf("%.3g", v)
	}
}

// snippet is the best point as one line of an experiment's models, with where it
// comes from: an experiment file that holds it needs no other file.
func (c *tuneCmd) snippet(dir string, best report.TunedArm, aim report.Aim) (string, error) {
	// Without traces, which are not beside the text here.
	path := filepath.Join(dir, "experiment.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	e, err := workloads.Parse(path, text)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(e.Models, func(a workloads.Arm) bool { return a.Name == best.Arm })
	if i < 0 {
		return "", fmt.Errorf("%s: the experiment has no arm %s", dir, best.Arm)
	}
	set := e.Models[i].Set
	var pairs []string
	for _, k := range []string{"threads", "network", "num.network.threads", "num.io.threads"} {
		if v, ok := set[k]; ok {
			pairs = append(pairs, k+": "+v)
		}
	}
	return fmt.Sprintf("# Best of %d for %s over %s, gain %.2f over the first: ceteris tune %s %s\n- {name: %s-tuned, model: %s, set: {%s}}\n",
		len(e.Models), aim, e.Models[0].Name, best.Gain, c.Model, filepath.Base(c.File), c.Model, c.Model, strings.Join(pairs, ", ")), nil
}
