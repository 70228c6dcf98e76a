package report

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"github.com/ceteris/ceteris/harness/result"
)

// TestBenchstatReads: every run is a result to the parser that benchstat uses, with
// its arm as a configuration to compare by.
func TestBenchstatReads(t *testing.T) {
	_, a := analysed(t, small(3).make(t))
	text := benchmarks(a)
	r := benchfmt.NewReader(bytes.NewReader(text), "benchmarks.txt")
	arms := map[string]int{}
	for r.Scan() {
		switch rec := r.Result().(type) {
		case *benchfmt.Result:
			_, parts := rec.Name.Parts()
			var arm string
			for _, p := range parts {
				if rest, ok := bytes.CutPrefix(p, []byte("/arm=")); ok {
					arm = string(rest)
				}
			}
			arms[arm]++
			for _, unit := range []string{"p50-sec", "p99-sec", "cpu-sec/message"} {
				if v, ok := rec.Value(unit); !ok || v <= 0 || v > 1 {
					t.Errorf("%s: %s is %v, %v", rec.Name, unit, v, ok)
				}
			}
			if rec.GetConfig("result") != a.ResultHash || rec.Iters != 4000 {
				t.Errorf("%s: result %q, %d requests", rec.Name, rec.GetConfig("result"), rec.Iters)
			}
			if !strings.Contains(rec.GetConfig("note"), "A/A floor") {
				t.Errorf("%s: note %q", rec.Name, rec.GetConfig("note"))
			}
		case *benchfmt.SyntaxError:
			t.Errorf("benchstat would not read: %v", rec)
		}
	}
	if r.Err() != nil || arms["tpc"] != 3 || arms["threadpool"] != 3 || len(arms) != 2 {
		t.Errorf("results by arm: %v (%v)", arms, r.Err())
	}
}

// TestBenchstatSeesNoSaturation: what the report does not compare, benchstat cannot.
func TestBenchstatSeesNoSaturation(t *testing.T) {
	w := even(2)
	w.change = func(c *result.CellRecord) {
		if c.Model == "threadpool" && c.LoadPerSec == 20000 {
			c.Load.AchievedRatio = 0.8
		}
	}
	_, a := analysed(t, w.make(t))
	saturated := 0
	for _, line := range strings.Split(string(benchmarks(a)), "\n") {
		if !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		behind := strings.Contains(line, "/load=20000/arm=threadpool ")
		if behind {
			saturated++
		}
		if strings.Contains(line, "p50-ns") == behind || strings.Contains(line, "p99-ns") == behind || !strings.Contains(line, "cpu-ns/message") {
			t.Errorf("saturated %v: %s", behind, line)
		}
	}
	if saturated != 4 {
		t.Errorf("%d saturated runs, want 4", saturated)
	}
}
