package workloads

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shortest are the mappings of which a file holds one, by the key that tells them
// apart, each as short as it can be.
var shortest = map[string]map[string]any{
	"arrivals": {
		Bursts: map[string]any{"on": "1s", "off": "1s"}, MMPP: map[string]any{"high": "1s", "low": "1s", "ratio": 2},
		Ramp: map[string]any{"from": 0, "to": 1, "over": "1s"}, Sine: map[string]any{"amplitude": 1, "period": "1s"}, Trace: "t.txt",
		Gamma: map[string]any{"shape": 1}, Weibull: map[string]any{"shape": 1},
		Phases: map[string]any{"steps": []any{map[string]any{"for": "1s", "rate": 1}}},
	},
	"keys":       {Zipf: 1, Hotspot: map[string]any{"of": 1, "load": 1}},
	"connection": {Zipf: 1, Hotspot: map[string]any{"of": 1, "load": 1}},
	"size": {
		"lognormal": map[string]any{"median": 1, "sigma": 1, "max": 1}, "uniform": map[string]any{"min": 1, "max": 1},
		"bimodal": map[string]any{"small": 1, "large": 1, "large_share": 0.5}, "values": []any{1},
	},
}

// full is a document with every mapping that the table knows, and of the laws
// those that path has.
func full(path string) map[string]any {
	law := func(key string) map[string]any {
		at := "workloads.*." + key + "."
		for name, v := range shortest[key[strings.LastIndex(key, ".")+1:]] {
			if strings.HasPrefix(path+".", at+name+".") {
				if m, ok := v.(map[string]any); ok {
					m = maps.Clone(m)
					if steps, ok := m["steps"].([]any); ok {
						m["steps"] = []any{maps.Clone(steps[0].(map[string]any))}
					}
					v = m
				}
				return map[string]any{name: v}
			}
		}
		return map[string]any{}
	}
	some := func(key string) any {
		if m := law(key); len(m) > 0 {
			return m
		}
		return map[string]any{"arrivals": Poisson, "keys": None, "connection": Uniform, "size": 1}[key[strings.LastIndex(key, ".")+1:]]
	}
	classes := map[string]any{}
	for _, name := range Classes {
		classes[name] = map[string]any{"per_second": 1, "arrivals": some("classes." + name + ".arrivals")}
	}
	loads := func() map[string]any { return map[string]any{"kind": Absolute, "per_second": []any{1}} }
	return map[string]any{
		"name": "t", "blocks": 1, "host": map[string]any{}, "endpoints": map[string]any{"baseline": "threadpool"}, "loads": loads(),
		"models": []any{map[string]any{
			"model": "tpc", "set": map[string]any{}, "grid": []any{map[string]any{"factor": "staging", "values": []any{"none", "shared"}}},
		}, "threadpool"},
		"steady": map[string]any{},
		"stop":   map[string]any{"width": 0.1, "max_blocks": 9},
		"claims": []any{map[string]any{"text": "c", "arm": "tpc-none", "says": "lower"}},
		"workloads": []any{map[string]any{
			"name": "w", "partitions": 1, "connections": 1, "inflight": 1, "loads": loads(),
			"keys": some("keys"), "connection": some("connection"), "size": some("size"), "arrivals": some("arrivals"), "classes": classes,
			"overload": map[string]any{"at": "500ms", "for": "500ms", "factor": 2}, "faults": []any{map[string]any{"at": "0s", "stall": "1ms"}},
		}},
	}
}

// with is the full document with a value at a key, and where the key then is.
func with(t *testing.T, k *Key, v any) (doc []byte, place string) {
	t.Helper()
	root := full(k.Path)
	for _, in := range []map[string]any{root, root["workloads"].([]any)[0].(map[string]any)} {
		if regexp.MustCompile(`loads\.(slo|from|probes|fractions)`).MatchString(k.Path) {
			delete(root, "stop")
			in["loads"] = map[string]any{"kind": CapacitySearch, "slo": map[string]any{"p99": "1ms"}, "from": 1}
		}
	}
	at := root
	path := strings.TrimSuffix(k.Path, k.Last)
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "."), ".") {
		switch part {
		case "":
		case "*":
			place += "[0]"
		default:
			next := at[part]
			if list, ok := next.([]any); ok {
				next = list[0]
			}
			place += "." + part
			at = next.(map[string]any)
		}
	}
	at[k.Last] = v
	doc, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return doc, strings.TrimPrefix(place+"."+k.Last, ".")
}

