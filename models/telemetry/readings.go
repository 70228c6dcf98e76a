package telemetry

// Readings takes what a function reads for one scrape: metrics whose labels are
// not known beforehand, and groups of them that cost one look together.
type Readings struct{ out []Sample }

// Collect adds a function that is called once at every scrape, from any thread.
func (g *Registry) Collect(read func(r *Readings)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.collect = append(g.collect, read)
}

// Counter adds one reading of a counter; labels are name, value pairs, and the
// name gets the prefix ceteris_.
func (r *Readings) Counter(name, help string, value float64, labels ...string) {
	r.out = append(r.out, Sample{Name: "ceteris_" + name, Help: help, Kind: KindCounter, Labels: pairs(name, labels), Value: value})
}

// Gauge adds one reading of a gauge.
func (r *Readings) Gauge(name, help string, value float64, labels ...string) {
	r.out = append(r.out, Sample{Name: "ceteris_" + name, Help: help, Kind: KindGauge, Labels: pairs(name, labels), Value: value})
}
