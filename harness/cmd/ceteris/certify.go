package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ceteris/ceteris/harness/certify"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/harness/result"
)

type certifyCmd struct {
	Driver  []string      `default:"raw,franz" placeholder:"NAME" help:"Certify these drivers only."`
	Model   []string      `default:"tpc,threadpool" placeholder:"NAME" help:"The models that the null broker must outrun."`
	Measure time.Duration `default:"2s" placeholder:"TIME" help:"The length of each load."`
	Out     string        `placeholder:"DIR" help:"Keep certificate.json and its figure here."`
}

// Run certifies the load generator and fails when a check does.
func (c *certifyCmd) Run(ctx context.Context, std streams) error {
	if c.Measure <= 0 {
		return usage("--measure %v is not positive", c.Measure)
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
	got, err := certify.Run(ctx, certify.Options{
		Binary: self, Drivers: c.Driver, Models: c.Model, Placement: place, HostClass: class, Measure: c.Measure, Out: std.out,
	})
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return usage("--out: %v", err)
		}
		if err := result.WriteJSON(filepath.Join(c.Out, "certificate.json"), got); err != nil {
			return err
		}
		for _, f := range report.CertificateFigures(got, "") {
			if err := f.Save(c.Out); err != nil {
				return err
			}
		}
		fmt.Fprintln(std.out, c.Out)
	}
	if failed := got.Failed(); len(failed) > 0 {
		return fmt.Errorf("not certified: %s", strings.Join(failed, ", "))
	}
	return nil
}
