package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/workloads"
)

// TestTuneTrace: a sweep offers the arrivals of the file's trace, and its best point
// is named from a result beside which there is no trace.
func TestTuneTrace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "traced.yaml")
	for name, text := range map[string]string{"gaps.txt": "0\n0.5\n2\n", "traced.yaml": `name: traced
models: [threadpool]
replicate: alternate
blocks: 1
memory: 64MiB
warmup: 200ms
measure: 1s
loads: {kind: absolute, per_second: [500]}
workloads:
  - {name: 1k, durability: [process], partitions: 4, connections: 4, inflight: 4, size: 1KiB, arrivals: {trace: gaps.txt}}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	e, err := workloads.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	c := tuneCmd{Model: "threadpool", File: file, Threads: []string{"os"}, Results: dir}
	sweep, err := c.sweep(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := workloads.NewGenerator(sweep.Workloads[0], 1, 500); err != nil {
		t.Errorf("the sweep's load: %v", err)
	}
	result := t.TempDir()
	if err := os.WriteFile(filepath.Join(result, "experiment.yaml"), sweep.Source, 0o644); err != nil {
		t.Fatal(err)
	}
	line, err := c.snippet(result, report.TunedArm{Arm: sweep.Models[0].Name}, report.MostRequests)
	if err != nil || !strings.Contains(line, "- {name: threadpool-tuned, model: threadpool, set: {") {
		t.Errorf("the best point: %q, %v", line, err)
	}
}
