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

func slack(p float64, n int) float64 {
	return deviations * math.Sqrt(max(0, p*(1-p))/float64(n))
}

// Below and Above are how far the coverage may lie from the level printed: 93 to
// 97 % for the 95.8 % of twelve blocks. A percentile of a finite window is not
// distributed quite symmetrically about the truth, and more blocks do not mend that.
const below, above = 0.028, 0.012

// found is how often an injected difference is promised to be reported with
// Blocks blocks, on hosts that add no noise to single cells.
const found = 0.95

// Problems names every count that contradicts what is promised: intervals cover
// between 2.8 points less and 1.2 points more than they say; at most 5 % of A/A
// experiments call a difference; neither a report of equality nor a family errs
// more often than 5 %; +10 % in service time is found in 95 % of the experiments
// with twelve blocks. A row that breaks the assumptions promises nothing.
func (o Outcome) Problems() []string {
	var out []string
	for _, r := range o.Rows {
		if r.broken() {
			continue
		}
		n := float64(r.Experiments)
		say := func(what string, count int, promised string) {
			out = append(out, fmt.Sprintf("%v, %s, %d blocks, p%v: %s %s, promised %s",
				r.Queue, r.Host.Name, r.Blocks, r.Percentile, what, share(count, r.Experiments), promised))
		}
		atMost := func(what string, count int, p float64) {
			if float64(count)/n > p+slack(p, r.Experiments) {
				say(what, count, "at most "+percent(p))
			}
		}
		least, most := r.Level-below, r.Level+above
		if c := float64(r.Covered) / n; c < least-slack(least, r.Experiments) || c > most+slack(most, r.Experiments) {
			say("covered", r.Covered, percent(least)+" to "+percent(most))
		}
		atMost("A/A interval excludes 1", r.FalseCI, 1-r.Level)
		atMost("A/A called", r.FalseCall, 0.05)
		atMost("equality reported on the edge", r.Equal, 0.05)
		if r.Blocks == Blocks && r.Host.A == 0 && float64(r.Found)/n < found-slack(found, r.Experiments) {
			say("found", r.Found, "at least "+percent(found))
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
func (r Row) broken() bool {
	return r.Host.Broken() || r.Queue.Atom(r.Percentile) || r.Queue.Jump(Slower, r.Percentile)
}

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
	fmt.Fprintln(t, "host\tblocks\tof\ttrue\tlevel\tcovered\tA/A CI\tA/A call\tfound CI\tfound\tunpaired\tequal\tTOST")
	for _, r := range o.Rows {
		fmt.Fprintf(t, "%s\t%d\tp%v%s\t%.3f\t%s", r.Host.Name, r.Blocks, r.Percentile, star(r.broken()), r.True, percent(r.Level))
		for _, count := range []int{r.Covered, r.FalseCI, r.FalseCall, r.FoundCI, r.Found, r.Unpaired, r.Equal, r.TOST} {
			fmt.Fprintf(t, "\t%s", share(count, r.Experiments))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	f := o.Family
	_, err := fmt.Fprintf(w, "shift band%s %s, Holm A/A %s; p99 of one cell: textbook %s, bootstrap %s\n", star(o.broken()),
		share(f.Band, f.Experiments), share(f.Holm, f.Experiments), share(f.Textbook, f.Experiments), share(f.Within, f.Experiments))
	return err
}

// Legend explains the columns of [Print].
const Legend = `level     what is printed beside the interval        covered   intervals that hold the true ratio
A/A CI    A/A intervals that exclude 1               A/A call  A/A experiments reported as a difference
found CI  +10 % service: intervals above 1           found     reported as a difference (beyond the A/A floor too)
unpaired  found CI when blocks are paired wrongly
equal     reported as equal with the truth on the rope's edge: the whole 95 % interval lies within it
TOST      the same by two one-sided tests at 5 %, which no report claims by
band      shift functions that hold every true ratio   Holm      A/A families of p50, p90, p99 with any claim
textbook  order-statistic interval of one cell, which no report prints
bootstrap interval of one cell over its 40 intervals, which describes a run and compares nothing
* breaks what the interval assumes (symmetry, a density): nothing is promised, the row shows what that costs
`
