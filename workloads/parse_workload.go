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
	w.Arrivals = f.choice("arrivals")
	w.Keys = f.law("keys")
	w.Connection = f.law("connection")
	w.RecordsPerBatch = int(f.integer("records_per_batch"))
	if n := f.get("size", "a size, or a mapping with lognormal"); n != nil {
		w.Size = d.size(n, key+".size")
	}
	w.Entropy = f.number("entropy")
	w.Consumers = int(f.integer("consumers"))
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

func (f *fields) law(key string) Law {
	k := f.at(key)
	n := f.get(key, "a law")
	if n == nil {
		return Law{Kind: k.Default}
	}
	path := f.path + key
	if s, ok := n.(*ast.StringNode); ok && slices.Contains(k.Words, s.Value) {
		return Law{Kind: s.Value}
	}
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return Law{Kind: Zipf, Zipf: f.mapping(n, path).number("zipf")}
	}
	f.fail(n, path, "none, round-robin, uniform or a mapping such as {zipf: 1.1}", describe(n))
	return Law{Kind: k.Default}
}

func (d *document) size(n ast.Node, key string) SizeLaw {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
	default:
		v := int(d.bytesOf(n, key, 0))
		return SizeLaw{MedianBytes: v, MaxBytes: v}
	}
	law := d.mapping(n, key).get("lognormal", "a mapping with median, sigma and max")
	if law == nil {
		return SizeLaw{}
	}
	m := d.mapping(law, key+".lognormal")
	median := m.bytes("median", 0)
	return SizeLaw{MedianBytes: int(median), Sigma: m.number("sigma"), MaxBytes: int(m.bytes("max", median))}
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
