package workloads

import (
	"errors"
	"fmt"
)

// Class is requests of another kind beside the produce load, with a rate,
// arrivals and connections of their own; an open loop always.
type Class struct {
	Name      string  `json:"name"` // one of the classes below
	PerSecond float64 `json:"per_second"`
	Arrivals  string  `json:"arrivals"`
	Shape     Shape   `json:"shape,omitzero"`
	// Connections carry the requests in turn; of Reconnect, how many can be open
	// at a time.
	Connections int `json:"connections"`
	Inflight    int `json:"inflight"` // of one connection; of Reconnect always 1
}

// The classes.
const (
	// TailFetch asks a drawn partition for its last acknowledged batch.
	TailFetch = "tail_fetch"
	// CatchUpFetch reads drawn partitions from their start on, up to 1 MiB at a
	// time, and begins anew where it has reached the end.
	CatchUpFetch = "catch_up_fetch"
	// Metadata asks for all topics of the workload.
	Metadata = "metadata"
	// Reconnect opens a connection, asks for ApiVersions and closes it.
	Reconnect = "reconnect"
)

// Classes are the names of all of them, in the order of the documentation.
var Classes = []string{TailFetch, CatchUpFetch, Metadata, Reconnect}

// The limits of a class.
const (
	maxClassConnections = 1024
	maxClassInflight    = 1024
)

// The layouts of connections. A connection of layout Mixed carries requests for
// every partition of its leader; of layout Aligned it keeps to its share of them,
// or, where there are more connections, several keep to one.
const (
	Mixed   = "mixed"
	Aligned = "aligned"
)

// What becomes of a request whose connection has its cap of requests outstanding
// when it is due: it waits and is sent as soon as there is room, or it is dropped
// and enters the histograms as censored.
const (
	SendLate = "send"
	DropLate = "drop"
)

// Schedule is the arrivals of a class under the seed of the load.
func (c *Class) Schedule(seed uint64) (*Schedule, error) {
	return NewShaped(Dimension(seed, "arrivals/"+c.Name), c.PerSecond, c.Arrivals, c.Shape)
}

// Partition is the partition of n that request i of a class concerns.
func (c *Class) Partition(seed uint64, i int64, n int) int {
	return below(draw(Dimension(seed, "partitions/"+c.Name), i), n)
}

// classes reads the kinds of requests beside the produce load.
func (f *fields) classes(key string) []Class {
	n := f.get(key, "a mapping of classes")
	if n == nil {
		return nil
	}
	var out []Class
	m := f.mapping(n, f.path+key)
	for _, name := range Classes {
		if !m.has(name) {
			continue
		}
		c := m.within(name)
		one := Class{Name: name, PerSecond: c.number("per_second"), Connections: int(c.integer("connections")), Inflight: 1}
		one.Arrivals, one.Shape = c.arrivals("arrivals")
		if name != Reconnect {
			one.Inflight = int(c.integer("inflight"))
		}
		out = append(out, one)
	}
	return out
}

// RawOnly is the key of something that only driver raw can offer; "" where there
// is nothing of the kind.
func (w *Workload) RawOnly() string {
	switch {
	case len(w.Classes) > 0:
		return "classes"
	case w.Layout == Aligned:
		return "layout"
	case w.FanOut > 1:
		return "fan_out"
	case w.Late == DropLate:
		return "late"
	case w.GeneratorThreads > 0:
		return "generator_threads"
	case w.ConsumersPause > 0:
		return "consumers_pause"
	case w.IdleConnections > 0:
		return "idle_connections"
	}
	return ""
}

func (c *Class) check() error {
	var errs []error
	within := func(what string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("%s of %d is not between %d and %d", what, v, low, high))
		}
	}
	known := false
	for _, name := range Classes {
		known = known || name == c.Name
	}
	if !known {
		errs = append(errs, fmt.Errorf("there is no such class"))
	}
	if !(c.PerSecond >= minPerSec && c.PerSecond <= MaxPerSec) {
		errs = append(errs, fmt.Errorf("a rate of %g per second is not between %g and %g", c.PerSecond, minPerSec, MaxPerSec))
	}
	within("connections", c.Connections, 1, maxClassConnections)
	within("inflight", c.Inflight, 1, maxClassInflight)
	if c.Name == Reconnect {
		within("inflight", c.Inflight, 1, 1)
	}
	errs = append(errs, c.Shape.check(c.Arrivals))
	return errors.Join(errs...)
}

