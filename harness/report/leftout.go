package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ceteris/ceteris/harness/stats"
)

// unevenP is the probability, over all pairs of arms, below which cells are said to be
// left out by arm and not by chance.
const unevenP = 0.01

// ArmLeftOut is how many of an arm's cells, its replicates among them, do not count.
type ArmLeftOut struct {
	Arm     string         `json:"arm"`
	Cells   int            `json:"cells"` // that have ended
	LeftOut int            `json:"left_out"`
	By      map[string]int `json:"by,omitempty"` // the gate that failed first, or what else kept them out
}

// ByText counts the reasons, the commonest first.
func (l ArmLeftOut) ByText() string { return reasonsText(l.By) }

func reasonsText(by map[string]int) string {
	names := slices.Sorted(maps.Keys(by))
	slices.SortStableFunc(names, func(x, y string) int { return by[y] - by[x] })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, by[name])
	}
	return strings.Join(names, ", ")
}

// leftOutOf is an arm's line, which it adds when there is none.
func (a *Analysis) leftOutOf(arm string) *ArmLeftOut {
	for i := range a.LeftOutOf {
		if a.LeftOutOf[i].Arm == arm {
			return &a.LeftOutOf[i]
		}
	}
	a.LeftOutOf = append(a.LeftOutOf, ArmLeftOut{Arm: arm})
	return &a.LeftOutOf[len(a.LeftOutOf)-1]
}

// leftOutText counts cells by the first reason that they have, the commonest first.
func (a *Analysis) leftOutText() string {
	by := map[string]int{}
	for _, of := range a.LeftOutOf {
		for name, n := range of.By {
			by[name] += n
		}
	}
	return reasonsText(by)
}

// uneven orders arms' lines and says so when which cells are left out goes with the arm:
// then the gates select, and what is left of an arm is not what it does but what it does
// undisturbed. The p-value is Fisher's for the two arms that differ most, times the
// number of pairs. What disturbs on its own account does not know which arm's turn it
// is, as the order within blocks is drawn; that whole blocks are disturbed makes arms
// more alike than the test expects, and it speaks less often.
func (a *Analysis) uneven() {
	order := func(l ArmLeftOut) int {
		return slices.IndexFunc(a.Arms, func(n ArmName) bool { return n.Name == l.Arm })
	}
	slices.SortStableFunc(a.LeftOutOf, func(x, y ArmLeftOut) int { return order(x) - order(y) })
	least, pairs := 1.0, 0
	var more, less ArmLeftOut
	for i, x := range a.LeftOutOf {
		for _, y := range a.LeftOutOf[:i] {
			pairs++
			if p := stats.Fisher(x.LeftOut, x.Cells, y.LeftOut, y.Cells); p < least {
				least, more, less = p, x, y
			}
		}
	}
	p := least * float64(pairs)
	if p >= unevenP {
		return
	}
	if more.LeftOut*less.Cells < less.LeftOut*more.Cells {
		more, less = less, more
	}
	a.Uneven = fmt.Sprintf("cells are left out by arm and not by chance (p %s): %d of %d of %s (%s), %d of %d of %s; "+
		"what disturbs may be the arm's own doing, and its cells that count are the undisturbed ones",
		atMost(p), more.LeftOut, more.Cells, more.Arm, more.ByText(), less.LeftOut, less.Cells, less.Arm)
}

// atMost is a small probability, no smaller than is worth telling.
func atMost(p float64) string {
	for _, limit := range []float64{0.0001, 0.001} {
		if p < limit {
			return fmt.Sprintf("< %g", limit)
		}
	}
	return fmt.Sprintf("= %.2g", p)
}
