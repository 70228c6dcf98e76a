package report

import (
	"bytes"
	"testing"

	"golang.org/x/perf/benchfmt"
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
		case *benchfmt.SyntaxError:
			t.Errorf("benchstat would not read: %v", rec)
		}
	}
	if r.Err() != nil || arms["tpc"] != 3 || arms["threadpool"] != 3 || len(arms) != 2 {
		t.Errorf("results by arm: %v (%v)", arms, r.Err())
	}
}
