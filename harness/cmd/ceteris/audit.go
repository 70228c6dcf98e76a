package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/ceteris/ceteris/harness/audit"
	"github.com/ceteris/ceteris/harness/result"
)

type auditCmd struct {
	Dir     string `arg:"" help:"A result directory."`
	Rerun   bool   `help:"Run the experiment again with another seed, as a result of its own, and demand the same conclusions."`
	Seed    uint64 `default:"0" help:"The other seed; 0 is the result's own plus one."`
	Blocks  int    `default:"6" help:"How many blocks are run again; fewer than six give no interval at 95 %."`
	Results string `default:"results" placeholder:"DIR" help:"Where the rerun goes."`
}

// Run looks for what would make the result worthless, line by line.
func (c *auditCmd) Run(ctx context.Context, std streams) error {
	if err := isResult(c.Dir); err != nil {
		return err
	}
	if c.Blocks < 1 {
		return usage("--blocks %d is not positive", c.Blocks)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	sum, err := result.FileSHA256(self)
	if err != nil {
		return err
	}
	lines, err := audit.Result(c.Dir, sum)
	if err != nil {
		return err
	}
	if c.Rerun {
		again, err := c.rerun(ctx, std)
		if err != nil {
			return err
		}
		lines = append(lines, again...)
	}
	return printLines(std.out, lines)
}

// rerun runs the experiment with another seed and compares.
func (c *auditCmd) rerun(ctx context.Context, std streams) ([]audit.Line, error) {
	e, err := audit.Reseeded(c.Dir, c.Seed, c.Blocks)
	if err != nil {
		return nil, err
	}
	r := runCmd{File: "experiment.yaml", Results: c.Results}
	dir, err := r.run(ctx, std, e)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(std.out)
	return audit.Agree(c.Dir, dir)
}

// printLines prints them and fails when one did.
func printLines(w io.Writer, lines []audit.Line) error {
	failed := 0
	for _, l := range lines {
		if l.State == audit.Fail {
			failed++
		}
		fmt.Fprintf(w, "%s  %-12s %s\n", l.State, l.Name, l.Detail)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d lines failed", failed, len(lines))
	}
	return nil
}
