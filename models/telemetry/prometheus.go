package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsHandler exposes g in every format that client_golang speaks.
func metricsHandler(g *Registry) http.Handler {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(collector{g})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// collector adapts a Registry. It describes nothing beforehand, because metrics
// may be added later; the exposition checks them when they are collected.
type collector struct{ g *Registry }

// Describe sends nothing: the collector is unchecked.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect converts every family.
func (c collector) Collect(out chan<- prometheus.Metric) {
	for _, f := range c.g.families() {
		for i := range f.points {
			out <- f.metric(&f.points[i])
		}
	}
}

// metric converts one point; an impossible one (a bad name) fails its scrape.
func (f *family) metric(p *point) prometheus.Metric {
	var names, values []string
	for _, l := range p.labels {
		names, values = append(names, l.Name), append(values, l.Value)
	}
	desc := prometheus.NewDesc(f.name, f.help, names, nil)
	var m prometheus.Metric
	var err error
	switch {
	case p.hist != nil:
		buckets := make(map[float64]uint64, len(p.hist.bounds))
		for i, bound := range p.hist.bounds {
			buckets[bound] = p.hist.counts[i]
		}
		m, err = prometheus.NewConstHistogram(desc, p.hist.count, p.hist.sum, buckets, values...)
	case f.kind == KindCounter:
		m, err = prometheus.NewConstMetric(desc, prometheus.CounterValue, p.value, values...)
	default:
		m, err = prometheus.NewConstMetric(desc, prometheus.GaugeValue, p.value, values...)
	}
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return m
}
