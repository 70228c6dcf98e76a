package coverage

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/ceteris/ceteris/harness/stats"
)

// deviations is how far a count may lie from what its probability makes of it, in
// standard deviations, before it is called wrong: about once in 16 000 counts by
// chance.
const deviations = 4

func slack(p float64, n int) float64 { return deviations * math.Sqrt(p*(1-p)/float64(n)) }

// Problems names every count that contradicts what is promised: intervals cover
// as often as they say, neither more nor less; at most 5 % of A/A experiments call a
// difference; no claim of equivalence or of a family errs more often than 5 %. A
// row that breaks the assumptions promises nothing.
func (o Outcome) Problems() []string {
	var out []string
	for _, r := range o.Rows {
		if r.broken() {
			continue
		}
		say := func(what string, count int, p float64) {
			out = append(out, fmt.Sprintf("%v, %s, %d blocks, p%v: %s %s, promised %s",
				r.Queue, r.Host.Name, r.Blocks, r.Percentile, what, share(count, r.Experiments), percent(p)))
		}
		n := float64(r.Experiments)
		if math.Abs(float64(r.Covered)/n-r.Level) > slack(r.Level, r.Experiments) {
			say("covered", r.Covered, r.Level)
		}
		if float64(r.FalseCI)/n > 1-r.Level+slack(r.Level, r.Experiments) {
			say("A/A interval excludes 1", r.FalseCI, 1-r.Level)
		}
		if float64(r.FalseCall)/n > 0.05+slack(0.05, r.Experiments) {
			say("A/A called a difference", r.FalseCall, 0.05)
		}
		if float64(r.Equivalent)/n > 0.05+slack(0.05, r.Experiments) {
			say("equivalence on the edge", r.Equivalent, 0.05)
		}
	}
	n := o.Family.Experiments
	if !o.broken() && float64(o.Family.Band)/float64(n) < 0.95-slack(0.95, n) {
		out = append(out, fmt.Sprintf("%v: shift band held %s, promised 95 %%", o.Queue, share(o.Family.Band, n)))
	}
	if float64(o.Family.Holm)/float64(n) > 0.05+slack(0.05, n) {
		out = append(out, fmt.Sprintf("%v: Holm family claimed %s, promised 5 %%", o.Queue, share(o.Family.Holm, n)))
	}
	return out
}

// broken reports whether the row breaks what the interval assumes.
func (r Row) broken() bool { return r.Host.Broken() || r.Queue.Atom(r.Percentile) }

// broken reports whether the band has to hold a ratio that no interval can.
func (o Outcome) broken() bool { return o.Queue.Atom(stats.ShiftPercentiles[0]) }

// star marks what promises nothing.
func star(broken bool) string {
	if broken {
		return "*"
	}
	return ""
}

func percent(p float64) string { return fmt.Sprintf("%.1f", 100*p) }

func share(count, n int) string { return percent(float64(count) / float64(n)) }

// Print writes an outcome as two tables; every count is a share in per cent.
func (o Outcome) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%v, %d requests a cell\n", o.Queue, o.Requests)
	fmt.Fprintln(t, "host\tblocks\tof\ttrue\tlevel\tcovered\tA/A CI\tA/A call\tfound CI\tfound\tunpaired\tTOST")
	for _, r := range o.Rows {
		fmt.Fprintf(t, "%s\t%d\tp%v%s\t%.3f\t%s", r.Host.Name, r.Blocks, r.Percentile, star(r.broken()), r.True, percent(r.Level))
		for _, count := range []int{r.Covered, r.FalseCI, r.FalseCall, r.FoundCI, r.Found, r.Unpaired, r.Equivalent} {
			fmt.Fprintf(t, "\t%s", share(count, r.Experiments))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	f := o.Family
	_, err := fmt.Fprintf(w, "shift band%s %s, Holm A/A %s, textbook p99 %s\n", star(o.broken()),
		share(f.Band, f.Experiments), share(f.Holm, f.Experiments), share(f.Textbook, f.Experiments))
	return err
}

// Legend explains the columns of [Print].
const Legend = `level     what is printed beside the interval        covered   intervals that hold the true ratio
A/A CI    A/A intervals that exclude 1               A/A call  A/A experiments reported as a difference
found CI  +10 % service: intervals above 1           found     reported as a difference (beyond the A/A floor too)
unpaired  found CI when blocks are paired wrongly    TOST      equivalence claimed with the truth on the rope's edge
band      shift functions that hold every true ratio   Holm      A/A families of p50, p90, p99 with any claim
textbook  order-statistic interval of one cell, which no report prints
* breaks what the interval assumes (symmetry, a density): nothing is promised, the row shows what that costs
`
