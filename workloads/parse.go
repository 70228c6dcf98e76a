package workloads

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/ceteris/ceteris/models"
)

// Load reads an experiment file. Errors name the file, line, column and key.
func Load(path string) (*Experiment, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("experiment file: %w", err)
	}
	return Parse(path, data)
}

// Parse reads an experiment from memory; name stands for the file in errors.
func Parse(name string, data []byte) (*Experiment, error) {
	d := &document{file: name}
	root := d.root(data)
	if d.err != nil {
		return nil, d.err
	}
	e := d.experiment(root)
	if d.err != nil {
		return nil, d.err
	}
	e.Source = append([]byte(nil), data...)
	return e, nil
}

// The limits of an experiment file. They are far beyond what has been tried and
// keep a slip of the pen from filling a disk or a week.
const (
	maxBlocks   = 10000
	maxWindow   = 24 * time.Hour
	maxMemory   = 1 << 40
	minMemory   = 16 << 20
	maxArms     = 32
	maxPerBlock = 10000 // cells
)

func (d *document) experiment(n ast.Node) *Experiment {
	f := d.mapping(n, "", "name", "question", "models", "replicate", "blocks", "seed", "host", "memory",
		"driver", "warmup", "measure", "loads", "workloads", "endpoints", "probes")
	e := &Experiment{}
	if n := f.get("name", "a name", true); n != nil {
		e.Name = d.identifier(n, "name")
	}
	if f.has("question") {
		e.Question = f.text("question", "")
	}
	e.Models = f.arms()
	e.Replicate = f.replicate(e.Models)
	e.Blocks = int(f.integer("blocks", 3, 1, maxBlocks))
	e.Seed = uint64(f.integer("seed", 1, 0, 1<<62))
	e.Host = f.host()
	e.MemoryBytes = 512 << 20
	if n := f.get("memory", "a size", false); n != nil {
		e.MemoryBytes = d.bytesOf(n, "memory", minMemory, maxMemory)
	}
	e.Driver = f.choice("driver", Raw, Raw, Franz)
	e.Warmup = f.duration("warmup", 2*time.Second, 0, maxWindow)
	e.Measure = f.duration("measure", 5*time.Second, 10*time.Millisecond, maxWindow)
	if n := f.get("loads", "a mapping with kind and per_second", true); n != nil {
		e.Loads = d.loads(n, "loads")
	}
	for i, n := range f.list("workloads", "workloads", true) {
		key := fmt.Sprintf("workloads[%d]", i)
		for _, w := range d.workload(n, key) {
			for _, other := range e.Workloads {
				if other.Name == w.Name {
					d.fail(n, key+".name", "a name that no other workload has", fmt.Sprintf("%q again", w.Name))
				}
			}
			e.Workloads = append(e.Workloads, w)
		}
	}
	e.Endpoints = f.endpoints(e.Models)
	if f.has("probes") {
		for i, n := range f.list("probes", "disk, loopback", true) {
			e.Probes = append(e.Probes, f.wordOf(n, fmt.Sprintf("probes[%d]", i), ProbeDisk, ProbeLoopback))
		}
	}
	if d.err == nil {
		if cells := len(e.Cells()); cells > maxPerBlock {
			d.fail(n, "experiment", fmt.Sprintf("at most %d cells in a block", maxPerBlock), fmt.Sprint(cells))
		}
	}
	return e
}

func (f *fields) arms() []Arm {
	var arms []Arm
	for i, n := range f.list("models", "model names, or mappings of name, model and set", true) {
		key := fmt.Sprintf("models[%d]", i)
		a := f.arm(n, key)
		for _, other := range arms {
			if other.Name == a.Name {
				f.fail(n, key, "a name that no other model has", fmt.Sprintf("%q again", a.Name))
			}
		}
		if a.Name == ReplicateArm || a.Name == Alternate {
			f.fail(n, key, "a name other than "+ReplicateArm+" and "+Alternate, fmt.Sprintf("%q", a.Name))
		}
		arms = append(arms, a)
	}
	if len(arms) > maxArms {
		f.fail(f.node, "models", fmt.Sprintf("at most %d models", maxArms), fmt.Sprint(len(arms)))
	}
	return arms
}

