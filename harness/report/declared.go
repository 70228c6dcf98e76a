package report

import (
	"fmt"
	"strings"

	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/workloads"
)

// quantityOf is the quantity that an experiment file's endpoint names.
var quantityOf = map[string]string{
	"p99 response produce": "p99_response", "p50 response produce": "p50_response",
	"p99 e2e fetch": "p99_end_to_end", "p50 e2e fetch": "p50_end_to_end", "cpu per message": "cpu_per_message",
}

// Holm is a p-value corrected for the number of things tested.
type Holm struct {
	P      stats.Number `json:"p"`
	Family int          `json:"family"` // how many were tested together
	Holds  bool         `json:"holds"`  // at 5 %
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
		c.Holm = &Holm{stats.Of(adjusted[i]), len(family), adjusted[i] <= alpha}
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
		if out.Places == 0 {
			out.P, out.Words = stats.Of(1), "not tested: no cell of it counts"
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
