package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// Compare sets two results side by side: for every load that both have, each
// result's own ratios and its arms' values. Nothing is tested across results:
// they were measured at different times, and no block holds both.
func Compare(a, b string) (string, error) {
	var sides [2]*Analysis
	for i, dir := range []string{a, b} {
		r, err := result.Open(dir)
		if err != nil {
			return "", err
		}
		if sides[i], _, err = analyse(r, nil); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	for i, s := range sides {
		fmt.Fprintf(&out, "%c  %s, result %s, host class %s, %s, %d of %d cells count\n", 'A'+i, s.Experiment, s.ResultHash,
			s.HostClass, plural(s.Blocks, "block"), s.Valid, s.Planned)
	}
	out.WriteString("Measured at different times: what follows is shown, not tested.\n")
	common := 0
	sides[0].each(func(g *Group, p *Point) {
		q := sides[1].find(g, p)
		if q == nil {
			return
		}
		common++
		fmt.Fprintf(&out, "\n%s, durability %s, %s\n", g.Workload, g.Durability, p.loadText())
		w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "  \tA\tB\tB/A\n")
		pointRows(w, p, q)
		w.Flush()
	})
	if common == 0 {
		out.WriteString("\nThey have no load of a workload at a durability in common.\n")
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

// find is the same load of the same workload at the same durability.
func (a *Analysis) find(g *Group, p *Point) *Point {
	var found *Point
	a.each(func(h *Group, q *Point) {
		if h.Workload == g.Workload && h.Durability == g.Durability && q.LoadPerSec == p.LoadPerSec {
			found = q
		}
	})
	return found
}

func pointRows(w *tabwriter.Writer, p, q *Point) {
	for _, x := range p.Arms {
		for _, y := range q.Arms {
			if x.Replicate || y.Replicate || x.Arm != y.Arm {
				continue
			}
			behind := contains(p.Saturated, x.Arm) || contains(q.Saturated, x.Arm)
			for _, v := range []struct {
				name    string
				a, b    stats.Number
				latency bool
			}{
				{"p50 response", x.Response.P50, y.Response.P50, true},
				{"p99 response", x.Response.P99, y.Response.P99, true},
				{"CPU per message", x.CPU, y.CPU, false},
			} {
				ratio := "–"
				va, okA := v.a.Get()
				vb, okB := v.b.Get()
				if v.latency && behind {
					ratio = "– (saturated)"
				} else if okA && okB && va > 0 {
					ratio = number(vb / va)
				}
				fmt.Fprintf(w, "  %s %s\t%s\t%s\t%s\n", x.Arm, v.name, duration(v.a), duration(v.b), ratio)
			}
		}
	}
	for _, c := range p.headlined() {
		for _, d := range q.headlined() {
			if c.A == d.A && c.B == d.B && c.Quantity == d.Quantity {
				fmt.Fprintf(w, "  %s/%s %s\t%s\t%s\t\n", c.A, c.B, title(c.Quantity), brief(c.Effect), brief(d.Effect))
			}
		}
	}
}

// brief is a ratio with its interval.
func brief(e stats.Effect) string {
	ratio, ok := e.Ratio.Get()
	if !ok {
		return "–"
	}
	text := number(ratio)
	lo, okLo := e.Lo.Get()
	hi, okHi := e.Hi.Get()
	if okLo && okHi {
		text += fmt.Sprintf(" [%s, %s] at %s %%", number(lo), number(hi), stats.Percent(e.Level))
	}
	if f, ok := e.Floor.Get(); ok {
		text += ", floor x" + number(f)
	}
	return text
}

// count writes a number of things for people.
func count(n int64) string { return figure.Count(float64(n)) }
