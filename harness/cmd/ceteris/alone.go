package main

import (
	"context"
	"fmt"

	"github.com/ceteris/ceteris/harness/host"
)

// alone waits until no other ceteris measures on a CPU that this one may use, and
// keeps others from it until release.
func alone(ctx context.Context, std streams) (release func(), err error) {
	cpus, err := host.Allowed()
	if err != nil {
		return nil, err
	}
	release, err = host.Claim(ctx, cpus, func(cpu, pid int) {
		fmt.Fprintf(std.out, "waiting for process %d, which measures on CPU %d\n", pid, cpu)
	})
	if err != nil {
		return nil, fmt.Errorf("waiting for another measurement: %w", err)
	}
	return release, nil
}
