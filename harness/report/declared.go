package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// quantityOf is the quantity that an experiment file's endpoint names.
var quantityOf = map[string]string{
	"p99 response produce": "p99_response", "p50 response produce": "p50_response",
	"p99 e2e fetch": "p99_end_to_end", "p50 e2e fetch": "p50_end_to_end", "cpu per message": "cpu_per_message",
	"time to recover": timeToRecover, "overload goodput": goodput,
}

// Holm is a p-value corrected for the number of things tested.
type Holm struct {
	P      stats.Number `json:"p"`
	Family int          `json:"family"` // how many were tested together
	Holds  bool         `json:"holds"`  // at 5 %, and no A/A floor explains it
}

// ClaimOutcome is what became of a claim that the experiment file makes.
type ClaimOutcome struct {
	Text     string `json:"text"`
	Arm      string `json:"arm"`
	Endpoint string `json:"endpoint"`
	Says     string `json:"says"`
	Places   int    `json:"places"` // comparisons that it is about
	// P is the largest p-value of its places: a claim about all of them holds only
	// if each does (Berger, Technometrics 24, 1982).
	P     stats.Number `json:"p"`
	Holm  Holm         `json:"holm"`
	Words string       `json:"words"`
}

// alpha is the error that a family of statements may have.
const alpha = 0.05

// declare marks the comparisons that the experiment set out to make, and corrects
// them for their number; then the claims, which are a family of their own.
func (a *Analysis) declare(e *workloads.Experiment) error {
	var family []*Comparison
	var p []float64
	a.each(func(_ *Group, at *Point) {
		for i := range at.Compared {
			c := &at.Compared[i]
			if c.Declared = declares(&e.Endpoints, c.Quantity); !c.Declared {
				continue
			}
			if v, ok := c.P.Get(); ok {
				family, p = append(family, c), append(p, v)
			}
		}
	})
	adjusted, err := stats.Holm(p)
	if err != nil {
		return err
	}
	for i, c := range family {
		// What one arm does to itself holds nothing, however small its p-value.
		c.Holm = &Holm{stats.Of(adjusted[i]), len(family), adjusted[i] <= alpha && c.Verdict == stats.Resolved}
	}
	return a.claims(e)
}

func declares(e *workloads.Endpoints, quantity string) bool {
	for word, q := range quantityOf {
		if q == quantity && e.Declares(word) {
			return true
		}
	}
	return false
}

// claims tests them.
func (a *Analysis) claims(e *workloads.Experiment) error {
	var p []float64
	for i := range e.Claims {
		c := &e.Claims[i]
		out := ClaimOutcome{Text: c.Text, Arm: c.Arm, Endpoint: c.Endpoint, Says: c.Says, P: stats.Of(0)}
		a.each(func(g *Group, at *Point) {
			w := workloadOf(e, g.Workload)
			if w == nil || !c.At(w, g.Durability, at.LoadPerSec) {
				return
			}
			for _, x := range at.Compared {
				if x.A == c.Arm && x.Quantity == quantityOf[c.Endpoint] {
					out.take(c, &x, fmt.Sprintf("%s %s %s", g.Workload, g.Durability, at.axisLabel()))
				}
			}
		})
		switch missing := planned(e, c) - out.Places; {
		case out.Places == 0:
			out.P, out.Words = stats.Of(1), "not tested: no cell of it counts"
		case missing > 0: // a claim about all of them holds only if each does
			out.P = stats.Of(1)
			if out.Words == "" {
				out.Words = fmt.Sprintf("not shown: no cell counts at %s more", plural(missing, "place"))
			}
		}
		v, _ := out.P.Get()
		p = append(p, v)
		a.Claims = append(a.Claims, out)
	}
	adjusted, err := stats.Holm(p)
	if err != nil {
		return err
	}
	for i := range a.Claims {
		c := &a.Claims[i]
		c.Holm = Holm{stats.Of(adjusted[i]), len(p), adjusted[i] <= alpha && c.Words == ""}
		switch {
		case c.Holm.Holds:
			c.Words = "holds"
		case c.Words == "":
			c.Words = fmt.Sprintf("not shown: p = %s after correction for %s", number(adjusted[i]), plural(len(p), "claim"))
		}
	}
	return nil
}

// planned is at how many places a claim was to be tested, those aside whose loads an
// arm's own answers decide.
func planned(e *workloads.Experiment, c *workloads.Claim) int {
	over := slices.ContainsFunc(overloadQuantities, func(q quantity) bool { return q.key == quantityOf[c.Endpoint] })
	n := 0
	for _, s := range e.Cells() {
		if s.Arm.Name == c.Arm && !s.Replicate && s.Probe == 0 && s.Fraction == 0 &&
			c.At(s.Workload, string(s.Durability), s.LoadPerSec) && (!over || s.Workload.Overload != nil) {
			n++
		}
	}
	return n
}

// take enters one place into the outcome; the first that does not bear the claim
// out is what the words are about.
func (o *ClaimOutcome) take(c *workloads.Claim, x *Comparison, place string) {
	o.Places++
	borne, p := x.bears(c.Says)
	if !borne && o.Words == "" {
		o.Words = fmt.Sprintf("not shown: %s: %s", place, effectText(x.Effect))
	}
	if most, _ := o.P.Get(); p > most {
		o.P = stats.Of(p)
	}
}

// bears reports whether a comparison says the same as a claim, and its p-value.
func (c *Comparison) bears(says string) (bool, float64) {
	n := c.P
	if says == workloads.Equal {
		n = c.PEqual
	}
	p, ok := n.Get()
	ratio, _ := c.Ratio.Get()
	switch {
	case !ok:
		return false, 1
	case says == workloads.Equal:
		return c.Verdict == stats.Equivalent, p
	case says == workloads.Lower && ratio >= 1, says == workloads.Higher && ratio <= 1:
		return false, 1 // it was found on the other side
	}
	return c.Verdict == stats.Resolved, p
}

// claimsText is the claims for the headline.
func (a *Analysis) claimsText() string {
	if len(a.Claims) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nClaims, declared before the run\n")
	if a.Exploratory {
		b.Reset()
		b.WriteString("\nClaims, declared after the run: exploratory\n")
	}
	for _, c := range a.Claims {
		fmt.Fprintf(&b, "  %s\n    %s (%s %s, %s, %s)\n", c.Text, c.Words, c.Arm, c.Says, c.Endpoint, plural(c.Places, "place"))
	}
	return b.String()
}

// holmText is what the correction leaves of a declared comparison.
func (c *Comparison) holmText() string {
	switch {
	case c.Holm == nil || c.Holm.Family < 2:
		return ""
	case c.Holm.Holds:
		return fmt.Sprintf("; holds among %d declared", c.Holm.Family)
	}
	p, _ := c.Holm.P.Get()
	return fmt.Sprintf("; p = %s among %d declared", number(p), c.Holm.Family)
}
