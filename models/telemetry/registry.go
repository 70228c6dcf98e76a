package telemetry

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// Label is one name="value" of a metric.
type Label struct{ Name, Value string }

// Kind says what a sample means.
type Kind int

// A counter only grows; a gauge is a reading.
const (
	KindCounter Kind = iota
	KindGauge
)

// Sample is one reading of one metric. Units are in the name: _total, _seconds,
// _bytes, _ratio.
type Sample struct {
	Name, Help string
	Kind       Kind
	Labels     []Label
	Value      float64
}

// metric is a registered name and how to read it.
type metric struct {
	name, help string
	kind       Kind
	labels     []Label
	read       func() float64
}

// recorder is a registered Recorder.
type recorder struct {
	r      *Recorder
	labels []Label
	wake   func()
}

// Registry holds what the admin port serves. Metrics are added while a broker
// starts and read by any thread at any time.
type Registry struct {
	mu        sync.Mutex
	metrics   []metric
	collect   []func(*Readings)
	workers   []worker
	series    *series // of the workers' time; nil: nobody has asked
	recorders []recorder
	extra     map[string]http.Handler
	scraping  sync.Mutex // one collection at a time
	sinceMs   int64      // wall clock of start or of the last reset of the stages
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{sinceMs: WallMs()} }

// Handle adds a route of the broker's own to the admin port, while it starts.
func (g *Registry) Handle(pattern string, h http.Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.extra == nil {
		g.extra = map[string]http.Handler{}
	}
	if g.extra[pattern] != nil {
		panic("telemetry: route " + pattern + " added twice")
	}
	g.extra[pattern] = h
}

func (g *Registry) routes() map[string]http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.extra)
}

// Counter makes and adds a single-writer counter. labels are name, value pairs;
// the name gets the prefix ceteris_.
func (g *Registry) Counter(name, help string, labels ...string) *Counter {
	c := &Counter{}
	g.CounterFunc(name, help, c.Load, labels...)
	return c
}

// SharedCounter makes and adds a counter that any thread may write.
func (g *Registry) SharedCounter(name, help string, labels ...string) *SharedCounter {
	c := &SharedCounter{}
	g.CounterFunc(name, help, c.Load, labels...)
	return c
}

// CounterFunc adds a counter that is read by a function, which must be safe to
// call from any thread.
func (g *Registry) CounterFunc(name, help string, read func() uint64, labels ...string) {
	g.add(KindCounter, name, help, func() float64 { return float64(read()) }, labels)
}

// GaugeFunc adds a gauge that is read by a function, which must be safe to call
// from any thread.
func (g *Registry) GaugeFunc(name, help string, read func() float64, labels ...string) {
	g.add(KindGauge, name, help, read, labels)
}

// AddRecorder adds a thread's stage recorder. wake (nil: none) makes the thread
// pass its Poll if it sleeps; without it a scrape waits up to [ScrapeWait].
func (g *Registry) AddRecorder(r *Recorder, wake func(), labels ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recorders = append(g.recorders, recorder{r: r, labels: pairs("recorder", labels), wake: wake})
}

func (g *Registry) add(kind Kind, name, help string, read func() float64, labels []string) {
	m := metric{name: "ceteris_" + name, help: help, kind: kind, labels: pairs(name, labels), read: read}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.metrics {
		if o := &g.metrics[i]; o.name == m.name && slices.Equal(o.labels, m.labels) {
			panic(fmt.Sprintf("telemetry: %s%v is registered twice", m.name, m.labels))
		}
	}
	g.metrics = append(g.metrics, m)
}

// Snapshot reads every counter and gauge, in the order of their adding.
func (g *Registry) Snapshot() []Sample {
	g.mu.Lock()
	metrics := g.metrics[:len(g.metrics):len(g.metrics)]
	g.mu.Unlock()
	out := make([]Sample, 0, len(metrics))
	for i := range metrics {
		m := &metrics[i]
		out = append(out, Sample{Name: m.name, Help: m.help, Kind: m.kind, Labels: m.labels, Value: m.read()})
	}
	g.mu.Lock()
	collect := g.collect[:len(g.collect):len(g.collect)]
	g.mu.Unlock()
	r := Readings{out: out}
	for _, read := range collect {
		read(&r)
	}
	return r.out
}

// pairs turns name, value, name, value into labels.
func pairs(name string, kv []string) []Label {
	if len(kv)%2 != 0 {
		panic(fmt.Sprintf("telemetry: %s: labels are name, value pairs: got %d strings", name, len(kv)))
	}
	if !wellFormed(name) {
		panic(fmt.Sprintf("telemetry: metric name: got %q, want letters, digits and _", name))
	}
	var out []Label
	for i := 0; i < len(kv); i += 2 {
		if !wellFormed(kv[i]) {
			panic(fmt.Sprintf("telemetry: %s: label name: got %q, want letters, digits and _", name, kv[i]))
		}
		out = append(out, Label{kv[i], kv[i+1]})
	}
	return out
}

// wellFormed is Prometheus's rule for names, without the colon.
func wellFormed(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
