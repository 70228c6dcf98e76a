package load

import (
	"math/rand"
	"testing"
)

// TestAuditor has streams tampered with in every way and wants the exact counts.
func TestAuditor(t *testing.T) {
	for _, c := range []struct {
		name                                   string
		seen                                   []uint64
		issued                                 int
		disowned                               []uint64
		lost, duplicated, reordered, corrupted int64
	}{
		{"in order", []uint64{0, 1, 2}, 3, nil, 0, 0, 0, 0},
		{"one missing", []uint64{0, 2}, 3, nil, 1, 0, 0, 0},
		{"the end missing", []uint64{0}, 3, nil, 2, 0, 0, 0},
		{"everything missing", nil, 3, nil, 3, 0, 0, 0},
		{"what failed may be missing", []uint64{0, 2}, 5, []uint64{1, 3, 4}, 0, 0, 0, 0},
		{"what failed may be there", []uint64{0, 1, 2}, 3, []uint64{1}, 0, 0, 0, 0},
		{"twice", []uint64{0, 1, 1, 0}, 2, nil, 0, 2, 0, 0},
		{"swapped", []uint64{1, 0, 2}, 3, nil, 0, 0, 1, 0},
		{"late and twice", []uint64{2, 0, 1, 1}, 3, nil, 0, 1, 2, 0},
	} {
		l, a := newLedger(2, 3), newAuditor(2, 3)
		l.issue(1, 2, c.issued)
		for _, s := range c.disowned {
			l.disown(1, 2, s, 1)
		}
		for _, s := range c.seen {
			a.see(1, 2, s)
		}
		lost, err := a.lost([]*ledger{newLedger(2, 3), l})
		if err != nil || lost != c.lost || a.duplicated != c.duplicated || a.reordered != c.reordered || a.corrupt != c.corrupted {
			t.Errorf("%s: got %d lost (%v), %d duplicated, %d reordered, %d corrupt", c.name, lost, err, a.duplicated, a.reordered, a.corrupt)
		}
	}
}

func TestAuditorKnowsItsStreams(t *testing.T) {
	a := newAuditor(2, 3)
	a.see(2, 0, 0)
	a.see(0, 3, 0)
	if a.corrupt != 2 {
		t.Errorf("got %d, want both records of unknown streams", a.corrupt)
	}
}

// TestAuditorShuffled feeds any order with repetitions: nothing may be lost, and
// what is not new is a duplicate.
func TestAuditorShuffled(t *testing.T) {
	for seed := range int64(20) {
		r := rand.New(rand.NewSource(seed))
		a, l := newAuditor(1, 1), newLedger(1, 1)
		const n = 500
		l.issue(0, 0, n)
		order := r.Perm(n)
		for _, s := range order {
			a.see(0, 0, uint64(s))
		}
		for range 50 {
			a.see(0, 0, uint64(r.Intn(n)))
		}
		highest, late := -1, int64(0)
		for _, s := range order {
			if s < highest {
				late++
			}
			highest = max(highest, s)
		}
		if lost, err := a.lost([]*ledger{l}); lost != 0 || err != nil || a.duplicated != 50 || a.reordered != late {
			t.Errorf("seed %d: got %d lost (%v), %d duplicated, %d reordered, want 0, 50, %d", seed, lost, err, a.duplicated, a.reordered, late)
		}
	}
}

func TestOracleHasBounds(t *testing.T) {
	a, l := newAuditor(1, 1), newLedger(1, 1)
	l.issue(0, 0, 2*maxNoted)
	a.see(0, 0, 2*maxNoted-1)
	if len(a.missing) != maxNoted {
		t.Errorf("remembers %d gaps, want %d", len(a.missing), maxNoted)
	}
	if _, err := a.lost([]*ledger{l}); err == nil {
		t.Error("a count that is a bound was given as exact")
	}
}
