package experiment

import (
	"slices"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// within keeps the cells that a manifest has planned.
func within(cells []cell, planned []result.PlannedCell) (out []cell) {
	keys := map[string]bool{}
	for _, p := range planned {
		keys[p.Key()] = true
	}
	for _, c := range cells {
		if keys[c.Key()] {
			out = append(out, c)
		}
	}
	return out
}

// left lists every cell that a run has planned and those that have not ended well. A
// budget may have cut the plan when the run began: the manifest is what counts.
func left(e *workloads.Experiment, run *result.Run, events []result.Event) (all, todo []cell) {
	cut(e, run.Manifest.Planned)
	all = within(plan(e), run.Manifest.Planned)
	for _, again := range run.Repeats {
		all = append(all, repeated(all, again)...)
	}
	done := result.Done(events)
	for _, c := range all {
		if !done[c.Key()] {
			todo = append(todo, c)
		}
	}
	return all, todo
}

// cut lowers an experiment's blocks to those that were planned. Where loads are shares of
// a capacity, what a block holds depends on how many there are.
func cut(e *workloads.Experiment, planned []result.PlannedCell) {
	blocks := 0
	for _, p := range planned {
		blocks = max(blocks, p.Block+1)
	}
	if e.Stop != nil {
		e.Stop.MaxBlocks = min(e.Stop.MaxBlocks, blocks)
		e.Blocks = min(e.Blocks, blocks)
		return
	}
	for e.Blocks > 1 && e.AllBlocks() > blocks {
		e.Blocks--
	}
}

// repeated is a block's cells in their order, as another block: with the same
// traffic, because the traffic is not what went wrong.
func repeated(cells []cell, again result.Repeat) (out []cell) {
	for _, c := range cells {
		if c.Block == again.Block {
			c.Block = again.As
			out = append(out, c)
		}
	}
	return out
}

// repeat puts the next disturbed block on the list, once the plan has been run:
// false when there is none, or as many as the experiment allows were repeated.
// Blocks are not repeated twice, nor those whose loads follow from others.
func (r *runner) repeat() (again bool, err error) {
	if len(r.all) == 0 {
		return false, nil
	}
	last := r.all[len(r.all)-1].Block
	for block := range r.e.AllBlocks() {
		if len(r.repeatedBlocks) >= r.e.Repeats || !r.disturbed(block) {
			continue
		}
		x := result.Repeat{Block: block, As: last + 1}
		if err := r.journal.Append(result.EventBlockRepeat, "", x.String()); err != nil {
			return false, err
		}
		r.repeatedBlocks = append(r.repeatedBlocks, block)
		r.cells = repeated(r.all, x)
		r.all = append(r.all, r.cells...)
		r.progress.grow(len(r.cells))
		return true, nil
	}
	return false, nil
}

// disturbed reports whether others spoilt a cell of a block that may be repeated.
func (r *runner) disturbed(block int) bool {
	if slices.Contains(r.repeatedBlocks, block) {
		return false
	}
	for _, c := range r.all {
		if c.Block == block && (c.Probe > 0 || c.Fraction > 0) {
			return false
		}
	}
	return slices.ContainsFunc(r.records, func(c *result.CellRecord) bool { return c.Block == block && c.Disturbed() })
}
