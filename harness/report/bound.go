package report

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// Bound is a limit on the ratio of two arms in one quantity, such as
//
//	tpc/threadpool p99 response produce <= 1.10 at 1k process 8000
//
// wherever the words behind "at" (workload, durability, load in requests per
// second or closed) match; without them, everywhere.
type Bound struct {
	A, B     string
	Quantity string // key of [Comparison.Quantity]
	Most     bool   // the ratio must be at most Ratio; false: at least
	Ratio    float64

	Workload, Durability, Load string

	text string
}

var boundForm = regexp.MustCompile(`^([^/\s]+)/([^/\s]+)\s+(.+?)\s*(<=|>=)\s*(\S+)(?:\s+at\s+(.+))?$`)

// ParseBound reads a bound. The quantity is named as in an experiment's
// endpoints, or by its key in analysis.json.
func ParseBound(text string) (Bound, error) {
	const form = "ARM/ARM QUANTITY <= RATIO [at WORKLOAD [DURABILITY [LOAD]]]"
	m := boundForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return Bound{}, fmt.Errorf("%q: want %s, or >=", text, form)
	}
	b := Bound{A: m[1], B: m[2], Most: m[4] == "<=", text: strings.TrimSpace(text)}
	b.Quantity = strings.Join(strings.Fields(m[3]), " ")
	if key, ok := quantityOf[b.Quantity]; ok {
		b.Quantity = key
	}
	if title(b.Quantity) == b.Quantity {
		var known []string
		for _, q := range slices.Concat(quantities, overloadQuantities) {
			known = append(known, q.key)
		}
		return Bound{}, fmt.Errorf("%q: no quantity %q; there are %s", text, m[3], strings.Join(known, ", "))
	}
	ratio, err := strconv.ParseFloat(m[5], 64)
	if err != nil || !(ratio > 0) || math.IsInf(ratio, 1) {
		return Bound{}, fmt.Errorf("%q: the ratio %q is not a positive number", text, m[5])
	}
	b.Ratio = ratio
	at := strings.Fields(m[6])
	if len(at) > 3 {
		return Bound{}, fmt.Errorf("%q: behind \"at\" come a workload, a durability and a load, not %d words", text, len(at))
	}
	for i, to := range []*string{&b.Workload, &b.Durability, &b.Load} {
		if i < len(at) {
			*to = at[i]
		}
	}
	return b, nil
}

// Ruling is what a result says of a bound at one place, or of all of them.
type Ruling int

// Rulings, the worst last.
const (
	Kept Ruling = iota
	Undecided
	Broken
)

func (r Ruling) String() string { return [...]string{"kept", "not decided", "broken"}[r] }

// Judge holds a result against bounds. The text has a line for each place; the
// ruling is the worst of them. It fails when a bound names what the result does
// not have.
//
// A bound is broken only where the whole interval lies beyond it and the estimate
// by more than the A/A floor: what one arm does to itself breaks nothing. It is
// kept where the whole interval lies within it; one that asks for a difference
// (tpc/threadpool <= 0.9) also wants that difference to exceed the floor.
// Everything else is not decided: more blocks would be needed. Each place is
// judged at its own level, with no correction for how many there are.
func Judge(dir string, bounds []Bound) (Ruling, string, error) {
	r, err := result.Open(dir)
	if err != nil {
		return Undecided, "", err
	}
	a, d, err := analyse(r, nil)
	if err != nil {
		return Undecided, "", err
	}
	e, _ := workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText))
	worst := Kept
	var out strings.Builder
	fmt.Fprintf(&out, "%s, result %s, host class %s, %d of %d cells count\n", a.Experiment, a.ResultHash, a.HostClass, a.Valid, a.Planned)
	for _, b := range bounds {
		places, err := a.judge(b, d, e)
		if err != nil {
			return Undecided, "", fmt.Errorf("%q: %w", b.text, err)
		}
		fmt.Fprintf(&out, "\n%s\n", b.text)
		for _, p := range places {
			worst = max(worst, p.ruling)
			fmt.Fprintf(&out, "  %-12s%s: %s\n", p.ruling, p.where, p.why)
		}
	}
	if c := a.Certificate; c != nil && !c.Valid {
		fmt.Fprintf(&out, "\nThe load generator is not certified here: %s.\n", strings.Join(c.Failed(), ", "))
	}
	fmt.Fprintf(&out, "\n%s", worst)
	return worst, out.String(), nil
}

