package workloads

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const valid = `name: t
models: [tpc, {name: threadpool-g, model: threadpool, set: {threads: goroutine, num.io.threads: 4}}]
replicate: tpc
blocks: 2
seed: 7
host: {broker_cpus: 0, generator_cpus: "1-2,5"}
memory: 64MiB
driver: franz
warmup: 0s
measure: 250ms
loads: {kind: absolute, per_second: [10, 2.5]}
workloads:
  - name: a
    durability: [process, power]
    topics: 2
    partitions: 3
    connections: 4
    inflight: 5
    acks: 1
    arrivals: constant
    keys: {zipf: 1.1}
    connection: uniform
    records_per_batch: 6
    size: {lognormal: {median: 1KiB, sigma: 0.5, max: 64KiB}}
    entropy: 0.25
    consumers: 2
  - {name: b, partitions: 1, connections: 1, inflight: 1, size: 100, loads: {kind: closed}}
stop: {width: 0.05, max_blocks: 4}
probe_per_second: 12.5
probe_factor: 1.5
steady: {truncate: mser, moved: leave-out, backlog: 0.01, slip: 2ms}
endpoints: {primary: p50 response produce, secondary: [cpu per message], rope: 0.1, baseline: tpc}
claims:
  - {text: half the price, arm: threadpool-g, endpoint: cpu per message, says: lower, workload: a, durability: power, per_second: 2.5}
syscalls: kernel
`

func TestParseReadsEveryKey(t *testing.T) {
	e, err := Parse("t.yaml", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Models) != 2 || e.Models[0].Name != "tpc" || e.Models[0].Model != "tpc" || e.Models[1].Set["threads"] != "goroutine" || e.Models[1].Set["num.io.threads"] != "4" {
		t.Errorf("models: got %+v", e.Models)
	}
	if e.Replicate != "tpc" || e.Blocks != 2 || e.Seed != 7 || e.MemoryBytes != 64<<20 || e.Driver != Franz ||
		e.Warmup != 0 || e.Measure != 250*time.Millisecond || e.Host != (Host{"0", "1-2,5"}) || !reflect.DeepEqual(e.Endpoints, Endpoints{"p50 response produce", []string{"cpu per message"}, 0.1, "tpc", Alternatives}) {
		t.Errorf("experiment: got %+v", e)
	}
	if e.Syscalls != SyscallsKernel {
		t.Errorf("syscalls: got %q", e.Syscalls)
	}
	if *e.Stop != (Stop{0.05, 4}) || e.AllBlocks() != 4 || len(e.CellsOf(3)) != len(e.CellsOf(0)) || len(e.CellsOf(4)) != 0 {
		t.Errorf("stop: got %+v, %d blocks", e.Stop, e.AllBlocks())
	}
	if e.ProbePerSecond != 12.5 || e.ProbeFactor != 1.5 {
		t.Errorf("probe: got %v/s, factor %v", e.ProbePerSecond, e.ProbeFactor)
	}
	if e.Steady != (Steady{MSER, LeaveOut, 0.01, 2 * time.Millisecond}) {
		t.Errorf("steady: got %+v", e.Steady)
	}
	if want := (Claim{"half the price", "threadpool-g", "cpu per message", Lower, "a", "power", 2.5}); len(e.Claims) != 1 || e.Claims[0] != want {
		t.Errorf("claims: got %+v, want %+v", e.Claims, want)
	}
	a := *e.Workloads[0]
	if a.Topics != 2 || a.Partitions != 3 || a.Connections != 4 || a.Inflight != 5 || a.Acks != 1 || a.Arrivals != Constant ||
		a.Keys != (Law{Kind: Zipf, Zipf: 1.1}) || a.Connection != (Law{Kind: Uniform}) || a.RecordsPerBatch != 6 ||
		a.Size != (SizeLaw{MedianBytes: 1024, Sigma: 0.5, MaxBytes: 64 << 10}) || a.Entropy != 0.25 || a.Consumers != 2 {
		t.Errorf("workload: got %+v", a)
	}
	if b := e.Workloads[1]; b.Loads == nil || b.Loads.PerSecond[0] != 0 || b.Acks != -1 || b.Size != (SizeLaw{MedianBytes: 100, MaxBytes: 100}) {
		t.Errorf("second workload: got %+v", b)
	}
	if string(e.Source) != valid {
		t.Error("the source is not the file's text")
	}
}

