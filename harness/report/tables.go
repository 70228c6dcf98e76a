package report

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ceteris/ceteris/harness/stats"
)

// writeTables writes the numbers as comma-separated values, one row for each
// thing, units in the column names. An empty field is a refusal; its reason is in
// analysis.json.
func writeTables(a *Analysis, dir string) error {
	tables := map[string][][]string{
		"arms": armRows(a), "effects": effectRows(a), "runs": runRows(a), "stages": stageRows(a), "left-out": leftOutRows(a),
	}
	if rows := insideRows(a); len(rows) > 1 {
		tables["inside"] = rows
	}
	if len(a.Factorial) > 0 {
		tables["factorial"] = factorialRows(a)
	}
	if len(a.Capacity) > 0 {
		tables["capacity"] = capacityRows(a)
	}
	if len(a.Crossovers) > 0 {
		tables["crossover"] = crossoverRows(a)
	}
	if len(a.Claims) > 0 {
		tables["claims"] = claimRows(a)
	}
	if rows := classRows(a); len(rows) > 1 {
		tables["classes"] = rows
	}
	if rows := drainRows(a); len(rows) > 1 {
		tables["drains"] = rows
	}
	if rows := overloadRows(a); len(rows) > 1 {
		tables["overload"] = rows
	}
	if len(a.Efficiency) > 0 {
		tables["efficiency"] = efficiencyRows(a)
	}
	if rows := proberRows(a); len(rows) > 1 {
		tables["probe"] = rows
	}
	if len(a.Variance) > 0 {
		tables["variance"] = varianceRows(a)
	}
	if len(a.Rungs) > 0 {
		tables["ladder"] = rungRows(a)
	}
	if len(a.Scaling) > 0 {
		tables["scaling"] = scalingRows(a)
	}
	if rows := theoryRows(a); len(rows) > 1 {
		tables["theory"] = rows
	}
	for name, rows := range tables {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(rows); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".csv"), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "benchmarks.txt"), benchmarks(a), 0o644)
}

// each calls f for every point.
func (a *Analysis) each(f func(g *Group, p *Point)) {
	for i := range a.Groups {
		for j := range a.Groups[i].Points {
			f(&a.Groups[i], &a.Groups[i].Points[j])
		}
	}
}

func armRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "arm", "replicate", "saturated", "blocks", "requests", "censored", "achieved_per_sec",
		"response_mean_ns", "response_p50_ns", "response_p90_ns", "response_p99_ns", "response_p99.9_ns",
		"service_p50_ns", "service_p99_ns", "slip_p50_ns", "slip_p99_ns", "end_to_end_p50_ns", "end_to_end_p99_ns",
		"messages", "cpu_per_message_ns", "context_switches_per_message", "max_rss_bytes",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			rows = append(rows, []string{
				g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate),
				strconv.FormatBool(contains(p.Saturated, x.Arm)), strconv.Itoa(x.Blocks),
				strconv.FormatInt(x.Response.Count, 10), strconv.FormatInt(x.Response.Censored, 10), field(x.Achieved),
				field(x.Response.Mean), field(x.Response.P50), field(x.Response.P90), field(x.Response.P99), field(x.Response.P999),
				field(x.Service.P50), field(x.Service.P99), field(x.Slip.P50), field(x.Slip.P99),
				field(x.EndToEnd.P50), field(x.EndToEnd.P99),
				strconv.FormatInt(x.Messages, 10), field(x.CPU), field(x.Switches), field(x.MaxRSS),
			})
		}
	})
	return rows
}

func effectRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "quantity", "a", "b", "blocks", "ratio", "lo", "hi", "level",
		"blocks_lower", "floor", "floor_blocks", "verdict", "words", "p", "p_equivalence", "declared", "p_holm", "declared_tests",
	}}
	a.each(func(g *Group, p *Point) {
		for _, c := range p.Compared {
			holmP, tests := "", ""
			if c.Holm != nil {
				holmP, tests = field(c.Holm.P), strconv.Itoa(c.Holm.Family)
			}
			rows = append(rows, []string{
				g.Workload, g.Durability, plain(p.LoadPerSec), c.Quantity, c.A, c.B, strconv.Itoa(c.Blocks),
				field(c.Ratio), field(c.Lo), field(c.Hi), plain(c.Level), strconv.Itoa(c.Lower),
				field(c.Floor), strconv.Itoa(c.FloorBlocks), string(c.Verdict), c.Words, field(c.P), field(c.PEqual),
				strconv.FormatBool(c.Declared), holmP, tests,
			})
		}
	})
	return rows
}