func (f *fields) arm(n ast.Node, key string) Arm {
	line, _ := position(n)
	if s, ok := n.(*ast.StringNode); ok {
		name := f.identifier(s, key)
		return Arm{Name: name, Model: name, Line: line}
	}
	m := f.mapping(n, key, "name", "model", "set")
	a := Arm{Set: map[string]string{}, Line: line}
	if n := m.get("model", "the name of a model", true); n != nil {
		a.Model = f.identifier(n, key+".model")
	}
	a.Name = a.Model
	if n := m.get("name", "a name", false); n != nil {
		a.Name = f.identifier(n, key+".name")
	}
	set := m.get("set", "a mapping of factors and settings", false)
	if set == nil {
		return a
	}
	var scratch models.Config
	for _, kv := range f.pairs(set, key+".set") {
		at := key + ".set." + kv.key
		switch kv.value.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		default:
			f.fail(kv.value, at, "the value of a factor or setting", describe(kv.value))
			continue
		}
		v := kv.value.GetToken().Value
		if err := scratch.Set(kv.key, v); err != nil {
			f.fail(kv.at, at, "a factor or setting and a value it takes", err.Error())
		}
		a.Set[kv.key] = v
	}
	return a
}

func (f *fields) replicate(arms []Arm) string {
	names := []string{Alternate}
	for _, a := range arms {
		names = append(names, a.Name)
	}
	return f.choice("replicate", Alternate, names...)
}

func (f *fields) host() Host {
	h := Host{BrokerCPUs: Auto, GeneratorCPUs: Auto}
	n := f.get("host", "a mapping", false)
	if n == nil {
		return h
	}
	m := f.mapping(n, "host", "broker_cpus", "generator_cpus")
	h.BrokerCPUs = m.cpus("broker_cpus")
	h.GeneratorCPUs = m.cpus("generator_cpus")
	return h
}

func (f *fields) cpus(key string) string {
	n := f.get(key, "CPUs", false)
	if n == nil {
		return Auto
	}
	text := ""
	switch n.(type) {
	case *ast.StringNode, *ast.IntegerNode:
		text = n.GetToken().Value
	}
	if text != Auto && !isCPUList(text) {
		f.fail(n, f.path+key, "auto or a list of CPUs such as 0-1,4", describe(n))
	}
	return text
}

// isCPUList checks the form only; which CPUs there are is for the host to say.
func isCPUList(s string) bool {
	for part := range strings.SplitSeq(s, ",") {
		var low, high int
		if n, err := fmt.Sscanf(part, "%d-%d", &low, &high); n == 2 && err == nil {
			if low < 0 || high < low || fmt.Sprintf("%d-%d", low, high) != part {
				return false
			}
			continue
		}
		if n, err := fmt.Sscanf(part, "%d", &low); n != 1 || err != nil || low < 0 || fmt.Sprint(low) != part {
			return false
		}
	}
	return true
}

func (d *document) loads(n ast.Node, key string) Loads {
	f := d.mapping(n, key, "kind", "per_second")
	l := Loads{Kind: f.choice("kind", Absolute, Absolute, Closed)}
	if l.Kind == Closed {
		if f.has("per_second") {
			d.fail(f.vals["per_second"], key+".per_second", "no rates with kind closed", describe(f.vals["per_second"]))
		}
		l.PerSecond = []float64{0}
		return l
	}
	for i, n := range f.list("per_second", "requests per second", true) {
		at := fmt.Sprintf("%s.per_second[%d]", key, i)
		v := d.numberOf(n, at, 0.001, MaxPerSec)
		for _, other := range l.PerSecond {
			if other == v {
				d.fail(n, at, "a rate that is not listed before", describe(n))
			}
		}
		l.PerSecond = append(l.PerSecond, v)
	}
	return l
}

// primaries are the endpoints that an experiment can be about, the default first.
var primaries = []string{
	"p99 response produce", "p50 response produce", "p99 e2e fetch", "p50 e2e fetch", "cpu per message",
}

func (f *fields) endpoints(arms []Arm) Endpoints {
	e := Endpoints{Primary: primaries[0], Rope: 0.05}
	n := f.get("endpoints", "a mapping", false)
	if n == nil {
		return e
	}
	m := f.mapping(n, "endpoints", "primary", "rope", "baseline")
	e.Primary = m.choice("primary", e.Primary, primaries...)
	e.Rope = m.number("rope", e.Rope, 0, 1)
	if m.has("baseline") {
		var names []string
		for _, a := range arms {
			names = append(names, a.Name)
		}
		e.Baseline = m.choice("baseline", "", names...)
	}
	return e
}
