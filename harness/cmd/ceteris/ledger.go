package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/ceteris/ceteris/harness/ledger"
	"github.com/ceteris/ceteris/harness/report"
)

type ledgerCmd struct {
	Results  string `arg:"" optional:"" default:"results" help:"The directory below which the runs went."`
	Verdicts bool   `help:"Print what each reported run says of its endpoints, too."`
}

// Run lists every run that was begun, whatever became of it.
func (c *ledgerCmd) Run(std streams) error {
	runs, torn, err := ledger.Runs(c.Results)
	if err != nil {
		return err
	}
	if len(runs) == 0 {
		return usage("%s holds no ledger and no result", c.Results)
	}
	w := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "run\tfile\trevision\tclass\tcells\tcount\tstate\tresult")
	for _, r := range runs {
		fmt.Fprintln(w, strings.Join([]string{
			r.Name, short(r.SHA256), revision(r), dash(r.HostClass), of(r.Cells, r.Planned), strconv.Itoa(r.Valid), r.Course(), dash(r.ResultHash),
		}, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(std.out)
	for _, line := range ledger.Summary(runs) {
		fmt.Fprintln(std.out, line)
	}
	if torn > 0 {
		fmt.Fprintf(std.out, "lines of the ledger that cannot be read: %d\n", torn)
	}
	if !c.Verdicts {
		return nil
	}
	for _, r := range runs {
		for i, line := range r.Verdicts {
			if i == 0 {
				fmt.Fprintf(std.out, "\n%s\n", r.Name)
			}
			fmt.Fprintf(std.out, "  %s\n", line)
		}
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func short(hash string) string { return dash(hash[:min(8, len(hash))]) }

func revision(r *ledger.Run) string {
	if r.Dirty {
		return short(r.Revision) + "+"
	}
	return short(r.Revision)
}

func of(n, all int) string {
	if all == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", n, all)
}

// enterReport enters into the ledger what a run's report says.
func enterReport(dir string) error {
	a, err := report.Read(dir)
	if err != nil {
		return err
	}
	return ledger.Append(dir, ledger.Entry{Event: ledger.Reported, ResultHash: a.ResultHash, Verdicts: a.Verdicts(), Headline: a.Headline})
}
