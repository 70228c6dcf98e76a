package workloads

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// workload reads a workload, or as many as there are combinations of the values
// that it lists.
func (d *document) workload(n ast.Node, key string) []*Workload {
	f := d.mapping(n, key)
	w := &Workload{}
	if n := f.get("name", "a name"); n != nil {
		w.Name = d.identifier(n, key+".name")
	}
	w.Durability = f.durability()
	w.Topics = int(f.integer("topics"))
	values := [][]int{
		f.integers("partitions"), f.integers("connections"), f.integers("inflight"),
	}
	w.Acks = f.acks()
	w.Arrivals, w.Shape = f.arrivals("arrivals")
	w.Keys = f.law("keys")
	w.Connection = f.law("connection")
	w.FanOut = int(f.integer("fan_out"))
	w.RecordsPerBatch = int(f.integer("records_per_batch"))
	if n := f.get("size", "a size, or a mapping with lognormal"); n != nil {
		w.Size = d.size(n, key+".size")
	}
	w.Entropy = f.number("entropy")
	w.Consumers = int(f.integer("consumers"))
	w.ConsumersPause = f.duration("consumers_pause")
	w.Layout, w.Late = f.choice("layout"), f.choice("late")
	w.IdleConnections = int(f.integer("idle_connections"))
	w.GeneratorThreads = int(f.integer("generator_threads"))
	w.RequestLog = int(f.integer("request_log"))
	w.Classes = f.classes("classes")
	w.Overload, w.Faults = f.overload(w), f.faults()
	if n := f.get("loads", "a mapping with kind and per_second"); n != nil {
		l := d.loads(n, key+".loads")
		w.Loads = &l
	}
	if d.err != nil {
		return nil
	}
	all := w.sweep(values)
	for _, w := range all {
		if err := w.Validate(); err != nil {
			d.fail(n, key, "a workload that can be offered", err.Error())
		}
	}
	return all
}

// integers reads a whole number or a list of different ones.
func (f *fields) integers(key string) []int {
	if _, several := f.vals[key].(*ast.SequenceNode); !several {
		return []int{int(f.integer(key))}
	}
	var out []int
	list := f.list(key, "integers")
	if len(list) > maxValues {
		f.fail(f.vals[key], f.path+key, fmt.Sprintf("at most %d values", maxValues), fmt.Sprint(len(list)))
		return nil
	}
	for i, n := range list {
		one := fields{document: f.document, node: f.node, path: f.path, vals: map[string]ast.Node{key: n}}
		v := int(one.integer(key))
		if slices.Contains(out, v) {
			f.fail(n, fmt.Sprintf("%s%s[%d]", f.path, key, i), "a value that is not listed before", describe(n))
		}
		out = append(out, v)
	}
	return out
}

// sweep is the workload with each combination of the values, those of the last
// key changing fastest.
func (w *Workload) sweep(values [][]int) []*Workload {
	out := []*Workload{w}
	w.Family = w.Name
	for i, s := range sweepable {
		var next []*Workload
		for _, base := range out {
			for _, v := range values[i] {
				one := *base
				switch s.key {
				case "partitions":
					one.Partitions = v
				case "connections":
					one.Connections = v
				case "inflight":
					one.Inflight = v
				}
				if len(values[i]) > 1 {
					one.Swept = maps.Clone(base.Swept)
					if one.Swept == nil {
						one.Swept = map[string]int{}
					}
					one.Swept[s.key] = v
					one.Name += one.Mark(s.key)
				}
				next = append(next, &one)
			}
		}
		out = next
	}
	return out
}

func (f *fields) durability() []string {
	k := f.at("durability")
	if !f.has("durability") {
		return []string{k.Default}
	}
	var out []string
	for i, n := range f.list("durability", "memory, process or power") {
		at := fmt.Sprintf("%sdurability[%d]", f.path, i)
		v := f.wordOf(n, at, k.Words...)
		if slices.Contains(out, v) {
			f.fail(n, at, "a durability that is not listed before", describe(n))
		}
		out = append(out, v)
	}
	return out
}

