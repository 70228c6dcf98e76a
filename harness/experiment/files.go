package experiment

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/workloads"
)

// Descriptors that a process has open beside its connections and partitions.
const spareFiles = 256

// checkFiles refuses an experiment whose processes would run out of file
// descriptors in the middle. Go raises the limit of every process as far as it may
// go when it starts, so what counts is the hard one.
func checkFiles(e *workloads.Experiment) error {
	limit, err := host.FileLimit()
	if err != nil {
		return err
	}
	for _, w := range e.Workloads {
		// Brokers keep the file of every segment open, and a new partition has one.
		need := w.Connections + w.Consumers + w.IdleConnections + w.Topics*w.Partitions + spareFiles
		if need > limit {
			return fmt.Errorf("workload %s: %d connections and %d partitions may take %d file descriptors, the limit of this process is %d: raise it with ulimit -Hn",
				w.Name, w.Connections, w.Topics*w.Partitions, need, limit)
		}
	}
	return nil
}
