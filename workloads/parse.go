package workloads

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/ceteris/ceteris/models"
)

// Load reads an experiment file and the traces that it names. Errors name the
// file, line, column and key.
func Load(path string) (*Experiment, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("experiment file: %w", err)
	}
	return ParseAt(path, data)
}

// ParseAt reads an experiment from memory as if it stood in the file at path, with
// the traces that it names.
func ParseAt(path string, data []byte) (*Experiment, error) {
	e, err := Parse(path, data)
	if err != nil {
		return nil, err
	}
	return e, e.readTraces(filepath.Dir(path))
}

// Parse reads an experiment from memory, without traces; name stands for the file in
// errors.
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

func (d *document) experiment(n ast.Node) *Experiment {
	f := d.mapping(n, "")
	e := &Experiment{}
	if n := f.get("name", "a name"); n != nil {
		e.Name = d.identifier(n, "name")
	}
	e.Question = f.text("question")
	e.Models, e.Grids = f.arms()
	e.Replicate = f.replicate(e.Models)
	e.Blocks = int(f.integer("blocks"))
	e.Repeats = int(f.integer("repeats"))
	e.Seed = uint64(f.integer("seed"))
	e.Host = f.host()
	e.MemoryBytes = f.bytes("memory", 0)
	e.Driver = f.choice("driver")
	e.Warmup = f.duration("warmup")
	e.Measure = f.duration("measure")
	e.Syscalls = f.choice("syscalls")
	if n := f.get("loads", "a mapping with kind and per_second"); n != nil {
		e.Loads = d.loads(n, "loads")
	}
	for i, n := range f.list("workloads", "workloads") {
		key := fmt.Sprintf("workloads[%d]", i)
		for _, w := range d.workload(n, key) {
			if raw := w.RawOnly(); raw != "" && e.Driver != Raw {
				d.fail(n, key+"."+raw, "what driver "+e.Driver+" can offer", "something that only driver "+Raw+" can")
			}
			for _, other := range e.Workloads {
				if other.Name == w.Name {
					d.fail(n, key+".name", "a name that no other workload has", fmt.Sprintf("%q again", w.Name))
				}
			}
			d.timed(n, key, e, w)
			w.Shape.begin(e.Warmup)
			for i := range w.Classes {
				w.Classes[i].Shape.begin(e.Warmup)
			}
			e.Workloads = append(e.Workloads, w)
		}
	}
	e.Endpoints = f.endpoints(e.Models)
	e.Steady = f.steady()
	if n := f.vals["steady"]; n != nil && d.err == nil {
		f.checkSteady(n, e)
	}
	f.overloadEndpoints(e)
	if d.err == nil {
		e.Stop = f.stop(e)
		e.Claims = f.claims(e)
	}
	for i, n := range f.list("probes", "disk, loopback") {
		e.Probes = append(e.Probes, f.wordOf(n, fmt.Sprintf("probes[%d]", i), f.at("probes").Words...))
	}
	e.ProbePerSecond, e.ProbeFactor = f.number("probe_per_second"), f.number("probe_factor")
	if d.err == nil {
		if cells := max(len(e.Cells()), len(e.CellsOf(e.AllBlocks()-1))); cells > maxPerBlock {
			d.fail(n, "experiment", fmt.Sprintf("at most %d cells in a block", maxPerBlock), fmt.Sprint(cells))
		}
	}
	return e
}