func (f *fields) acks() int16 {
	n := f.get("acks", "all, 1 or 0")
	text := strconv.Quote(f.at("acks").Default)
	if n != nil {
		text = describe(n)
	}
	switch text {
	case `"all"`, "-1":
		return -1
	case "1":
		return 1
	case "0":
		return 0
	}
	f.fail(n, f.path+"acks", "all, 1 or 0", describe(n))
	return -1
}

// Validate reports everything that the load generator could not offer; Parse
// has called it, a Workload made in Go should.
func (w *Workload) Validate() error {
	var errs []error
	within := func(what string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("workload %s: %s of %d is not between %d and %d", w.Name, what, v, low, high))
		}
	}
	within("topics", w.Topics, 1, maxTopics)
	within("partitions", w.Partitions, 1, maxPartitions)
	within("topics × partitions", w.Topics*w.Partitions, 1, maxPartitions)
	within("connections", w.Connections, 1, maxConnections)
	within("inflight", w.Inflight, 1, maxInflight)
	within("acks", int(w.Acks), -1, 1)
	within("records_per_batch", w.RecordsPerBatch, 1, maxRecords)
	within("records_per_batch × largest size", w.RecordsPerBatch*(w.Size.MaxBytes+recordOverhead), 1, maxBatchBytes+recordOverhead)
	within("fan_out", w.FanOut, 0, w.Partitions)
	within("fan_out × records_per_batch × largest size", max(1, w.FanOut)*w.RecordsPerBatch*w.Size.MaxBytes, 1, maxRequestBytes)
	within("consumers", w.Consumers, 0, maxConsumers)
	within("idle_connections", w.IdleConnections, 0, maxConnections)
	within("generator_threads", w.GeneratorThreads, 0, maxThreads)
	within("request_log", w.RequestLog, 0, maxRequestLog)
	if w.ConsumersPause < 0 || w.ConsumersPause > maxWindow || w.ConsumersPause > 0 && w.Consumers == 0 {
		errs = append(errs, fmt.Errorf("workload %s: consumers_pause of %v with %d consumers", w.Name, w.ConsumersPause, w.Consumers))
	}
	if w.Layout != "" && w.Layout != Mixed && w.Layout != Aligned {
		errs = append(errs, fmt.Errorf("workload %s: layout %q is neither %s nor %s", w.Name, w.Layout, Mixed, Aligned))
	}
	if w.Late != "" && w.Late != SendLate && w.Late != DropLate {
		errs = append(errs, fmt.Errorf("workload %s: late %q is neither %s nor %s", w.Name, w.Late, SendLate, DropLate))
	}
	for i := range w.Classes {
		if err := w.Classes[i].check(); err != nil {
			errs = append(errs, fmt.Errorf("workload %s: class %s: %w", w.Name, w.Classes[i].Name, err))
		}
		if w.Classes[i].Name == TailFetch && w.Acks == 0 {
			errs = append(errs, fmt.Errorf("workload %s: class %s asks for what was acknowledged, and with acks 0 nothing is", w.Name, TailFetch))
		}
	}
	if !(w.Entropy >= 0 && w.Entropy <= 1) {
		errs = append(errs, fmt.Errorf("workload %s: entropy of %g is not between 0 and 1", w.Name, w.Entropy))
	}
	for _, err := range []error{w.Size.check(), w.Shape.check(w.Arrivals)} {
		if err != nil {
			errs = append(errs, fmt.Errorf("workload %s: %w", w.Name, err))
		}
	}
	for what, law := range map[string]Law{"keys": w.Keys, "connection": w.Connection} {
		if _, err := NewChoice(0, law, 2); err != nil {
			errs = append(errs, fmt.Errorf("workload %s: %s: %w", w.Name, what, err))
		}
	}
	return errors.Join(errs...)
}
