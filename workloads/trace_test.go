package workloads

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written puts text into a file of a directory of the test's own.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadTrace(t *testing.T) {
	got, err := ReadTrace(written(t, "t.txt", "# what was seen\n1700000000.000000001\n\n1700000000.5 # half\n1700000000.5\n1700000001.25\n"))
	if want := []int64{0, 499999999, 499999999, 1249999999}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for text, want := range map[string]string{
		"":                                "no rate",
		"1\n":                             "no rate",
		"1\n1\n":                          "no rate",
		"2\n1\n":                          "t.txt:2: 1 s is before the line above",
		"1\nx\n":                          `t.txt:2: "x" is not a time`,
		"1\n-1\n":                         "t.txt:2",
		"1\n1.0000000001x\n":              "t.txt:2",
		"1\n99999999999\n":                "t.txt:2",
		strings.Repeat("1\n", maxTrace+1): "more than",
	} {
		if _, err := ReadTrace(written(t, "t.txt", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: got %v, want %q", text, err, want)
		}
	}
}

// TestLoadReadsTraces: a trace is found beside the experiment's file, and what
// cannot be read names both.
func TestLoadReadsTraces(t *testing.T) {
	path := written(t, "x.yaml", `
name: x
models: [tpc]
loads: {per_second: [10]}
workloads:
  - {name: w, partitions: 1, connections: [1, 2], inflight: 1, size: 1, arrivals: {trace: t.txt}}
`)
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "workload w-c1: trace") {
		t.Errorf("no trace: got %v", err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "t.txt"), []byte("0\n1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	e, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range e.Workloads {
		if got := w.Shape.Trace.TimesNs; w.Arrivals != Trace || !slices.Equal(got, []int64{0, 1e9}) {
			t.Errorf("%s: %s %v", w.Name, w.Arrivals, got)
		}
	}
}
