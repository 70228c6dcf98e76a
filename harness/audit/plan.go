package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ceteris/ceteris/harness/experiment"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// plan: the order of the plan is the one that the recorded seed gives. A budget
// may have cut whole blocks off.
func (s *subject) plan() (string, error) {
	whole := experiment.Plan(s.e)
	if slices.Equal(whole, s.Manifest.Planned) {
		return fmt.Sprintf("%d cells in the order that seed %d gives", len(whole), s.Manifest.Seed), nil
	}
	most := s.e.Blocks
	if s.e.Stop != nil {
		most = max(most, s.e.Stop.MaxBlocks)
	}
	for n := most - 1; n > 0; n-- {
		if slices.Equal(experiment.Plan(cut(s.e, n)), s.Manifest.Planned) {
			return fmt.Sprintf("%d of %d cells, cut to %d blocks, in the order that seed %d gives", len(s.Manifest.Planned), len(whole), n, s.Manifest.Seed), nil
		}
	}
	if s.self != s.Manifest.BinarySHA256 && slices.Equal(sorted(whole), sorted(s.Manifest.Planned)) {
		return "", openError{fmt.Errorf("the %d cells of the experiment, in an order that seed %d does not give here; the program that planned it is another one",
			len(whole), s.Manifest.Seed)}
	}
	for i, p := range s.Manifest.Planned {
		if i >= len(whole) || p != whole[i] {
			return "", fmt.Errorf("cell %d of the plan is %s, which seed %d does not give", i+1, p.Key(), s.Manifest.Seed)
		}
	}
	return "", fmt.Errorf("%d cells planned, seed %d gives %d", len(s.Manifest.Planned), s.Manifest.Seed, len(whole))
}

// sorted is the cells of a plan without their order in the block.
func sorted(cells []result.PlannedCell) []result.PlannedCell {
	out := slices.Clone(cells)
	for i := range out {
		out[i].Position = 0
	}
	slices.SortFunc(out, func(a, b result.PlannedCell) int { return strings.Compare(a.Key(), b.Key()) })
	return out
}

// cut is the experiment with fewer blocks, as a budget leaves it.
func cut(e *workloads.Experiment, blocks int) *workloads.Experiment {
	c := *e
	c.Blocks = min(c.Blocks, blocks)
	if e.Stop != nil {
		stop := *e.Stop
		stop.MaxBlocks = blocks
		c.Stop = &stop
	}
	return &c
}

// order follows the journal: each cell that starts is the next of the plan that
// has not ended well, so that none is run until it pleases. What goes on after an
// interruption runs what failed again, and what was under way.
func (s *subject) order() (string, error) {
	var errs []error
	all, done := slices.Clone(s.Manifest.Planned), map[string]bool{}
	pending, running, starts := slices.Clone(all), "", 0
	for _, e := range s.events {
		switch e.Event {
		case result.EventCellStart:
			starts++
			switch {
			case done[e.Cell]:
				errs = append(errs, fmt.Errorf("%s was started again after it had ended well", e.Cell))
			case len(pending) == 0 || pending[0].Key() != e.Cell:
				errs = append(errs, fmt.Errorf("%s was started out of turn", e.Cell))
			}
			pending = slices.DeleteFunc(pending, func(p result.PlannedCell) bool { return p.Key() == e.Cell })
			running = e.Cell
		case result.EventCellDone, result.EventCellFailed:
			if e.Cell != running {
				errs = append(errs, fmt.Errorf("%s ended and was not under way", e.Cell))
			}
			done[e.Cell], running = e.Event == result.EventCellDone, ""
		case result.EventRunResume:
			pending = slices.DeleteFunc(slices.Clone(all), func(p result.PlannedCell) bool { return done[p.Key()] })
		case result.EventBlockRepeat:
			var x result.Repeat
			if again := result.Repeats([]result.Event{e}); len(again) == 1 {
				x = again[0]
			}
			for _, p := range s.Manifest.Planned {
				if p.Block == x.Block {
					p.Block = x.As
					all, pending = append(all, p), append(pending, p)
				}
			}
		}
	}
	return fmt.Sprintf("%d starts for %d cells, each in its turn and none after it had ended well", starts, len(s.Planned)), errors.Join(errs...)
}

// complete: every planned cell has a record, and nothing else is there.
func (s *subject) complete() (string, error) {
	var errs []error
	if !s.Complete {
		errs = append(errs, fmt.Errorf("%d of %d cells have a record", len(s.Cells), len(s.Planned)))
	}
	planned := map[string]bool{}
	for _, p := range s.Planned {
		planned[filepath.FromSlash(p.Key())] = true
	}
	found, err := filepath.Glob(filepath.Join(s.Dir, "blocks", "*", "*"))
	if err != nil {
		return "", err
	}
	for _, path := range found {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		key, err := filepath.Rel(filepath.Join(s.Dir, "blocks"), path)
		if err != nil {
			return "", err
		}
		if info.IsDir() && !planned[key] {
			errs = append(errs, fmt.Errorf("blocks/%s is in no plan", filepath.ToSlash(key)))
		}
	}
	detail := fmt.Sprintf("%d cells, all of the plan and no other", len(s.Cells))
	if s.Narrow != "" {
		detail = fmt.Sprintf("%d cells, to the end that the experiment's stop gave", len(s.Cells))
	}
	return detail, errors.Join(errs...)
}
