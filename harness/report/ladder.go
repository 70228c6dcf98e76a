package report

import "fmt"

// Rung is an arm of a ladder beside the one before it: what their one difference
// does to a quantity at this place.
type Rung struct {
	Workload   string `json:"workload"`
	Durability string `json:"durability"`
	Load       string `json:"load"`
	// Steps are of the quantities of the headline, in their order.
	Steps []Comparison `json:"steps"`
}

// Arm and Over are the rung and the one before it.
func (r *Rung) Arm() string  { return r.Steps[0].A }
func (r *Rung) Over() string { return r.Steps[0].B }

// rungs compares every arm with the one before it, paired by block and with the
// floor of all arms, as every comparison.
func (a *Analysis) rungs(d data) (err error) {
	a.each(func(g *Group, p *Point) {
		by := d[where{g.Workload, g.Durability, p.LoadPerSec}]
		for i := 1; i < len(a.Arms) && err == nil; i++ {
			rung := Rung{Workload: g.Workload, Durability: g.Durability, Load: p.Load}
			for _, q := range quantities[:headlines] {
				c, failed := a.compare(q, a.Arms[i].Name, a.Arms[i-1].Name, p.Saturated, by)
				if failed != nil {
					err = fmt.Errorf("%s %s %s: %w", g.Workload, g.Durability, p.Load, failed)
					return
				}
				rung.Steps = append(rung.Steps, c)
			}
			a.Rungs = append(a.Rungs, rung)
		}
	})
	return err
}

func rungRows(a *Analysis) [][]string {
	rows := [][]string{{"workload", "durability", "load", "arm", "over", "quantity", "blocks", "ratio", "lo", "hi", "level", "floor", "verdict"}}
	for _, r := range a.Rungs {
		for _, c := range r.Steps {
			rows = append(rows, []string{
				r.Workload, r.Durability, r.Load, c.A, c.B, c.Quantity, plain(float64(c.Blocks)),
				field(c.Ratio), field(c.Lo), field(c.Hi), plain(c.Level), field(c.Floor), string(c.Verdict),
			})
		}
	}
	return rows
}
