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
	place, self, err := bothSides(".")
	if err != nil {
		return err
	}
	report, err := selftest.Run(ctx, selftest.Options{
		Binary: self, Models: c.Models, Placement: place, Short: c.Short, Out: std.out,
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

// bothSides divides the CPUs as an experiment would and moves this process to
// the generator's.
func bothSides(dir string) (host.Placement, string, error) {
	if !brokersRun {
		return host.Placement{}, "", errors.New("brokers run on Linux only")
	}
	self, err := os.Executable()
	if err != nil {
		return host.Placement{}, "", fmt.Errorf("finding this program: %w", err)
	}
	allowed, err := host.Allowed()
	if err != nil {
		return host.Placement{}, "", err
	}
	m := host.Machine{}
	irq, _ := m.DiskIRQ(dir)
	place, err := host.Split("auto", "auto", allowed, irq, m.Siblings())
	if err != nil {
		return place, "", err
	}
	return place, self, host.Confine(place.Generator)
}
