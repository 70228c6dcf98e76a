package telemetry

import (
	"bufio"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// metricsHandler exposes g in the Prometheus text format, version 0.0.4.
func metricsHandler(g *Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		// The client that went away in the middle is not our error.
		_ = writeFamilies(w, g.families())
	})
}

// writeFamilies writes the text format: HELP and TYPE once a name, then a line
// for each reading.
func writeFamilies(w io.Writer, families []family) error {
	b := bufio.NewWriter(w)
	for i := range families {
		f := &families[i]
		if len(f.points) == 0 {
			continue
		}
		b.WriteString("# HELP " + f.name + " " + helpEscape.Replace(f.help) + "\n# TYPE " + f.name + " " + f.typeName() + "\n")
		for k := range f.points {
			f.write(b, &f.points[k])
		}
	}
	return b.Flush()
}

func (f *family) typeName() string {
	switch {
	case f.points[0].hist != nil:
		return "histogram"
	case f.kind == KindCounter:
		return "counter"
	}
	return "gauge"
}

func (f *family) write(b *bufio.Writer, p *point) {
	if p.hist == nil {
		line(b, f.name, p.labels, "", p.value)
		return
	}
	for i, bound := range p.hist.bounds {
		line(b, f.name+"_bucket", p.labels, number(bound), float64(p.hist.counts[i]))
	}
	line(b, f.name+"_bucket", p.labels, "+Inf", float64(p.hist.count))
	line(b, f.name+"_sum", p.labels, "", p.hist.sum)
	line(b, f.name+"_count", p.labels, "", float64(p.hist.count))
}

// line writes one reading; le is a bucket's upper bound, empty elsewhere.
func line(b *bufio.Writer, name string, labels []Label, le string, value float64) {
	b.WriteString(name)
	sep := "{"
	for _, l := range labels {
		b.WriteString(sep + l.Name + `="` + valueEscape.Replace(l.Value) + `"`)
		sep = ","
	}
	if le != "" {
		b.WriteString(sep + `le="` + le + `"`)
		sep = ","
	}
	if sep == "," {
		b.WriteByte('}')
	}
	b.WriteString(" " + number(value) + "\n")
}

// number formats a float as the format wants it: integers without an exponent.
func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

var (
	helpEscape  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	valueEscape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)
