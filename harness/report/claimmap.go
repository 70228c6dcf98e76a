package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ceteris/ceteris/workloads"
)

// shownAt is one place of a claim, and where a reader sees it.
type shownAt struct {
	Claim                      *ClaimOutcome
	Workload, Durability, Load string
	Outcome                    string // of the comparison here
	Figures                    []string
	Table                      string
}

// figuresOf are the kinds of figures that show a quantity; "-" at the end stands
// for the workload and durability, "*" for the load too.
var figuresOf = map[string][]string{
	"p50_response":    {"effects", "percentiles-*", "load-", "shift-"},
	"p99_response":    {"effects", "percentiles-*", "load-", "shift-"},
	"cpu_per_message": {"effects", "cpu-"},
	timeToRecover:     {"timeline-*"},
	goodput:           {"timeline-*"},
}

// claimMap says where each claim is shown. It needs the figures, of which there
// are only those that had something to draw.
func (a *Analysis) claimMap(e *workloads.Experiment, p pictures) (out []shownAt) {
	if e == nil {
		return nil
	}
	drawn := map[string]bool{}
	for _, at := range p {
		for _, x := range at {
			drawn[x.Name] = true
		}
	}
	for i := range a.Claims {
		claim := &e.Claims[i]
		quantity := quantityOf[claim.Endpoint]
		a.each(func(g *Group, at *Point) {
			w := workloadOf(e, g.Workload)
			if w == nil || !claim.At(w, g.Durability, at.LoadPerSec) {
				return
			}
			for _, c := range at.Compared {
				if c.A != claim.Arm || c.Quantity != quantity {
					continue
				}
				s := shownAt{
					Claim: &a.Claims[i], Workload: g.Workload, Durability: g.Durability, Load: at.Load,
					Outcome: effectText(c.Effect), Table: "tables/effects.csv",
				}
				for _, kind := range figuresOf[quantity] {
					name := kind
					switch kind[len(kind)-1] {
					case '*':
						name = fileName(kind[:len(kind)-1] + g.Workload + "-" + g.Durability + "-" + at.Load)
					case '-':
						name = fileName(kind + g.Workload + "-" + g.Durability)
					}
					if drawn[name] {
						s.Figures = append(s.Figures, "figures/"+name+".svg")
					}
				}
				out = append(out, s)
			}
		})
	}
	return out
}

// writeClaimMap writes the map as a table with a line for each place and file.
func writeClaimMap(places []shownAt, baseline, path string) error {
	if len(places) == 0 {
		return nil
	}
	rows := [][]string{{
		"claim", "arm", "baseline", "endpoint", "says", "holds", "experiment", "workload", "durability", "load", "outcome", "shown_as", "file",
	}}
	for _, s := range places {
		row := func(as, file string) []string {
			return []string{
				s.Claim.Text, s.Claim.Arm, baseline, s.Claim.Endpoint, s.Claim.Says, fmt.Sprint(s.Claim.Holm.Holds), "experiment.yaml",
				s.Workload, s.Durability, s.Load, s.Outcome, as, file,
			}
		}
		rows = append(rows, row("table", s.Table))
		for _, f := range s.Figures {
			rows = append(rows, row("figure", f))
		}
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return fmt.Errorf("table %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