// blames reports whether an error is about a place or something in it.
func blames(err error, place string) bool {
	return err != nil && regexp.MustCompile(`^t:\d+:\d+: `+regexp.QuoteMeta(place)+`[:.\[]`).MatchString(err.Error())
}

// TestEveryKeyIsRead: what the table has, the parser reads, within the table's
// bounds and as one of its words, and refuses beyond them; the schema agrees on
// whatever it can express.
func TestEveryKeyIsRead(t *testing.T) {
	valid := validator(t)
	if doc, err := json.Marshal(full("")); err != nil {
		t.Fatal(err)
	} else if _, err := Parse("t", doc); err != nil {
		t.Fatal(err)
	} else if err := valid(doc); err != nil {
		t.Fatal(err)
	}
	for _, k := range Keys() {
		refused := func(v any, schemaToo bool) {
			t.Helper()
			doc, place := with(t, &k, v)
			if _, err := Parse("t", doc); !blames(err, place) {
				t.Errorf("%s: %v: got error %v, want one that names %s", k.Path, v, err, place)
			}
			if err := valid(doc); schemaToo && err == nil {
				t.Errorf("%s: the schema takes %v", k.Path, v)
			}
		}
		taken := func(v any) {
			t.Helper()
			doc, place := with(t, &k, v)
			if _, err := Parse("t", doc); blames(err, place) {
				t.Errorf("%s: %v: got %v", k.Path, v, err)
			}
			if err := valid(doc); err != nil && k.Last != "kind" { // kind=closed refuses the rates beside it
				t.Errorf("%s: %v: the schema says %v", k.Path, v, err)
			}
		}
		list := func(v any) any {
			if k.Count == List {
				return []any{v}
			}
			return v
		}
		refused([]any{[]any{}}, true)
		if len(k.Children()) > 0 {
			refused(list(map[string]any{"zz": 1}), true)
		}
		for _, w := range k.Words {
			taken(list(scalar(w)))
		}
		if k.Kind == Word {
			refused(list("zz"), true)
		}
		write, step := func(v float64) any { return int64(v) }, 1.0
		switch k.Kind {
		default:
			continue
		case Integer, Size:
		case Number:
			write = func(v float64) any { return v }
			step = 1e-4
		case Duration:
			write = func(v float64) any { return time.Duration(v).String() }
		}
		refused(list(write(k.Min-step)), k.Kind != Duration)
		taken(list(write(k.Min)))
		if k.Max < 1<<62 { // beyond, float64 has no such steps
			refused(list(write(k.Max+max(step, k.Max*1e-9))), k.Kind != Duration)
			taken(list(write(k.Max)))
		}
	}
}

// TestDefaults: to write every default of the table into a file changes nothing.
func TestDefaults(t *testing.T) {
	parse := func(root map[string]any) *Experiment {
		doc, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Parse("t", doc)
		if err != nil {
			t.Fatal(err)
		}
		e.Source = nil
		return e
	}
	bare := func() (root, workload map[string]any) {
		workload = map[string]any{"name": "w", "partitions": 1, "connections": 1, "inflight": 1, "size": 1}
		return map[string]any{
			"name": "t", "models": []any{"tpc"}, "workloads": []any{workload}, "loads": map[string]any{"per_second": []any{1}},
		}, workload
	}
	root, workload := bare()
	want := parse(root)
	written := 0
	for _, k := range Keys() {
		into := root
		switch mapping, _, nested := strings.Cut(k.Path, "."); {
		case k.Default == "" || strings.HasPrefix(k.Path, setPath) || strings.HasPrefix(k.Path, "workloads.*.loads"), k.Path == "loads.probes", strings.HasPrefix(k.Path, "claims."), k.Last == "gaps", strings.HasPrefix(k.Path, "workloads.*.classes"), strings.HasPrefix(k.Path, "workloads.*.overload."):
			continue
		case mapping == "workloads":
			into = workload
		case nested:
			if root[mapping] == nil {
				root[mapping] = map[string]any{}
			}
			into = root[mapping].(map[string]any)
		}
		into[k.Last] = k.defaultValue()
		written++
	}
	if diff := cmp.Diff(want, parse(root)); diff != "" || written < 18 {
		t.Errorf("%d defaults written: %s", written, diff)
	}
}

