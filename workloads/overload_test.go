package workloads

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// overloadText is an experiment whose workload has further keys.
func overloadText(keys string) []byte {
	return []byte("name: x\nmodels: [tpc]\nwarmup: 2s\nmeasure: 10s\nloads: {per_second: [1000]}\nworkloads:\n" +
		"  - {name: w, partitions: 4, connections: 4, inflight: 1, size: 1, " + keys + "}\n")
}

// TestOverload: an overload is phases of the load that count from the measured
// window, and a calm copy has none of it.
func TestOverload(t *testing.T) {
	e, err := Parse("t", overloadText("arrivals: {gamma: {shape: 2}}, overload: {at: 3s, for: 2s, factor: 1.5, within: 3}, faults: [{at: 1s, stall: 100ms}, {at: 8s, slow: 50us, for: 2s}]"))
	if err != nil {
		t.Fatal(err)
	}
	w := e.Workloads[0]
	if want := (Overload{3 * time.Second, 2 * time.Second, 1.5, "p50", 3, time.Second}); *w.Overload != want {
		t.Errorf("got %+v, want %+v", *w.Overload, want)
	}
	if diff := cmp.Diff([]Fault{{At: time.Second, Stall: 100 * time.Millisecond}, {At: 8 * time.Second, Slow: 50 * time.Microsecond, For: 2 * time.Second}}, w.Faults); diff != "" {
		t.Error(diff)
	}
	g, err := NewGenerator(w, 1, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want int64 }{{0, 5, 5000}, {5, 7, 3000}, {7, 12, 5000}} { // with the warm-up
		if got := g.Before(c.to*1e9) - g.Before(c.from*1e9); float64(got) < 0.9*float64(c.want) || float64(got) > 1.1*float64(c.want) {
			t.Errorf("%d requests from %d to %d s, want about %d", got, c.from, c.to, c.want)
		}
		if got := g.Operational(c.to*1e9) - g.Operational(c.from*1e9); got != c.want*1e6 {
			t.Errorf("%d ns of operational time from %d to %d s, want %d", got, c.from, c.to, c.want*1e6)
		}
	}
	if got := w.MeanFactor(12 * time.Second); got != 13.0/12 {
		t.Errorf("mean factor %g", got)
	}
	calm := w.Calm()
	if calm.Arrivals != Gamma || calm.Shape.Phases != nil || calm.Overload != nil || calm.Faults != nil || calm.Eventful() || !w.Eventful() {
		t.Errorf("calm: got %+v", calm)
	}
	if err := calm.Validate(); err != nil {
		t.Error(err)
	}
	if calm.Calm() != calm || calm.MeanFactor(time.Second) != 1 {
		t.Error("what is calm stays as it is")
	}
}

func TestOverloadRefuses(t *testing.T) {
	for keys, want := range map[string]string{
		"overload: {at: 3s, for: 6s, factor: 2, hold: 2s}":                              "t:7:6: workloads[0].overload: expected an end and a hold within the measured window of 10s, got an end at 9s and a hold of 2s",
		"overload: {at: 3s, for: 7s, factor: 2, hold: 0s}":                              "workloads[0].overload: expected an end and a hold within the measured window",
		"overload: {at: 3s, for: 1s, factor: 1}":                                        "workloads[0].overload.factor: expected a number between 1.01 and 100, got 1",
		"overload: {at: 3s, for: 1s}":                                                   "workloads[0].overload.factor: expected a number between 1.01 and 100, got nothing",
		"overload: {at: 3s, for: 1s, factor: 2, percentile: p95}":                       `workloads[0].overload.percentile: expected one of p50, p90, p99, got "p95"`,
		"overload: {at: 3s, for: 1s, factor: 2}, loads: {kind: closed}":                 "workloads[0].overload: expected a load with a rate, got a closed loop",
		"overload: {at: 3s, for: 1s, factor: 2}, arrivals: {bursts: {on: 1s, off: 1s}}": "workloads[0].overload: expected arrivals of one rate, poisson, constant, gamma or weibull, got arrivals bursts",
		"faults: [{at: 9s, stall: 2s}]":                                                 "workloads[0].faults[0]: expected an end within the measured window of 10s, got one at 11s",
		"faults: [{at: 3s, stall: 2s}, {at: 4s, stall: 1s}]":                            "workloads[0].faults[1].at: expected a time after the fault before, which ends at 5s",
		"faults: [{at: 3s}]":                                                            "workloads[0].faults[0]: expected either stall, or slow and for, got another combination",
		"faults: [{at: 3s, stall: 1s, slow: 1ms, for: 1s}]":                             "workloads[0].faults[0]: expected either stall, or slow and for",
		"faults: [{at: 3s, slow: 1ms}]":                                                 "workloads[0].faults[0]: expected either stall, or slow and for",
		"faults: [{at: 3s, slow: 1ms, for: 8s}]":                                        "workloads[0].faults[0]: expected an end within the measured window of 10s, got one at 11s",
		"overload: {at: 3s, for: 1s, factor: 2}}\nendpoints: {primary: time to recover}\nstop: {width: 0.1, max_blocks: 9": "t:9:8: stop: expected endpoints that every cell has",
		"entropy: 0}\nendpoints: {secondary: [overload goodput]":                                                           "t:8:13: endpoints: expected a workload with an overload for overload goodput, got none",
	} {
		if _, err := Parse("t", overloadText(keys)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", keys, err, want)
		}
	}
}
