package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// probeSpan is how long each limit is measured, the disk's at each depth.
const probeSpan = time.Second

// probing is how long [runner.probe] takes: the disk's limit at four depths, over a
// file that is written first.
func probing(e *workloads.Experiment) (takes time.Duration) {
	if slices.Contains(e.Probes, workloads.ProbeDisk) {
		takes += 4*probeSpan + probeSpan/2
	}
	if slices.Contains(e.Probes, workloads.ProbeLoopback) {
		takes += probeSpan
	}
	return takes
}

// probe measures the machine's limits before the first cell of a block that has
// none yet: on the file system and the CPUs that the block's brokers will use,
// so that a broker can be held against them.
func (r *runner) probe(block int) error {
	path := filepath.Join(r.run.Dir, result.LimitsPath(block))
	if _, err := os.Stat(path); err == nil || len(r.e.Probes) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var broker, generator []int
	if r.pinned {
		broker, generator = r.placement.Broker, r.placement.Generator
	}
	var l result.Limits
	var err error
	if slices.Contains(r.e.Probes, workloads.ProbeDisk) {
		if l.DiskPerSec, l.DiskDepth, err = host.DiskLimit(filepath.Dir(path), broker, probeSpan); err != nil {
			return fmt.Errorf("block %d: %w", block, err)
		}
	}
	if slices.Contains(r.e.Probes, workloads.ProbeLoopback) {
		if l.LoopbackPerSec, err = host.LoopbackLimit(generator, broker, probeSpan); err != nil {
			return fmt.Errorf("block %d: %w", block, err)
		}
	}
	return result.WriteJSON(path, l)
}