// place is where a bound was judged.
type place struct {
	ruling     Ruling
	where, why string
}

// judge judges b wherever it applies.
func (a *Analysis) judge(b Bound, d data, e *workloads.Experiment) (places []place, err error) {
	for _, name := range []string{b.A, b.B} {
		if !a.has(name) {
			return nil, fmt.Errorf("the result has no arm %q", name)
		}
	}
	is := func(q quantity) bool { return q.key == b.Quantity }
	of := slices.IndexFunc(quantities, is)
	over := slices.IndexFunc(overloadQuantities, is)
	a.each(func(g *Group, p *Point) {
		if err != nil || !b.at(g, p, e) || of < 0 && !p.Overloaded() {
			return
		}
		var c Comparison
		by := d[where{g.Workload, g.Durability, p.LoadPerSec}]
		if of >= 0 {
			c, err = a.compare(quantities[of], b.A, b.B, p.Saturated, by)
		} else {
			c, err = a.compareWhole(overloadQuantities[over], b.A, b.B, by)
		}
		if err != nil {
			return
		}
		ruling, why := b.rule(c.Effect)
		places = append(places, place{ruling, fmt.Sprintf("%s %s %s", g.Workload, g.Durability, p.Load), why})
	})
	if err == nil && places == nil {
		what := "cell of it counts"
		if of < 0 {
			what = "cell with an overload counts"
		}
		err = fmt.Errorf("the result has no such place: no %s", what)
	}
	return places, err
}

func (a *Analysis) has(arm string) bool {
	for _, x := range a.Arms {
		if x.Name == arm {
			return true
		}
	}
	return false
}

// at reports whether the bound is about this load.
func (b *Bound) at(g *Group, p *Point, e *workloads.Experiment) bool {
	family := ""
	if e != nil {
		if w := workloadOf(e, g.Workload); w != nil {
			family = w.Family
		}
	}
	return (b.Workload == "" || b.Workload == g.Workload || b.Workload == family) &&
		(b.Durability == "" || b.Durability == g.Durability) && (b.Load == "" || b.Load == p.Load)
}

// rule judges one effect.
func (b *Bound) rule(e stats.Effect) (Ruling, string) {
	ratio, ok := e.Ratio.Get()
	if !ok {
		return Undecided, e.Words
	}
	text := brief(e)
	lo, okLo := e.Lo.Get()
	hi, okHi := e.Hi.Get()
	if !okLo || !okHi || e.Level < stats.Wanted {
		return Undecided, fmt.Sprintf("%s: %d blocks give no interval at %s %%", text, e.Blocks, stats.Percent(stats.Wanted))
	}
	limit := b.Ratio
	if !b.Most { // at least L is the same as B over A at most 1/L
		ratio, lo, hi, limit = 1/ratio, 1/hi, 1/lo, 1/limit
	}
	floor, floored := e.Floor.Get()
	switch {
	case hi <= limit && limit >= 1:
		if floored && ratio*floor > limit {
			text += ": the floor is wider than the distance to the limit"
		}
		return Kept, text
	case hi <= limit && floored && ratio < 1/floor:
		return Kept, text
	case hi <= limit && floored:
		return Undecided, text + ": the difference is inside the floor"
	case lo <= limit && hi > limit:
		return Undecided, text + ": the interval holds the limit"
	case !floored:
		return Undecided, text + ": no A/A floor to hold it against"
	case ratio <= limit*floor:
		return Undecided, text + ": beyond the limit by less than the floor"
	}
	return Broken, text
}
