package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ceteris/ceteris/harness/stats/coverage"
)

// statisticsFlags are those of the self-test that needs no broker.
type statisticsFlags struct {
	Statistics  bool   `help:"Test the arithmetic on simulated experiments whose answer is known."`
	Experiments int    `default:"2000" help:"How many are simulated on each queue."`
	Seed        uint64 `default:"1" help:"What they follow from."`
}

// statistics simulates experiments whose answer is known and prints how often
// what a report would say of them is right. It fails when a promise is not kept.
func (f statisticsFlags) statistics(ctx context.Context, out io.Writer) error {
	if f.Experiments < 1 || f.Experiments > coverage.MaxExperiments {
		return usage("--experiments %d is not between 1 and %d", f.Experiments, coverage.MaxExperiments)
	}
	var problems []string
	for _, q := range coverage.Queues {
		o, err := coverage.Run(ctx, q, q.Window(), f.Experiments, f.Seed, coverage.Hosts)
		if err != nil {
			return err
		}
		if err := o.Print(out); err != nil {
			return err
		}
		fmt.Fprintln(out)
		problems = append(problems, o.Problems()...)
	}
	var all []coverage.Transient
	for _, q := range coverage.TransientQueues {
		for _, start := range coverage.Starts {
			x, err := coverage.RunTransient(ctx, q, start, coverage.TransientRequests, max(1, f.Experiments/10), f.Seed)
			if err != nil {
				return err
			}
			problems = append(problems, x.Problems()...)
			all = append(all, x)
		}
	}
	if err := coverage.PrintTransients(out, all); err != nil {
		return err
	}
	fmt.Fprintf(out, "A tenth of the experiments that follow was simulated for this table.\n\n")
	fmt.Fprintf(out, "%s\nEvery share is of %d simulated experiments, seed %d.\n", coverage.Legend, f.Experiments, f.Seed)
	if len(problems) > 0 {
		return fmt.Errorf("promises not kept:\n  %s", strings.Join(problems, "\n  "))
	}
	fmt.Fprintln(out, "Every promise is kept.")
	return nil
}
