package report

import (
	"fmt"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// Agreement says whether two runs of one experiment conclude the same about one
// comparison.
type Agreement struct {
	Where, Words string
	// Known is false where the two cannot be told to agree or not.
	OK, Known bool
}

// Agree compares the conclusions of two results of one experiment, of the
// comparisons that it declares or, where it declares none, of the headline. They
// agree unless both intervals are of the wanted level and leave a gap between them
// that neither A/A floor explains, or each has resolved the opposite of the other.
// Where one of them has no such interval nothing can be said.
func Agree(dir, again string) ([]Agreement, error) {
	var sides [2]*Analysis
	for i, d := range []string{dir, again} {
		r, err := result.Open(d)
		if err != nil {
			return nil, err
		}
		if sides[i], _, err = analyse(r, nil); err != nil {
			return nil, err
		}
	}
	var out []Agreement
	for _, declared := range []bool{true, false} {
		sides[0].each(func(g *Group, p *Point) {
			q := sides[1].find(g, p)
			for _, c := range p.Compared {
				if q == nil || c.Declared != declared || !declared && !isHeadline(c.Quantity) {
					continue
				}
				for _, d := range q.Compared {
					if d.A == c.A && d.B == c.B && d.Quantity == c.Quantity {
						x := agree(c.Effect, d.Effect)
						x.Where = fmt.Sprintf("%s/%s %s at %s %s %s", c.A, c.B, c.Quantity, g.Workload, g.Durability, p.Load)
						out = append(out, x)
					}
				}
			}
		})
		if out != nil {
			break
		}
	}
	return out, nil
}

func agree(a, b stats.Effect) Agreement {
	words := fmt.Sprintf("%s; again %s", brief(a), brief(b))
	lower, higher := a, b
	ra, okA := a.Ratio.Get()
	rb, okB := b.Ratio.Get()
	if !okA || !okB {
		return Agreement{Words: words + ": nothing to compare"}
	}
	if ra > rb {
		lower, higher = b, a
	}
	if a.Verdict == stats.Resolved && b.Verdict == stats.Resolved && (ra < 1) != (rb < 1) {
		return Agreement{Words: words + ": each has resolved the opposite", Known: true}
	}
	hi, okHi := lower.Hi.Get()
	lo, okLo := higher.Lo.Get()
	if !okHi || !okLo || a.Level < stats.Wanted || b.Level < stats.Wanted {
		return Agreement{Words: words + ": too few blocks to tell"}
	}
	floor := 1.0
	for _, e := range []stats.Effect{a, b} {
		if f, ok := e.Floor.Get(); ok {
			floor = max(floor, f)
		}
	}
	if lo > hi*floor {
		return Agreement{Words: words + ": the intervals are further apart than the floor", Known: true}
	}
	return Agreement{Words: words, OK: true, Known: true}
}
