package experiment

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// sameTraces refuses to go on with other arrivals than the run's cells were offered:
// traces are files of their own, which the experiment's text only names.
func sameTraces(run *result.Run, e *workloads.Experiment) error {
	for _, w := range e.Workloads {
		now := w.Traces()
		if len(now) == 0 {
			continue
		}
		for _, c := range run.Cells {
			if c.Workload != w.Name {
				continue
			}
			text, err := os.ReadFile(filepath.Join(c.Dir, "load.json"))
			if os.IsNotExist(err) {
				continue // it ended before its load
			}
			var was load.Options
			if err == nil {
				err = json.Unmarshal(text, &was)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Join(c.Dir, "load.json"), err)
			}
			same := func(a, b *workloads.TraceShape) bool { return slices.Equal(a.TimesNs, b.TimesNs) }
			if was.W == nil || !slices.EqualFunc(now, was.W.Traces(), same) {
				return fmt.Errorf("--resume %s: workload %s: the trace of its arrivals has changed since; start a new run", run.Dir, w.Name)
			}
			break
		}
	}
	return nil
}