// TestParseErrors breaks the valid file in one place each and wants the place,
// the key, and what was expected.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown top key", "blocks: 2", "blocs: 2", "t.yaml:4:1: blocs: expected one of the keys name, "},
		{"unknown nested key", "    inflight: 5", "    in_flight: 5", "t.yaml:18:5: workloads[0].in_flight: expected one of the keys name, durability, "},
		{"unknown law key", "{zipf: 1.1}", "{zpf: 1.1}", "t.yaml:21:12: workloads[0].keys.zpf: expected one of the keys zipf, hotspot, got an unknown key"},
		{"unknown host key", "{broker_cpus", "{broker_cpu", "t.yaml:6:8: host.broker_cpu: expected one of the keys broker_cpus, generator_cpus"},
		{"text for a number", "blocks: 2", "blocks: two", `t.yaml:4:9: blocks: expected an integer between 1 and 10000, got "two"`},
		{"number out of range", "blocks: 2", "blocks: 0", "t.yaml:4:9: blocks: expected an integer between 1 and 10000, got 0"},
		{"negative count", "partitions: 3", "partitions: -3", "t.yaml:16:17: workloads[0].partitions: expected an integer between 1 and 10000, got -3"},
		{"fraction for an integer", "topics: 2", "topics: 2.5", "workloads[0].topics: expected an integer between 1 and 1000, got 2.5"},
		{"duration without unit", "measure: 250ms", "measure: 250", "t.yaml:10:10: measure: expected a duration such as 2s between 10ms and 24h0m0s, got 250"},
		{"zero duration", "measure: 250ms", "measure: 0s", `measure: expected a duration such as 2s between 10ms and 24h0m0s, got "0s"`},
		{"size without sense", "memory: 64MiB", "memory: lots", `t.yaml:7:9: memory: expected a size such as 1KiB between 16777216 and 1099511627776 bytes, got "lots"`},
		{"decimal unit", "memory: 64MiB", "memory: 64MB", `memory: expected a size such as 1KiB`},
		{"driver", "driver: franz", "driver: sarama", `t.yaml:8:9: driver: expected one of raw, franz, got "sarama"`},
		{"boolean for a word", "driver: franz", "driver: true", `driver: expected one of raw, franz, got true`},
		{"durability", "[process, power]", "[process, disk]", `t.yaml:14:27: workloads[0].durability[1]: expected one of memory, process, power, got "disk"`},
		{"durability twice", "[process, power]", "[process, process]", `workloads[0].durability[1]: expected a durability that is not listed before, got "process"`},
		{"durability no list", "durability: [process, power]", "durability: process", `t.yaml:14:17: workloads[0].durability: expected a list of memory, process or power, got "process"`},
		{"acks", "acks: 1", "acks: 2", "t.yaml:19:11: workloads[0].acks: expected all, 1 or 0, got 2"},
		{"keys", "keys: {zipf: 1.1}", "keys: pareto", `t.yaml:21:11: workloads[0].keys: expected none, round-robin, uniform or a mapping such as {zipf: 1.1}, got "pareto"`},
		{"zipf exponent", "{zipf: 1.1}", "{zipf: 0}", "workloads[0].keys.zipf: expected a number between 0.01 and 10, got 0"},
		{"entropy", "entropy: 0.25", "entropy: 1.5", "t.yaml:25:14: workloads[0].entropy: expected a number between 0 and 1, got 1.5"},
		{"entropy not a number", "entropy: 0.25", "entropy: .nan", "workloads[0].entropy: expected a number between 0 and 1"},
		{"max under median", "max: 64KiB", "max: 1000B", `workloads[0].size.lognormal.max: expected a size such as 1KiB between 1024 and 1047552 bytes, got "1000B"`},
		{"lognormal without sigma", "sigma: 0.5, ", "", "workloads[0].size.lognormal.sigma: expected a number between 0.001 and 5, got nothing: the key is missing"},
		{"batch too large", "records_per_batch: 6", "records_per_batch: 600", "t.yaml:13:5: workloads[0]: expected a workload that can be offered, got workload a: records_per_batch × largest size"},
		{"missing name", "name: t\n", "", "t.yaml:1:1: name: expected a name, got nothing: the key is missing"},
		{"missing size", ", size: 100", "", "t.yaml:27:6: workloads[1].size: expected a size, or a mapping with lognormal, got nothing"},
		{"name with a slash", "name: t\n", "name: ../t\n", `t.yaml:1:7: name: expected a name of at most 64 letters`},
		{"replicate", "replicate: tpc", "replicate: kafka", `t.yaml:3:12: replicate: expected one of alternate, tpc, threadpool-g, got "kafka"`},
		{"reserved arm", "[tpc,", "[tpc, replicate,", `t.yaml:2:15: models[1]: expected a name other than replicate and alternate, got "replicate"`},
		{"arm twice", "[tpc,", "[tpc, tpc,", `t.yaml:2:15: models[1]: expected a name that no other model has, got "tpc" again`},
		{"workload twice", "name: b", "name: a", `workloads[1].name: expected a name that no other workload has, got "a" again`},
		{"factor unknown", "threads: goroutine", "thread: goroutine", "t.yaml:2:61: models[1].set.thread: expected a factor or setting and a value it takes, got no factor or setting"},
		{"durability of an arm", "threads: goroutine", "durability: memory", "models[1].set.durability: expected a factor or setting of an arm, got durability, which is the workload's"},
		{"durability of a grid", "set: {threads: goroutine", "grid: [{factor: durability, values: [memory, power]}], set: {threads: goroutine", "models[1].grid[0].factor: expected a factor or setting of an arm, got durability, which is the workload's"},
		{"factor value", "threads: goroutine", "threads: fibre", `models[1].set.threads: expected a factor or setting and a value it takes, got factor threads: "fibre" is not one of pinned, os, goroutine`},
		{"search without a promise", "{kind: absolute, per_second: [10, 2.5]}", "{kind: capacity, from: 10}", `loads.slo: expected a mapping with p50, p99 or both, got nothing`},
		{"search with an empty promise", "{kind: absolute, per_second: [10, 2.5]}", "{kind: capacity, from: 10, slo: {}}", `loads.slo: expected p50, p99 or both, got neither`},
		{"search from nowhere", "{kind: absolute, per_second: [10, 2.5]}", "{kind: capacity, slo: {p99: 1ms}}", `loads.from: expected requests per second, got nothing`},
		{"rates of a search", "{kind: absolute, per_second", "{kind: capacity, from: 1, slo: {p99: 1ms}, per_second", `loads.per_second: expected no rates with kind capacity, got a list`},
		{"share twice", "{kind: absolute, per_second: [10, 2.5]}", "{kind: capacity, from: 1, slo: {p99: 1ms}, fractions: [0.5, 0.5]}", `loads.fractions[1]: expected a share that is not listed before, got 0.5`},
		{"promise without a search", "{kind: absolute, per", "{kind: absolute, slo: {p99: 1ms}, per", `loads.slo: expected no slo with kind absolute, got a mapping`},
		{"load kind", "{kind: absolute, per", "{kind: relative, per", `t.yaml:11:15: loads.kind: expected one of absolute, closed, capacity, got "relative"`},
		{"load of zero", "[10, 2.5]", "[10, 0]", "t.yaml:11:42: loads.per_second[1]: expected a number between 0.001 and 1e+08, got 0"},
		{"load twice", "[10, 2.5]", "[10, 10.0]", "loads.per_second[1]: expected a rate that is not listed before, got 10.0"},
		{"no loads", "[10, 2.5]", "[]", "loads.per_second: expected a list of requests per second, got an empty list"},
		{"rates of a closed loop", "{kind: closed}", "{kind: closed, per_second: [1]}", "workloads[1].loads.per_second: expected no rates with kind closed, got a list"},
		{"cpus", "1-2,5", "two", `host.generator_cpus: expected auto or a list of CPUs such as 0-1,4, got "two"`},
		{"cpus backwards", "1-2,5", "2-1", `host.generator_cpus: expected auto or a list of CPUs`},
		{"swept value twice", "partitions: 3", "partitions: [3, 4, 3]", "workloads[0].partitions[2]: expected a value that is not listed before, got 3"},
		{"swept value out of range", "inflight: 5", "inflight: [5, 0]", "workloads[0].inflight: expected an integer between 1 and 65536, got 0"},
		{"syscalls", "syscalls: kernel", "syscalls: strace", `t.yaml:35:11: syscalls: expected one of own, kernel, got "strace"`},
		{"probe", "driver: franz", "driver: franz\nprobes: [disk, tape]", `probes[1]: expected one of disk, loopback, got "tape"`},
		{"stop before the blocks", "max_blocks: 4", "max_blocks: 1", "stop.max_blocks: expected at least as many as blocks, got 1"},
		{"stop without a width", "{width: 0.05, max", "{max", "stop.width: expected a number between 0.001 and 1, got nothing"},
		{"probe too often", "probe_per_second: 12.5", "probe_per_second: 1001", `t.yaml:29:19: probe_per_second: expected a number between 0 and 1000, got 1001`},
		{"probe factor", "probe_factor: 1.5", "probe_factor: 0.5", `t.yaml:30:15: probe_factor: expected a number between 1 and 100, got 0.5`},
		{"truncation", "truncate: mser", "truncate: 10%", `t.yaml:31:20: steady.truncate: expected one of none, mser, got "10%"`},
		{"what moved", "moved: leave-out", "moved: drop", `t.yaml:31:33: steady.moved: expected one of mark, leave-out, got "drop"`},
		{"backlog", "backlog: 0.01", "backlog: 2", `t.yaml:31:53: steady.backlog: expected a number between 0 and 1, got 2`},
		{"late at the start", "slip: 2ms", "slip: 2", `t.yaml:31:65: steady.slip: expected a duration such as 2s between 0s and 1m0s, got 2`},
		{"truncated faults", "arrivals: constant", "arrivals: constant\n    faults: [{at: 10ms, stall: 1ms}]", `workloads: expected no phases, overload or faults beside steady.truncate: mser, got them in workload a`},
		{"truncated ramp", "arrivals: constant", "arrivals: {ramp: {from: 0.5, to: 1, over: 1s}}", `t.yaml:31:10: steady.truncate: expected none where a window moves on purpose, got mser and arrivals of ramp of workload a`},
		{"endpoint twice", "[cpu per message]", "[cpu per message, cpu per message]", `endpoints.secondary[1]: expected an endpoint that is not listed before, got "cpu per message"`},
		{"claim against nothing", ", baseline: tpc", "", `t.yaml:34:3: claims: expected endpoints.baseline, the arm that claims are against, got none`},
		{"claim of the baseline", "arm: threadpool-g", "arm: tpc", `claims[0].arm: expected an arm other than the baseline, got "tpc"`},
		{"claim about no cell", "per_second: 2.5}\n", "per_second: 3}\n", `claims[0]: expected a claim about a cell that is planned, got one about none`},
		{"claim of no workload", "workload: a", "workload: c", `claims[0].workload: expected one of a, b, got "c"`},
		{"claim without a direction", "says: lower, ", "", `claims[0].says: expected one of lower, higher, equal, got nothing`},
		{"baseline", "baseline: tpc", "baseline: kafka", `endpoints.baseline: expected one of tpc, threadpool-g, got "kafka"`},
		{"endpoint", "primary: p50 response", "primary: p98 response", `endpoints.primary: expected one of p99 response produce, p50 response produce, `},
		{"key twice", "blocks: 2", "seed: 2", "t.yaml:5:1: not YAML: mapping key \"seed\" already defined"},
		{"not YAML", "blocks: 2", "blocks: [2", "t.yaml:"},
		{"alias", "blocks: 2", "blocks: *two", "t.yaml:"},
		{"top is a list", valid, "- 1\n", "t.yaml:1:1: experiment: expected a mapping, got a list"},
		{"empty", valid, "", "t.yaml:1:1: experiment: expected one YAML document with a mapping"},
		{"two documents", valid, valid + "---\nname: u\n", "t.yaml:1:1: experiment: expected one YAML document with a mapping, got 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(valid, c.old, c.new, 1)
			if text == valid {
				t.Fatalf("%q is not in the valid file", c.old)
			}
			_, err := Parse("t.yaml", []byte(text))
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "t.yaml:") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// TestSweep: a list of values is as many workloads, named after what differs.
func TestCapacity(t *testing.T) {
	text := strings.Replace(valid, "{kind: absolute, per_second: [10, 2.5]}", "{kind: capacity, slo: {p99: 5ms, p50: 1ms}, from: 100, probes: 4, fractions: [0.5, 1.2]}", 1)
	text = text[:strings.Index(text, "stop:")]
	e, err := Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := (&Capacity{time.Millisecond, 5 * time.Millisecond, 100, 4, []float64{0.5, 1.2}}); !reflect.DeepEqual(e.Loads.Capacity, want) {
		t.Errorf("got %+v, want %+v", e.Loads.Capacity, want)
	}
	// a: four probes at two durabilities, b: one closed loop; two arms and a replicate.
	if n := len(e.CellsOf(0)); e.AllBlocks() != 4 || n != (4*2+1)*3 || len(e.CellsOf(1)) != n {
		t.Errorf("%d blocks, %d cells in the first", e.AllBlocks(), n)
	}
	curve := e.CellsOf(2)
	if len(curve) != 2*2*3 || curve[0].ID != "a-process-at0.5-tpc" || curve[0].Fraction != 0.5 || curve[0].LoadPerSec != 0 {
		t.Errorf("%d cells after the search, first %+v", len(curve), curve[0])
	}
}

