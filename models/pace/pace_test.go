package pace

import "testing"

// TestPace polls where waits are short and not where they are long, whatever it
// did last, and changes its mind within a few dozen waits.
func TestPace(t *testing.T) {
	const budgetNs, riseNs = 50_000, 15_000
	var p Pace
	for _, step := range []struct {
		n    int
		ns   int64
		poll bool
	}{
		{1, 70_000, true}, // one long wait says nothing
		{40, 70_000, false},
		{40, 10_000, true},
		{40, 1_000_000, false},
		{10, 10_000, true},
		{40, 49_000, true},
	} {
		for range step.n {
			waitedNs := step.ns
			if !p.Worth() || waitedNs >= budgetNs {
				waitedNs += riseNs // it was slept through
			}
			p.Waited(waitedNs, budgetNs)
		}
		if p.Worth() != step.poll {
			t.Errorf("after %d waits of %d ns: polls %v, want %v, share %d of %d", step.n, step.ns, p.Worth(), step.poll, p.far, whole)
		}
	}
}