// classKeys documents the classes and what else a load is beside its requests.
func classKeys() []Key {
	one := func(k Key) Key { k.Path = "workloads.*." + k.Path; return k }
	keys := []Key{
		one(Key{
			Path: "layout", Kind: Word, Words: []string{Mixed, Aligned}, Default: Mixed,
			Doc: "What a connection carries: requests for all partitions of its leader, or for its own share of them only (driver raw only). With routing=direct a leader is a shard.",
			See: []string{"workloads.*.connection", setPath + ".routing"},
		}),
		one(Key{
			Path: "fan_out", Kind: Integer, Min: 1, Max: maxFanOut, Unit: "partitions", Default: "1",
			Doc: "How many partitions of one topic each request has a batch for: the drawn one and those that follow it among the connection's. Latency is the slowest's. More than one with driver raw only.",
			See: []string{"workloads.*.layout", "workloads.*.records_per_batch"},
		}),
		one(Key{
			Path: "idle_connections", Kind: Integer, Max: maxConnections, Unit: "connections", Default: "0",
			Doc: "Connections beside the load that have asked for ApiVersions once and then stay silent; driver raw only.",
		}),
		one(Key{
			Path: "late", Kind: Word, Words: []string{SendLate, DropLate}, Default: SendLate,
			Doc: "What becomes of a request whose connection is at its cap when it is due: it is sent as soon as there is room (send), or counts as censored at the timeout (drop; driver raw only).",
			See: []string{"workloads.*.inflight"},
		}),
		one(Key{
			Path: "generator_threads", Kind: Integer, Max: maxThreads, Unit: "threads", Default: "0",
			Doc: "Threads of the load generator, each with its share of the connections and histograms that are added up; 0 is one a CPU of the generator. With more threads than CPUs they sleep instead of polling. Driver raw only.",
			See: []string{"host.generator_cpus"},
		}),
		one(Key{
			Path: "request_log", Kind: Integer, Max: maxRequestLog, Unit: "requests", Default: "0",
			Doc: "Which requests of the measured window are logged one by one, of the produce load and of each class: every so-many-th of its schedule, the same for all arms; 1 is all, 0 none. The log is written after the window.",
		}),
		one(Key{
			Path: "consumers_pause", Kind: Duration, Max: float64(maxWindow), Default: "0s",
			Doc: "For how long consumers fetch nothing from the start of the measured window on; then the time they take to drain what has gathered is recorded. Driver raw only.",
			See: []string{"workloads.*.consumers"},
		}),
		one(Key{
			Path: "classes", Kind: Mapping,
			Doc: "Requests of other kinds beside the produce load, each with histograms of its own; driver raw only. Without it, there are none.",
		}),
	}
	docs := map[string]string{
		TailFetch:    "Fetches of the last acknowledged batch of a partition drawn at random.",
		CatchUpFetch: "Fetches that read partitions drawn at random from their start, up to 1 MiB at a time, and begin anew at the end.",
		Metadata:     "Metadata requests for all topics of the workload.",
		Reconnect:    "Connections that are opened, ask for ApiVersions and are closed; the time is that of both.",
	}
	for _, name := range Classes {
		under := func(k Key) Key { k.Path = "classes." + name + "." + k.Path; return one(k) }
		keys = append(keys,
			one(Key{Path: "classes." + name, Kind: Mapping, Doc: docs[name]}),
			under(Key{Path: "per_second", Kind: Number, Min: minPerSec, Max: MaxPerSec, Needed: true, Unit: "requests per second", Doc: "The rate at which they are due."}),
			under(Key{
				Path: "connections", Kind: Integer, Min: 1, Max: maxClassConnections, Unit: "connections", Default: "1",
				Doc: "How many connections carry them, or are open at a time; of fetches at least one for every leader.",
			}),
		)
		if name != Reconnect {
			keys = append(keys, under(Key{
				Path: "inflight", Kind: Integer, Min: 1, Max: maxClassInflight, Unit: "requests", Default: "16",
				Doc: "How many of them one connection may have outstanding; others that are due wait.",
			}))
		}
		keys = append(keys, arrivalKeys("workloads.*.classes."+name+".arrivals")...)
	}
	return keys
}
