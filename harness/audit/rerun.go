package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// Reseeded is the experiment of the result in dir with another seed (0: its own
// plus one) and at most so many blocks.
func Reseeded(dir string, seed uint64, blocks int) (*workloads.Experiment, error) {
	r, err := result.Open(dir)
	if err != nil {
		return nil, err
	}
	text := r.Manifest.ExperimentText
	was, err := workloads.Parse("experiment.yaml", []byte(text))
	if err != nil {
		return nil, err
	}
	if seed == 0 {
		seed = was.Seed + 1
	}
	if seed == was.Seed {
		return nil, fmt.Errorf("seed %d is the one that it was run with", seed)
	}
	blocks = min(blocks, was.Blocks)
	text = with(with(text, "seed", fmt.Sprint(seed)), "blocks", fmt.Sprint(blocks))
	e, err := workloads.Parse("experiment.yaml", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("with seed %d and %d blocks: %w", seed, blocks, err)
	}
	if e.Seed != seed || e.Blocks != blocks {
		return nil, fmt.Errorf("the experiment file is written in a way in which its seed and blocks cannot be changed")
	}
	return e, traced(r, e)
}

// traced gives the workloads the traces that the result's own were offered: of these
// the experiment's text has the names only.
func traced(r *result.Run, e *workloads.Experiment) error {
	for _, w := range e.Workloads {
		needs := w.Traces()
		if len(needs) == 0 {
			continue
		}
		found := false
		for _, c := range r.Cells {
			if found || c.Workload != w.Name {
				continue
			}
			var o load.Options
			text, err := os.ReadFile(filepath.Join(c.Dir, "load.json"))
			if err != nil || json.Unmarshal(text, &o) != nil || o.W == nil {
				continue // it ended early
			}
			was := o.W.Traces()
			if found = len(was) == len(needs); found {
				for i := range needs {
					needs[i].TimesNs = was[i].TimesNs
				}
			}
		}
		if !found {
			return fmt.Errorf("workload %s: no cell of the result holds the trace of its arrivals", w.Name)
		}
	}
	return nil
}

// with gives a key at the top of a file another value.
func with(text, key, value string) string {
	line := regexp.MustCompile(`(?m)^` + key + `[ \t]*:.*$`)
	if line.MatchString(text) {
		return line.ReplaceAllString(text, key+": "+value)
	}
	return text + "\n" + key + ": " + value + "\n"
}

// Agree holds the conclusions of a rerun against those of a result, a line for each
// comparison that the experiment declares.
func Agree(dir, again string) ([]Line, error) {
	agreements, err := report.Agree(dir, again)
	if err != nil {
		return nil, err
	}
	var lines []Line
	for _, a := range agreements {
		state := Open
		switch {
		case a.OK:
			state = Pass
		case a.Known:
			state = Fail
		}
		lines = append(lines, Line{"other seed", state, a.Where + ": " + a.Words})
	}
	if lines == nil {
		return nil, fmt.Errorf("%s and its rerun have no comparison in common", dir)
	}
	return lines, nil
}
