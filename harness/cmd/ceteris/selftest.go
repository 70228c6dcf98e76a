package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/selftest"
)

type selftestCmd struct {
	statisticsFlags
	Short  bool     `help:"For CI: one stall in two seconds instead of one every ten, and a machine too busy to decide is no failure."`
	Models []string `name:"model" default:"null,tpc,threadpool" placeholder:"NAME" help:"Test these models' brokers only."`
	Out    string   `placeholder:"DIR" help:"Keep selftest.json and the figures here."`
}

// Run breaks brokers on purpose and fails when that is not exactly what was seen.
func (c *selftestCmd) Run(ctx context.Context, std streams) error {
	if c.Statistics {
		return c.statistics(ctx, std.out)
	}
	release, err := alone(ctx, std)
	if err != nil {
		return err
	}
	defer release()
	place, class, self, err := bothSides(".")
	if err != nil {
		return err
	}
	report, err := selftest.Run(ctx, selftest.Options{
		Binary: self, Models: c.Models, Placement: place, HostClass: class, Short: c.Short, Out: std.out,
	})
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return usage("--out: %v", err)
		}
		if err := result.WriteJSON(filepath.Join(c.Out, "selftest.json"), report); err != nil {
			return err
		}
		for _, f := range report.Figures() {
			if err := f.Save(c.Out); err != nil {
				return err
			}
		}
		fmt.Fprintln(std.out, c.Out)
	}
	switch {
	case report.Result == selftest.Failed:
		return errors.New("the harness did not see what was done to the broker, or saw more; see above")
	case report.Result == selftest.Undecided && !c.Short:
		return errors.New("this machine stalls on its own, so nothing was decided; see above, and try when it is idle")
	case report.Result == selftest.Undecided:
		fmt.Fprintln(std.out, "not decided: this machine stalls on its own")
	}
	return nil
}

// bothSides divides the CPUs as an experiment would and moves this process to the
// generator's. The class is that of the machine and this placement: what is left to
// this process afterwards would pass for a smaller one.
func bothSides(dir string) (place host.Placement, class host.Class, self string, err error) {
	if !brokersRun {
		return place, "", "", errors.New("brokers run on Linux only")
	}
	if self, err = os.Executable(); err != nil {
		return place, "", "", fmt.Errorf("finding this program: %w", err)
	}
	var m host.Machine
	env := m.Capture(dir)
	if place, err = automatic(m, &env); err != nil {
		return place, "", "", err
	}
	env.Place(place)
	return place, env.Class, self, host.Confine(place.Generator)
}
