package main

import (
	"context"
	"fmt"

	"github.com/ceteris/ceteris/harness/stats/coverage"
)

type selftestCmd struct {
	Statistics  bool   `help:"Simulate experiments whose answer is known and count how often the report's arithmetic is right."`
	Experiments int    `default:"2000" placeholder:"N" help:"Simulated experiments per queue."`
	Seed        uint64 `default:"1" placeholder:"S" help:"Seed of the simulation."`
}

var _ interface {
	Run(context.Context, streams) error
} = (*selftestCmd)(nil)

// mostRequests ends the search for the shortest window.
const mostRequests = 1 << 16

// Run prints the tables and fails when a promise is not kept.
func (c *selftestCmd) Run(ctx context.Context, std streams) error {
	if !c.Statistics {
		return usage("say what to test: --statistics")
	}
	if c.Experiments < 1 || c.Experiments > coverage.MaxExperiments {
		return usage("--experiments: got %d, want 1 to %d", c.Experiments, coverage.MaxExperiments)
	}
	fmt.Fprintf(std.out, "%d experiments per queue, seed %d; shares in per cent\n\n%s", c.Experiments, c.Seed, coverage.Legend)
	queues := []coverage.Queue{{Rho: 0.5}, {Rho: 0.5, Fixed: true}, {Rho: 0.7}, {Rho: 0.7, Fixed: true}, {Rho: 0.8}}
	var problems []string
	for i, q := range queues {
		hosts := coverage.Hosts
		if i > 0 {
			hosts = hosts[:1] // what a host does to a ratio does not depend on the queue
		}
		o, err := coverage.Run(ctx, q, q.Window(), c.Experiments, c.Seed, hosts)
		if err != nil {
			return err
		}
		problems = append(problems, o.Problems()...)
		fmt.Fprintln(std.out)
		if err := o.Print(std.out); err != nil {
			return err
		}
		if err := c.shortest(ctx, std, q); err != nil {
			return err
		}
	}
	for _, p := range problems {
		fmt.Fprintln(std.out, "WRONG:", p)
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d promises are not kept", len(problems))
	}
	return nil
}

// shortest prints how long a window the injected effect takes.
func (c *selftestCmd) shortest(ctx context.Context, std streams, q coverage.Queue) error {
	few := max(1, c.Experiments/10)
	requests, share, reached, err := coverage.Smallest(ctx, q, mostRequests, few, c.Seed)
	if err != nil {
		return err
	}
	word := "found on p99 in 95 % of experiments from"
	if !reached {
		word = "NOT found on p99 in 95 % of experiments up to"
	}
	_, err = fmt.Fprintf(std.out, "+10 %% service time %s %d requests a cell: %.1f %% of %d with %d blocks\n",
		word, requests, 100*share, few, coverage.Blocks)
	return err
}
