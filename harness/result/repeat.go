package result

import "fmt"

// Repeat is a block that was run once more. Both are kept.
type Repeat struct{ Block, As int }

// String is the repeat as the journal has it.
func (r Repeat) String() string { return fmt.Sprintf("%d as %d", r.Block, r.As) }

// Repeats lists the repeats of a journal, in order. One that cannot be read is
// left out: its cells are in no plan then.
func Repeats(events []Event) (out []Repeat) {
	for _, e := range events {
		var r Repeat
		if e.Event != EventBlockRepeat {
			continue
		}
		if _, err := fmt.Sscanf(e.Detail, "%d as %d", &r.Block, &r.As); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// Plan is every cell that was planned: those of the manifest, and behind them
// those of the blocks that are repeated.
func (m *Manifest) Plan(events []Event) []PlannedCell {
	out := m.Planned[:len(m.Planned):len(m.Planned)]
	for _, r := range Repeats(events) {
		for _, p := range m.Planned {
			if p.Block == r.Block {
				p.Block = r.As
				out = append(out, p)
			}
		}
	}
	return out
}

// disturbances are the gates about what others did to the machine. A block in
// which one of them invalidates a cell is repeated.
var disturbances = map[string]bool{"steal": true, "throttled": true, "hiccups": true}

// Disturbed reports whether others spoilt the cell.
func (c *CellRecord) Disturbed() bool {
	for _, g := range c.Gates {
		if !g.OK && !g.Advisory && disturbances[g.Name] {
			return true
		}
	}
	return false
}
