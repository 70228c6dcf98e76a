package experiment

import (
	"context"
	"os"

	"github.com/ceteris/ceteris/harness/certify"
	"github.com/ceteris/ceteris/harness/result"
)

// certify takes the load generator's certificate, if asked for and if an earlier
// session has not: with the experiment's driver, on its CPUs, for its workloads.
// One that fails does not end the run; the report says so.
func (r *runner) certify(ctx context.Context) error {
	path := result.CertificatePath(r.run.Dir)
	if _, err := os.Stat(path); err == nil || !r.o.Certify {
		return nil
	}
	o := certify.Options{
		Binary: r.o.Binary, Env: r.o.Env, Drivers: []string{r.e.Driver}, HostClass: r.run.Manifest.HostClass,
		Workloads: r.e.Workloads, MemoryBytes: r.e.MemoryBytes, Measure: min(r.e.Measure, certify.Measure), Out: r.o.Out,
	}
	if r.pinned {
		o.Placement = r.placement
	}
	c, err := certify.Run(ctx, o)
	if ctx.Err() != nil {
		return r.stopped()
	}
	if err != nil {
		return err
	}
	return result.WriteJSON(path, c)
}