// TestEveryFieldHasAKey: what an experiment holds can be written in a file.
func TestEveryFieldHasAKey(t *testing.T) {
	named := map[string]string{"MemoryBytes": "memory", "PerSecond": "per_second", "BrokerCPUs": "broker_cpus", "GeneratorCPUs": "generator_cpus", "RecordsPerBatch": "records_per_batch", "MedianBytes": "median", "MaxBytes": "max", "MaxBlocks": "max_blocks", "ConsumersPause": "consumers_pause", "IdleConnections": "idle_connections", "GeneratorThreads": "generator_threads", "FanOut": "fan_out", "RequestLog": "request_log", "ProbePerSecond": "probe_per_second", "ProbeFactor": "probe_factor"}
	derived := []string{"Source", "Line", "Grids", "Family", "Swept", "Capacity", "Shape", "MinBytes", "Values"} // its keys are those of loads
	for prefix, v := range map[string]any{
		"": Experiment{}, "models.*.": Arm{}, "host.": Host{}, "loads.": Loads{}, "endpoints.": Endpoints{}, "claims.*.": Claim{}, "stop.": Stop{}, "steady.": Steady{},
		"workloads.*.": Workload{}, "workloads.*.size.lognormal.": SizeLaw{},
	} {
		for f := range reflect.TypeOf(v).Fields() {
			name := named[f.Name]
			if name == "" {
				name = strings.ToLower(f.Name)
			}
			if byPath()[prefix+name] == nil && !slices.Contains(derived, f.Name) {
				t.Errorf("%T.%s: no key %s", v, f.Name, prefix+name)
			}
		}
	}
}

func TestDocumentation(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Path] {
			t.Errorf("%s is there twice", k.Path)
		}
		seen[k.Path] = true
		if len(k.Doc) < 10 || !strings.HasSuffix(k.Doc, ".") {
			t.Errorf("%s: %q is no sentence", k.Path, k.Doc)
		}
		if numeric := k.Kind == Integer || k.Kind == Number; numeric != (k.Unit != "") && k.Path != "seed" {
			t.Errorf("%s: kind %s has unit %q", k.Path, k.Kind, k.Unit)
		}
		for _, what := range []string{"bytes", "percent", " a second"} {
			if k.Unit == "count" && strings.Contains(strings.ToLower(k.Doc), what) {
				t.Errorf("%s counts nothing, as its own words say: %s", k.Path, k.Doc)
			}
		}
		for _, other := range k.See {
			if byPath()[other] == nil {
				t.Errorf("%s: see %s, which is no key", k.Path, other)
			}
		}
		if !k.Needed && k.With == "" && !oneOf(k) && k.Kind != Mapping && k.Default == "" && k.Presets == nil && !strings.Contains(k.Doc, "Default: ") && !strings.Contains(k.Doc, "Without it, ") {
			t.Errorf("%s: nothing says what its absence means", k.Path)
		}
		if !slices.Contains(Find(k.Path), byPath()[k.Path]) || !slices.Contains(Find(k.Last), byPath()[k.Path]) {
			t.Errorf("%s is not found", k.Path)
		}
	}
}

// TestRawOnlyIsSaid: what only one driver can offer says so.
func TestRawOnlyIsSaid(t *testing.T) {
	for _, w := range []Workload{
		{Classes: []Class{{}}}, {Layout: Aligned}, {FanOut: 2}, {Late: DropLate}, {GeneratorThreads: 1}, {ConsumersPause: 1}, {IdleConnections: 1},
	} {
		if k := byPath()["workloads.*."+w.RawOnly()]; k == nil || !strings.Contains(k.Doc, "river raw only") {
			t.Errorf("%s: its words do not say which driver it needs", w.RawOnly())
		}
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{
		"spin": "models.*.set.spin", "log.segment.bytes": "models.*.set.log.segment.bytes", "segment.bytes": "", "bytes": "",
		"workloads[3].size": "workloads.*.size", "lognormal.max": "workloads.*.size.lognormal.max", "loads[": "",
		"inflight": "models.*.set.inflight workloads.*.inflight workloads.*.classes.tail_fetch.inflight workloads.*.classes.catch_up_fetch.inflight workloads.*.classes.metadata.inflight", "models[1].set.spin": "models.*.set.spin", "": "",
	} {
		var got []string
		for _, k := range Find(name) {
			got = append(got, k.Path)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{
		"blokcs": "[blocks]", "Spinn": "[spin]", "records": "[records_per_batch]", "workloads[0].arival": "[workloads.*.arrivals]",
		"num.io.thread": "[num.io.threads]", "xyzzyxyzzy": "[]",
	} {
		if got := fmt.Sprint(Nearest(name)); !strings.HasPrefix(got, want[:len(want)-1]) {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

// oneOf reports whether k is one of the keys of which a mapping holds one.
func oneOf(k Key) bool {
	parent := byPath()[strings.TrimSuffix(k.Path, "."+k.Last)]
	return parent != nil && parent.OneOf
}