func runRows(a *Analysis) [][]string {
	rows := [][]string{{
		"workload", "durability", "load_per_sec", "arm", "replicate", "block", "position", "requests",
		"achieved_per_sec", "achieved_ratio", "response_p50_ns", "response_p99_ns", "cpu_per_message_ns",
		"response_p99_lo_ns", "response_p99_hi_ns", "intervals", "steady", "warm_up_intervals", "p99_warm_up_intervals", "dropped_intervals", "p50_change", "p50_trend_p", "p99_change", "p99_trend_p",
	}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			for _, r := range x.Runs {
				rows = append(rows, []string{
					g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate),
					strconv.Itoa(r.Block), strconv.Itoa(r.Position), strconv.FormatInt(r.Requests, 10),
					plain(r.Achieved), plain(r.Ratio), field(r.P50), field(r.P99), field(r.CPU),
					field(r.P99Lo), field(r.P99Hi), strconv.Itoa(r.Steady.P50.Intervals), r.Steady.String(), strconv.Itoa(r.Steady.P50.Cut), strconv.Itoa(r.Steady.P99.Cut), strconv.Itoa(r.Dropped),
					field(r.Steady.P50.Change), field(r.Steady.P50.P), field(r.Steady.P99.Change), field(r.Steady.P99.P),
				})
			}
		}
	})
	return rows
}

func claimRows(a *Analysis) [][]string {
	rows := [][]string{{"text", "arm", "endpoint", "says", "places", "p", "p_holm", "claims", "holds", "words"}}
	for _, c := range a.Claims {
		rows = append(rows, []string{
			c.Text, c.Arm, c.Endpoint, c.Says, strconv.Itoa(c.Places), field(c.P), field(c.Holm.P), strconv.Itoa(c.Holm.Family),
			strconv.FormatBool(c.Holm.Holds), c.Words,
		})
	}
	return rows
}

func stageRows(a *Analysis) [][]string {
	rows := [][]string{{"workload", "durability", "load_per_sec", "arm", "replicate", "stage", "requests", "mean_ns"}}
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			for _, s := range x.Stages {
				rows = append(rows, []string{
					g.Workload, g.Durability, plain(p.LoadPerSec), x.Arm, strconv.FormatBool(x.Replicate),
					s.Name, strconv.FormatInt(s.Count, 10), plain(s.MeanNs),
				})
			}
		}
	})
	return rows
}

func leftOutRows(a *Analysis) [][]string {
	rows := [][]string{{"cell", "counts", "why"}}
	for _, l := range a.LeftOut {
		rows = append(rows, []string{l.Cell, "false", l.Why})
	}
	for _, l := range a.Warnings {
		rows = append(rows, []string{l.Cell, "true", l.Why})
	}
	return rows
}

// benchmarks is the runs in the format of Go's benchmarks, one line each, so that
// benchstat can be pointed at it: benchstat -col /arm benchmarks.txt. It compares
// whatever it is given, so the times of a saturated arm are not there, and prints the
// note, which says what it does not know.
func benchmarks(a *Analysis) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "experiment: %s\nresult: %s\n", a.Experiment, a.ResultHash)
	b.WriteString("note: benchstat neither pairs blocks nor knows the A/A floor; what is resolved is in effects.csv\n")
	a.each(func(g *Group, p *Point) {
		for _, x := range p.Arms {
			if x.Replicate {
				continue
			}
			for _, r := range x.Runs {
				fmt.Fprintf(&b, "BenchmarkProduce/workload=%s/durability=%s/load=%s/arm=%s %d", g.Workload, g.Durability, p.Load, x.Arm, r.Requests)
				for _, v := range []struct {
					of      stats.Number
					unit    string
					latency bool
				}{{r.P50, "p50-ns", true}, {r.P99, "p99-ns", true}, {r.CPU, "cpu-ns/message", false}} {
					if text := field(v.of); text != "" && !(v.latency && contains(p.Saturated, x.Arm)) {
						fmt.Fprintf(&b, " %s %s", text, v.unit)
					}
				}
				b.WriteString("\n")
			}
		}
	})
	return b.Bytes()
}

// field is a number for a table; empty when there is none.
func field(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return ""
	}
	return plain(v)
}

func plain(v float64) string { return strconv.FormatFloat(stats.Round(v), 'f', -1, 64) }
