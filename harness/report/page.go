package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/ceteris/ceteris/harness/figure"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"svg":        func(s string) template.HTML { return template.HTML(s) }, // #nosec: drawn by package figure, which escapes text
	"duration":   duration,
	"ratio":      ratioText,
	"title":      title,
	"count":      count,
	"amount":     amount,
	"bytes":      bytesText,
	"percent":    stats.Percent,
	"share":      shareText,
	"megabytes":  megabytes,
	"plural":     plural,
	"small":      digits,
	"minBlocks":  func() int { return stats.MinBlocks },
	"theoryNote": func() string { return theoryNote },
	"at":         func(p pictures, place ...string) []picture { return p[strings.Join(place, "/")] },
	"factor":     number,
}).Parse(pageText))

// view is what the page shows.
type view struct {
	*Analysis
	Manifest *result.Manifest
	Machine  [][2]string
	Pictures pictures
	Configs  []configRow
	Versus   []string // the arms' names, heads of the configuration's columns
	Facts    []configRow
	Checks   []host.Check
	Unpassed int // of them
	Fixed    []host.Change
	Shown    []shownAt // the claims, place by place
}

// configRow is a setting in which arms differ.
type configRow struct {
	Key    string
	Values []string
}

// writePage writes report.html.
func writePage(a *Analysis, r *result.Run, p pictures, shown []shownAt, path string) error {
	v := view{Analysis: a, Shown: shown, Manifest: &r.Manifest, Machine: machine(&r.Env), Pictures: p, Checks: r.Env.Checks, Fixed: r.Env.Fixed}
	for _, c := range v.Checks {
		if c.Status != host.Pass {
			v.Unpassed++
		}
	}
	if err := v.configs(r); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return fmt.Errorf("report.html: %w", err)
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// machine is env.json in words.
func machine(e *host.Env) [][2]string {
	or := func(s string) string {
		if s == "" {
			return "unknown"
		}
		return s
	}
	out := [][2]string{
		{"Host class", string(e.Class) + because(e.Reasons)},
		{"Processor", or(e.CPUModel)},
		{"CPUs online, allowed, isolated", or(e.Online) + "; " + or(e.Allowed) + "; " + e.Isolated},
		{"Virtual machine", or(e.Hypervisor)},
		{"Governor, turbo", or(e.Governor) + ", " + or(e.Turbo)},
		{"Clock source, cost of a reading", fmt.Sprintf("%s, %.0f ns", or(e.Clocksource), e.ClockNs)},
		{"Memory, swap", bytesText(stats.Of(float64(e.MemoryBytes))) + ", " + bytesText(stats.Of(float64(e.Swap)))},
		{"Kernel", or(e.OS + " " + e.Kernel + " " + e.Arch)},
		{"Data directory on", or(e.Data.Filesystem) + ", " + or(e.Data.Device) + ", scheduler " + or(e.Data.Scheduler) + ", write cache " + or(e.Data.WriteCache)},
		{"Disk interrupts on CPU", fmt.Sprint(e.Data.IRQCPU)},
		{"CPU quota", or(e.CgroupCPU)},
		{"Go", or(e.GoVersion)},
	}
	return out
}

func because(reasons []string) string {
	if len(reasons) == 0 {
		return ""
	}
	return ": " + strings.Join(reasons, "; ")
}

// configs reads what each arm's broker said of itself and keeps what differs. The
// brokers asked are those of one workload, durability and load, so that nothing
// differs but the arm.
func (v *view) configs(r *result.Run) error {
	said := map[string]*brokerSaid{}
	var at *result.CellRecord
	for _, c := range r.Cells {
		if !c.Valid || c.Replicate || said[c.Arm] != nil {
			continue
		}
		if at != nil && (c.Workload != at.Workload || c.Durability != at.Durability || c.LoadPerSec != at.LoadPerSec) {
			continue
		}
		s, err := readSaid(c)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		said[c.Arm] = s
		if at == nil {
			at = c
		}
	}
	var configs, facts []map[string]string
	for _, arm := range v.Arms {
		if s := said[arm.Name]; s != nil {
			v.Versus = append(v.Versus, arm.Name)
			// Each cell has a directory of its own.
			delete(s.Facts, "process.data.dir")
			configs, facts = append(configs, s.Config), append(facts, s.Facts)
		}
	}
	v.Configs, v.Facts = differing(configs), differing(facts)
	return nil
}

// brokerSaid is the part of broker.json that the page shows.
type brokerSaid struct {
	Config map[string]string `json:"config"`
	Facts  map[string]string `json:"facts"`
}

// differing is the keys whose values are not all the same.
func differing(sets []map[string]string) []configRow {
	keys := map[string]bool{}
	for _, s := range sets {
		for k := range s {
			keys[k] = true
		}
	}
	var out []configRow
	for k := range keys {
		row, same := configRow{Key: k}, true
		for _, s := range sets {
			value, there := s[k]
			if !there {
				value = "–"
			}
			row.Values = append(row.Values, value)
			same = same && value == row.Values[0]
		}
		if !same {
			out = append(out, row)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// amount writes a number that has no unit, or a dash.
func amount(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return "–"
	}
	return figure.Count(v)
}

// digits writes a number to three digits however small it is, or a dash.
func digits(n stats.Number) string {
	v, ok := n.Get()
	switch {
	case !ok:
		return "–"
	case v != 0 && v < 0.01:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return figure.Count(v)
}

// megabytes writes a number of bytes in MB, as throughput is told.
func megabytes(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return "–"
	}
	return figure.Count(v/1e6) + " MB"
}

// shareText writes a share in per cent, or a dash.
func shareText(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return "–"
	}
	return figure.Percent(v)
}

// bytesText writes a size.
func bytesText(n stats.Number) string {
	v, ok := n.Get()
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.0f MiB", v/(1<<20))
}