func TestGrid(t *testing.T) {
	text := strings.Replace(valid, "[tpc, {", "[tpc, {name: g, model: tpc, set: {inflight: 4}, grid: [{factor: spin, values: [0, 50us]}, {factor: staging, values: [none, shared]}]}, {", 1)
	e, err := Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"g-0-none", "g-0-shared", "g-50us-none", "g-50us-shared"}
	if got := names(e.Models); !slices.Equal(got[1:5], want) || len(got) != 6 || len(e.Grids) != 1 || !slices.Equal(e.Grids[0].Arms, want) {
		t.Errorf("arms %v, grids %+v", names(e.Models), e.Grids)
	}
	if set := e.Models[3].Set; set["inflight"] != "4" || set["spin"] != "50us" || set["staging"] != "none" {
		t.Errorf("%s sets %v", e.Models[3].Name, set)
	}
	for _, c := range []struct{ old, new, want string }{
		{"[none, shared]", "[none]", "models[1].grid[1].values: expected two values or more, got one"},
		{"[none, shared]", "[none, none]", `models[1].grid[1].values[1]: expected a value that is not listed before, got "none"`},
		{"[none, shared]", "[none, maybe]", "models[1].grid[1].values[1]: expected a factor or setting and a value it takes, got factor staging"},
		{"factor: staging, values: [none, shared]", "factor: spin, values: [1us, 2us]", `models[1].grid[1].factor: expected a factor that is not set before, got "spin" again`},
		{"factor: staging, values: [none, shared]", "factor: inflight, values: [1, 2]", `models[1].grid[1].factor: expected a factor that is not set before, got "inflight" again`},
		{"[0, 50us]", "[0, 1us, 2us, 3us, 4us, 5us, 6us, 7us, 8us, 9us, 10us, 11us, 12us, 13us, 14us, 15us, 16us]", "models[1].grid: expected at most 32 combinations, got 34"},
	} {
		_, err := Parse("t.yaml", []byte(strings.Replace(text, c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.new, err, c.want)
		}
	}
}

