package workloads

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/ceteris/ceteris/models"
)

const (
	maxTopics      = 1000
	maxPartitions  = 10000 // of all topics together
	maxConnections = 16384
	maxInflight    = 1 << 16
	maxRecords     = 10000
	maxConsumers   = 64
	maxValues      = 32 // of one key of a workload
	// maxBatchBytes keeps a batch with its overhead (61 bytes, and some 20 a
	// record) under Kafka's default message.max.bytes of 1048588.
	maxBatchBytes  = 1023 << 10
	recordOverhead = 24
)

// workload reads a workload, or as many as there are combinations of the values
// that it lists.
func (d *document) workload(n ast.Node, key string) []*Workload {
	f := d.mapping(n, key, "name", "durability", "topics", "partitions", "connections", "inflight", "acks",
		"arrivals", "keys", "connection", "records_per_batch", "size", "entropy", "consumers", "loads")
	w := &Workload{}
	if n := f.get("name", "a name", true); n != nil {
		w.Name = d.identifier(n, key+".name")
	}
	w.Durability = f.durability()
	w.Topics = int(f.integer("topics", 1, 1, maxTopics))
	values := [][]int{
		f.integers("partitions", maxPartitions), f.integers("connections", maxConnections), f.integers("inflight", maxInflight),
	}
	w.Acks = f.acks()
	w.Arrivals = f.choice("arrivals", Poisson, Poisson, Constant)
	w.Keys = f.law("keys", None)
	w.Connection = f.law("connection", RoundRobin)
	w.RecordsPerBatch = int(f.integer("records_per_batch", 1, 1, maxRecords))
	if n := f.get("size", "a size, or a mapping with lognormal", true); n != nil {
		w.Size = d.size(n, key+".size")
	}
	w.Entropy = f.number("entropy", 0.5, 0, 1)
	w.Consumers = int(f.integer("consumers", 0, 0, maxConsumers))
	if n := f.get("loads", "a mapping with kind and per_second", false); n != nil {
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
func (f *fields) integers(key string, high int64) []int {
	if _, several := f.vals[key].(*ast.SequenceNode); !several {
		return []int{int(f.integer(key, 0, 1, high))}
	}
	var out []int
	list := f.list(key, "integers", true)
	if len(list) > maxValues {
		f.fail(f.vals[key], f.path+key, fmt.Sprintf("at most %d values", maxValues), fmt.Sprint(len(list)))
		return nil
	}
	for i, n := range list {
		one := fields{document: f.document, node: f.node, path: f.path, vals: map[string]ast.Node{key: n}}
		v := int(one.integer(key, 0, 1, high))
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
	words := []string{string(models.Memory), string(models.Process), string(models.Power)}
	if !f.has("durability") {
		return []string{string(models.Process)}
	}
	var out []string
	for i, n := range f.list("durability", "memory, process or power", true) {
		at := fmt.Sprintf("%sdurability[%d]", f.path, i)
		v := f.wordOf(n, at, words...)
		if slices.Contains(out, v) {
			f.fail(n, at, "a durability that is not listed before", describe(n))
		}
		out = append(out, v)
	}
	return out
}

func (f *fields) acks() int16 {
	n := f.get("acks", "all, 1 or 0", false)
	if n == nil {
		return -1
	}
	switch describe(n) {
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

func (f *fields) law(key, def string) Law {
	n := f.get(key, "a law", false)
	if n == nil {
		return Law{Kind: def}
	}
	path := f.path + key
	if s, ok := n.(*ast.StringNode); ok && (s.Value == None || s.Value == RoundRobin || s.Value == Uniform) {
		return Law{Kind: s.Value}
	}
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		m := f.mapping(n, path, "zipf")
		return Law{Kind: Zipf, Zipf: m.number("zipf", -1, 0.01, 10)}
	}
	f.fail(n, path, "none, round-robin, uniform or a mapping such as {zipf: 1.1}", describe(n))
	return Law{Kind: def}
}

func (d *document) size(n ast.Node, key string) SizeLaw {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		v := int(d.bytesOf(n, key, 1, maxBatchBytes))
		return SizeLaw{MedianBytes: v, MaxBytes: v}
	}
	f := d.mapping(n, key, "lognormal")
	law := f.get("lognormal", "a mapping with median, sigma and max", true)
	if law == nil {
		return SizeLaw{}
	}
	key += ".lognormal"
	m := d.mapping(law, key, "median", "sigma", "max")
	var s SizeLaw
	if n := m.get("median", "a size", true); n != nil {
		s.MedianBytes = int(d.bytesOf(n, key+".median", 1, maxBatchBytes))
	}
	s.Sigma = m.number("sigma", -1, 0.001, 5)
	if n := m.get("max", "a size", true); n != nil {
		s.MaxBytes = int(d.bytesOf(n, key+".max", int64(s.MedianBytes), maxBatchBytes))
	}
	return s
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
	within("size", w.Size.MedianBytes, 1, maxBatchBytes)
	within("largest size", w.Size.MaxBytes, w.Size.MedianBytes, maxBatchBytes)
	within("records_per_batch × largest size", w.RecordsPerBatch*(w.Size.MaxBytes+recordOverhead), 1, maxBatchBytes+recordOverhead)
	within("consumers", w.Consumers, 0, maxConsumers)
	if !(w.Entropy >= 0 && w.Entropy <= 1) {
		errs = append(errs, fmt.Errorf("workload %s: entropy of %g is not between 0 and 1", w.Name, w.Entropy))
	}
	if w.Arrivals != Poisson && w.Arrivals != Constant {
		errs = append(errs, fmt.Errorf("workload %s: arrivals %q are neither %s nor %s", w.Name, w.Arrivals, Poisson, Constant))
	}
	for what, law := range map[string]Law{"keys": w.Keys, "connection": w.Connection} {
		if _, err := NewChoice(0, law, 2); err != nil {
			errs = append(errs, fmt.Errorf("workload %s: %s: %w", w.Name, what, err))
		}
	}
	return errors.Join(errs...)
}
