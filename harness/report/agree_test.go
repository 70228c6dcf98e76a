package report

import (
	"testing"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// TestAgree: another seed of one world concludes the same, and another world does
// not.
func TestAgree(t *testing.T) {
	first := small(6).make(t)
	again := small(6)
	again.seed = 99
	other := small(6)
	other.seed = 5
	before := other.medianNs
	other.medianNs = func(p result.PlannedCell) float64 {
		if p.Model == "tpc" {
			return 1.3 * before(p) // 0.91 instead of 0.7
		}
		return before(p)
	}
	for _, c := range []struct {
		name string
		w    world
		ok   bool
	}{{"another seed", again, true}, {"another world", other, false}} {
		all, err := Agree(first, c.w.make(t))
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %v", c.name, all, err)
		}
		// p99 is what the experiment declares.
		if a := all[0]; a.OK != c.ok || a.Where != "tpc/threadpool p99_response at 1k process 2000" {
			t.Errorf("%s: %+v, want %v", c.name, a, c.ok)
		}
	}
}

func TestAgreeOnEffects(t *testing.T) {
	effect := func(lo, ratio, hi, floor float64, v stats.Verdict) stats.Effect {
		return stats.Effect{Level: 0.96875, Ratio: stats.Of(ratio), Lo: stats.Of(lo), Hi: stats.Of(hi), Floor: stats.Of(floor), Verdict: v}
	}
	base := effect(0.6, 0.7, 0.8, 1.1, stats.Resolved)
	few := effect(2, 2.1, 2.2, 1.01, stats.Unresolved)
	few.Level = 0.75
	for name, c := range map[string]struct {
		other stats.Effect
		ok    bool
	}{
		"overlapping":                  {effect(0.75, 0.85, 0.9, 1.1, stats.Resolved), true},
		"apart by less than the floor": {effect(0.85, 0.9, 0.95, 1.1, stats.Unresolved), true},
		"apart":                        {effect(0.9, 0.92, 0.95, 1.1, stats.Resolved), false},
		"apart on the other side":      {effect(0.4, 0.45, 0.5, 1.1, stats.Resolved), false},
		"the opposite":                 {effect(0.79, 1.3, 1.5, 1.1, stats.Resolved), false},
		"too few blocks":               {few, false},
		"refused":                      {stats.Effect{Ratio: stats.Refuse("saturated")}, false},
	} {
		for _, pair := range [][2]stats.Effect{{base, c.other}, {c.other, base}} {
			got := agree(pair[0], pair[1])
			if unknown := name == "refused" || name == "too few blocks"; got.OK != c.ok || got.Known == unknown {
				t.Errorf("%s: %+v, want %v", name, got, c.ok)
			}
		}
	}
}