// TestNumbers: every form that YAML 1.2 calls a number is one, in which errors
// write bounds too; what is quoted is text.
func TestNumbers(t *testing.T) {
	for form, want := range map[string]float64{"1e1": 10, "1e+01": 10, "1E-1": 0.1, "1.0e1": 10, "10": 10, "0.5e1": 5, `"1e1"`: 0, "e1": 0, "1e": 0, "1e1x": 0} {
		e, err := Parse("t.yaml", []byte(strings.Replace(valid, "[10, 2.5]", "["+form+", 2.5]", 1)))
		if want == 0 {
			if err == nil {
				t.Errorf("%s is taken", form)
			}
			continue
		}
		if err != nil || e.Loads.PerSecond[0] != want {
			t.Errorf("%s: %v, want %g", form, err, want)
		}
	}
}

func TestSweep(t *testing.T) {
	text := strings.Replace(valid, "partitions: 3", "partitions: [3, 30]", 1)
	text = strings.Replace(text, "inflight: 5", "inflight: [1, 8]", 1)
	e, err := Parse("t.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range e.Workloads {
		got = append(got, fmt.Sprintf("%s %s %d %d %v", w.Name, w.Family, w.Partitions, w.Inflight, w.Swept))
	}
	one, err := Parse("t.yaml", []byte(valid))
	if err != nil {
		t.Fatal(err)
	}
	b := one.Workloads[1]
	want := []string{
		"a-p3-q1 a 3 1 map[inflight:1 partitions:3]", "a-p3-q8 a 3 8 map[inflight:8 partitions:3]",
		"a-p30-q1 a 30 1 map[inflight:1 partitions:30]", "a-p30-q8 a 30 8 map[inflight:8 partitions:30]",
		fmt.Sprintf("b b %d %d map[]", b.Partitions, b.Inflight),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte("a: &x [*x]"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse("f.yaml", data)
		if (e == nil) == (err == nil) {
			t.Fatalf("got experiment %v and error %v", e, err)
		}
		if e != nil {
			e.Cells()
		}
	})
}