func (f *fields) arms() ([]Arm, []FactorGrid) {
	var arms []Arm
	var grids []FactorGrid
	for i, n := range f.list("models", "model names, or mappings of name, model and set") {
		key := fmt.Sprintf("models[%d]", i)
		several, grid := f.arm(n, key)
		if grid != nil {
			grids = append(grids, *grid)
		}
		for _, a := range several {
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
	}
	if len(arms) > maxArms {
		f.fail(f.node, "models", fmt.Sprintf("at most %d models", maxArms), fmt.Sprint(len(arms)))
	}
	return arms, grids
}

func (f *fields) arm(n ast.Node, key string) ([]Arm, *FactorGrid) {
	line, _ := position(n)
	if s, ok := n.(*ast.StringNode); ok {
		name := f.identifier(s, key)
		return []Arm{{Name: name, Model: name, Line: line}}, nil
	}
	m := f.mapping(n, key)
	a := Arm{Set: map[string]string{}, Line: line}
	if n := m.get("model", "the name of a model"); n != nil {
		a.Model = f.identifier(n, key+".model")
	}
	a.Name = a.Model
	if n := m.get("name", "a name"); n != nil {
		a.Name = f.identifier(n, key+".name")
	}
	set := m.get("set", "a mapping of factors and settings")
	if set == nil {
		return f.grid(m, key, a)
	}
	var scratch models.Config
	for _, kv := range f.pairs(set, key+".set") {
		at := key + ".set." + kv.key
		f.notOfArms(kv.at, at, kv.key)
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
	return f.grid(m, key, a)
}

// ofWorkloads is the factor that arms do not have: what differs in it keeps
// different promises, and each cell's broker is told its workload's.
const ofWorkloads = "durability"

func (f *fields) notOfArms(n ast.Node, at, factor string) {
	if factor == ofWorkloads {
		f.fail(n, at, "a factor or setting of an arm", ofWorkloads+", which is the workload's")
	}
}

func (f *fields) replicate(arms []Arm) string {
	return f.choice("replicate", names(arms)...)
}

// within reads a mapping; of one that is missing, every key is.
func (f *fields) within(key string) *fields {
	if n := f.get(key, "a mapping"); n != nil {
		return f.mapping(n, f.path+key)
	}
	return &fields{document: f.document, node: f.node, path: f.path + key + "."}
}

func (f *fields) host() Host {
	m := f.within("host")
	return Host{BrokerCPUs: m.cpus("broker_cpus"), GeneratorCPUs: m.cpus("generator_cpus")}
}

func (f *fields) cpus(key string) string {
	n := f.get(key, "CPUs")
	if n == nil {
		return f.at(key).Default
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
	f := d.mapping(n, key)
	l := Loads{Kind: f.choice("kind")}
	if l.Capacity = d.capacity(f, key, l.Kind); l.Capacity != nil {
		return l
	}
	if l.Kind == Closed {
		if f.has("per_second") {
			d.fail(f.vals["per_second"], key+".per_second", "no rates with kind closed", describe(f.vals["per_second"]))
		}
		l.PerSecond = []float64{0}
		return l
	}
	for i, n := range f.listIf("per_second", "requests per second", true) {
		at := fmt.Sprintf("%s.per_second[%d]", key, i)
		v := d.numberOf(n, at)
		for _, other := range l.PerSecond {
			if other == v {
				d.fail(n, at, "a rate that is not listed before", describe(n))
			}
		}
		l.PerSecond = append(l.PerSecond, v)
	}
	return l
}

func (f *fields) endpoints(arms []Arm) Endpoints {
	m := f.within("endpoints")
	out := Endpoints{
		Primary: m.choice("primary"), Rope: m.number("rope"), Baseline: m.choice("baseline", names(arms)...),
		Models: m.choice("models"),
	}
	for i, n := range m.list("secondary", "endpoints") {
		at := fmt.Sprintf("endpoints.secondary[%d]", i)
		word := m.wordOf(n, at, m.at("secondary").Words...)
		if slices.Contains(out.Secondary, word) {
			m.fail(n, at, "an endpoint that is not listed before", describe(n))
		}
		out.Secondary = append(out.Secondary, word)
	}
	return out
}

// names lists the arms' names.
func names(arms []Arm) []string {
	var out []string
	for _, a := range arms {
		out = append(out, a.Name)
	}
	return out
}
