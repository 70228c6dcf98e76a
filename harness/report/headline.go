package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/stats"
)

// headline is the outcome in a few lines of text.
func (a *Analysis) headline() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d cells count", a.Experiment, a.Valid, a.Planned)
	if n := len(a.LeftOut); n > 0 {
		fmt.Fprintf(&b, ", %d left out (%s)", n, a.leftOutText())
	}
	if n := a.Planned - a.Ended; n > 0 {
		fmt.Fprintf(&b, ", %d not run", n)
	}
	fmt.Fprintf(&b, "; %s, host class %s\n", plural(a.Blocks, "block"), a.HostClass)
	if a.Uneven != "" {
		b.WriteString(a.Uneven + "\n")
	}
	if a.Exploratory {
		b.WriteString("exploratory: endpoints and claims were declared after the run\n")
	}
	for i := range a.Groups {
		b.WriteString(a.groupText(&a.Groups[i]))
	}
	b.WriteString(a.factorialText())
	b.WriteString(a.capacityText())
	b.WriteString(a.crossoverText())
	b.WriteString(a.claimsText())
	if line := a.RepeatsLine(); line != "" {
		b.WriteString("\n" + line + "\n")
	}
	if len(a.Groups) == 0 && len(a.Capacity) == 0 {
		b.WriteString("\nNo cell counts, so nothing is compared.\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// groupText is one workload at one durability.
func (a *Analysis) groupText(g *Group) string {
	var b strings.Builder
	p := &g.Points[g.Headline]
	fmt.Fprintf(&b, "\n%s, durability %s, %s", g.Workload, g.Durability, p.loadText())
	if len(p.Saturated) > 0 {
		fmt.Fprintf(&b, " (saturated: %s)", strings.Join(p.Saturated, ", "))
	}
	b.WriteString("\n")
	b.WriteString(p.overloadText())
	for _, c := range p.Compared {
		if c.Quantity == quantities[0].key {
			fmt.Fprintf(&b, "  %s / %s\n", c.A, c.B)
		}
		if isHeadline(c.Quantity) || c.Quantity == throughput && p.LoadPerSec == 0 || c.Quantity == timeToRecover || c.Quantity == goodput {
			fmt.Fprintf(&b, "    %-30s%s\n", title(c.Quantity), effectText(c.Effect)+c.holmText())
		}
	}
	return b.String()
}

// headlined is the comparisons that the headline shows.
func (p *Point) headlined() []Comparison {
	var out []Comparison
	for _, c := range p.Compared {
		if isHeadline(c.Quantity) {
			out = append(out, c)
		}
	}
	return out
}

func isHeadline(key string) bool {
	for _, q := range quantities[:headlines] {
		if key == q.key {
			return true
		}
	}
	return false
}

// loadText is the load in words.
func (p *Point) loadText() string {
	if p.LoadPerSec == 0 {
		return "closed loop"
	}
	return p.Load + " requests/s"
}

// LoadOf is the load beside an arm's numbers: with a mark where it fell behind.
func (p *Point) LoadOf(arm string) string {
	if contains(p.Saturated, arm) {
		return p.Load + " (saturated)"
	}
	return p.Load
}

// effectText is a ratio with its interval, the floor beside it and the verdict.
func effectText(e stats.Effect) string {
	ratio, ok := e.Ratio.Get()
	if !ok {
		return e.Words
	}
	var b strings.Builder
	b.WriteString(number(ratio))
	lo, okLo := e.Lo.Get()
	hi, okHi := e.Hi.Get()
	if okLo && okHi {
		fmt.Fprintf(&b, " [%s, %s] at %s %%", number(lo), number(hi), stats.Percent(e.Level))
	}
	if f, ok := e.Floor.Get(); ok {
		fmt.Fprintf(&b, "; A/A floor x%s", number(f))
	} else {
		b.WriteString("; no A/A floor")
	}
	fmt.Fprintf(&b, "; %s (lower in %d of %d)", e.Words, e.Lower, e.Blocks)
	return b.String()
}

// ratioText is a ratio alone, or a dash.
func ratioText(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return "–"
	}
	return number(v)
}

func title(key string) string {
	for _, q := range slices.Concat(quantities, overloadQuantities) {
		if q.key == key {
			return q.title
		}
	}
	return key
}

// number writes a ratio with two decimals, and more when it is small.
func number(v float64) string {
	if v < 0.1 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// duration writes a number of ns, or a dash.
func duration(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return "–"
	}
	return figure.Duration(v)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Verdicts are what the result says of each declared comparison, or of the
// headline's where none is declared, a line each.
func (a *Analysis) Verdicts() (out []string) {
	for _, declared := range []bool{true, false} {
		a.each(func(g *Group, p *Point) {
			for _, c := range p.Compared {
				if c.Declared == declared && (declared || isHeadline(c.Quantity)) {
					out = append(out, fmt.Sprintf("%s/%s %s at %s %s %s: %s, %s", c.A, c.B, c.Quantity, g.Workload, g.Durability, p.Load, c.Verdict, brief(c.Effect)))
				}
			}
		})
		if len(out) > 0 {
			break
		}
	}
	return out
}

// Read reads the analysis that a report of the result in dir has left.
func Read(dir string) (*Analysis, error) {
	text, err := os.ReadFile(filepath.Join(dir, "analysis.json"))
	if err != nil {
		return nil, err
	}
	a := &Analysis{}
	if err := json.Unmarshal(text, a); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "analysis.json"), err)
	}
	return a, nil
}
