package workloads

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestParseLaws reads each law with parameters, and what is wrong with one.
func TestParseLaws(t *testing.T) {
	parse := func(key, law string) (*Workload, error) {
		text := "name: x\nwarmup: 2s\nmodels: [tpc]\nloads: {per_second: [10]}\nworkloads:\n  - {name: w, partitions: 4, connections: 4, inflight: 1"
		if key != "size" {
			text += ", size: 1"
		}
		e, err := Parse("t", []byte(text+", "+key+": "+law+"}\n"))
		if err != nil {
			return nil, err
		}
		return e.Workloads[0], nil
	}
	for law, want := range map[string]Shape{
		"{bursts: {on: 1s, off: 2s}}":                             {Bursts: &BurstShape{time.Second, 2 * time.Second, Poisson}},
		"{bursts: {on: 1s, off: 2s, gaps: constant}}":             {Bursts: &BurstShape{time.Second, 2 * time.Second, Constant}},
		"{mmpp: {high: 10ms, low: 90ms, ratio: 8}}":               {MMPP: &MMPPShape{10 * time.Millisecond, 90 * time.Millisecond, 8}},
		"{ramp: {from: 0, to: 2, over: 3s, gaps: constant}}":      {Ramp: &RampShape{0, 2, 3 * time.Second, Constant}},
		"{sine: {amplitude: 0.5, period: 500ms, gaps: constant}}": {Sine: &SineShape{0.5, 500 * time.Millisecond, Constant}},
		"{gamma: {shape: 0.5}}":                                   {Gamma: &GapShape{0.5}},
		"{weibull: {shape: 2}}":                                   {Weibull: &GapShape{2}},
		"{phases: {steps: [{for: 1s, rate: 0}, {for: 2s, rate: 1.5}], gaps: constant}}": {
			Phases: &PhaseShape{Lead: 2 * time.Second, Steps: []Phase{{time.Second, 0}, {2 * time.Second, 1.5}}, Gaps: Constant},
		},
		"{trace: a/b.txt}": {Trace: &TraceShape{File: "a/b.txt"}},
	} {
		w, err := parse("arrivals", law)
		if err != nil {
			t.Errorf("%s: %v", law, err)
			continue
		}
		if diff := cmp.Diff(want, w.Shape); diff != "" || !strings.HasPrefix(law, "{"+w.Arrivals+":") {
			t.Errorf("%s: %s, %s", law, w.Arrivals, diff)
		}
	}
	w, err := parse("keys", "{hotspot: {of: 0.25, load: 0.9}}")
	if want := (Law{Kind: Hotspot, Hot: 0.25, HotLoad: 0.9}); err != nil || w.Keys != want {
		t.Errorf("hotspot: got %+v, %v", w, err)
	}
	for law, want := range map[string]SizeLaw{
		"{uniform: {min: 1KiB, max: 3KiB}}":                        {MedianBytes: 2048, MinBytes: 1024, MaxBytes: 3072},
		"{bimodal: {small: 1KiB, large: 64KiB, large_share: 0.1}}": {MedianBytes: 1024, MaxBytes: 65536, Values: &SizeValues{[]int{1024, 65536}, 0.1}},
		"{values: [5, 1KiB, 5]}":                                   {MedianBytes: 5, MaxBytes: 1024, Values: &SizeValues{Bytes: []int{5, 1024, 5}}},
	} {
		w, err := parse("size", law)
		if err != nil {
			t.Errorf("%s: %v", law, err)
		} else if diff := cmp.Diff(want, w.Size); diff != "" {
			t.Errorf("%s: %s", law, diff)
		}
	}
	for _, bad := range []struct{ key, law, want string }{
		{"arrivals", "{}", "workloads[0].arrivals: expected one of gamma, weibull, bursts, mmpp, ramp, sine, phases, trace, got none of them"},
		{"arrivals", "{ramp: {from: 0, to: 1, over: 1s}, trace: t}", "workloads[0].arrivals.trace: expected one of gamma, weibull, bursts, mmpp, ramp, sine, phases, trace, got another beside ramp"},
		{"arrivals", "{bursts: {on: 1s}}", "workloads[0].arrivals.bursts.off: expected a duration such as 2s, got nothing: the key is missing"},
		{"arrivals", "bursts", `workloads[0].arrivals: expected one of poisson, constant, got "bursts"`},
		{"arrivals", "{phases: {steps: []}}", "workloads[0].arrivals.phases.steps: expected a list of phases, got an empty list"},
		{"arrivals", "{phases: {steps: [{for: 1s}]}}", "t:6:97: workloads[0].arrivals.phases.steps[0].rate: expected a number between 0 and 100, got nothing: the key is missing"},
		{"arrivals", "{gamma: {shape: 0.2}}", "workloads[0].arrivals.gamma.shape: expected a number between 0.25 and 100, got 0.2"},
		{"keys", "{hotspot: {of: 0, load: 1}}", "workloads[0].keys.hotspot.of: expected a number between 0.0001 and 1, got 0"},
		{"size", "{uniform: {min: 3, max: 2}}", "workloads[0].size.uniform.max: expected a size such as 1KiB between 3 and 1047552 bytes, got 2"},
		{"size", "{values: []}", "workloads[0].size.values: expected a list of sizes, got an empty list"},
	} {
		if _, err := parse(bad.key, bad.law); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %s: got %v, want %q", bad.key, bad.law, err, bad.want)
		}
	}
}