func TestFilesParse(t *testing.T) {
	// What a cell costs beside its windows: a broker's start and end, topic
	// creation and draining. Ten minutes and forty seconds are the promises.
	const overhead = 1000 * time.Millisecond
	limits := map[string]time.Duration{
		"quick.yaml": 10 * time.Minute, "smoke.yaml": 40 * time.Second, "floor.yaml": 5 * time.Minute,
		"tpc.yaml": 11 * time.Minute, "throughput.yaml": 3 * time.Minute, "connections.yaml": 6 * time.Minute, "partitions.yaml": 6 * time.Minute,
	}
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < len(limits) {
		t.Fatalf("got files %v, want at least those with a limit: %v", files, limits)
	}
	for _, name := range files {
		e, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		cells := len(e.Cells()) * e.Blocks
		limit, promised := limits[name]
		if total := time.Duration(cells) * (e.Warmup + e.Measure + overhead); promised && total > limit {
			t.Errorf("%s: %d cells take about %v, want at most %v", name, cells, total, limit)
		}
	}
}

func TestCells(t *testing.T) {
	e, err := Parse("t.yaml", []byte(strings.Replace(valid, "replicate: tpc", "replicate: alternate", 1)))
	if err != nil {
		t.Fatal(err)
	}
	cells := e.Cells()
	// a: 2 durabilities x 2 loads x 3 arms; b: 1 x closed x 3.
	if len(cells) != 15 {
		t.Fatalf("got %d cells, want 15", len(cells))
	}
	ids := map[string]bool{}
	for _, c := range cells {
		if ids[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		ids[c.ID] = true
		if c.Replicate != (c.Arm.Name == ReplicateArm) {
			t.Errorf("%s: replicate is %v", c.ID, c.Replicate)
		}
	}
	for _, id := range []string{"a-process-10-tpc", "a-power-2.5-threadpool-g", "b-process-closed-replicate"} {
		if !ids[id] {
			t.Errorf("%s is missing from %v", id, ids)
		}
	}
	e.Blocks = 3
	for block, model := range []string{"tpc", "threadpool", "tpc"} {
		last := e.CellsOf(block)[2]
		if !last.Replicate || last.Arm.Model != model {
			t.Errorf("block %d: the replicate is %+v, want model %s", block, last.Arm, model)
		}
		if model == "threadpool" && last.Arm.Set["threads"] != "goroutine" {
			t.Errorf("block %d: the replicate lost its factors: %+v", block, last.Arm)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "100": 100, "100B": 100, "1KiB": 1024, "1.5 KiB": 1536, "2GiB": 2 << 30} {
		if got, err := ParseBytes(s); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "KiB", "-1", "1.5", "1.5B", "1kb", "1e400KiB", "9223372036854775807KiB", "0x10", "0.3KiB"} {
		if got, err := ParseBytes(s); err == nil {
			t.Errorf("%q: got %d, want an error", s, got)
		}
	}
}
