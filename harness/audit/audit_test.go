package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ceteris/ceteris/harness/experiment"
	"github.com/ceteris/ceteris/harness/internal/reference"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

const (
	cellA = "blocks/000/1k-process-8000-tpc/"
	cellB = "blocks/001/1k-process-8000-threadpool/"
)

// edit changes a JSON file; numbers keep their digits.
func edit(t *testing.T, path string, change func(v map[string]any)) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	change(v)
	if err := result.WriteJSON(path, v); err != nil {
		t.Fatal(err)
	}
}

// under is a mapping within a mapping.
func under(v map[string]any, keys ...string) map[string]any {
	for _, k := range keys {
		v = v[k].(map[string]any)
	}
	return v
}

// journal rewrites the journal's lines.
func journal(t *testing.T, dir string, change func(lines []string) []string) {
	t.Helper()
	path := filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := change(strings.Split(strings.TrimSpace(string(text)), "\n"))
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// states is what an audit came to, by line.
func states(t *testing.T, look func(dir, self string) ([]Line, error), dir string) (map[string]State, string) {
	t.Helper()
	lines, err := look(dir, "another program")
	if err != nil {
		t.Fatal(err)
	}
	out, text := map[string]State{}, ""
	for _, l := range lines {
		out[l.Name] = l.State
		text += fmt.Sprintf("%s %s: %s\n", l.State, l.Name, l.Detail)
	}
	return out, text
}

// TestAuditFinds tampers with a sound result in ways that its sums could be made to
// cover: the line that is about it must fail, and say where.
func TestAuditFinds(t *testing.T) {
	sound := map[string]State{
		"sums": Pass, "report": Pass, "experiment": Pass, "plan": Pass, "order": Pass, "complete": Pass, "traffic": Pass,
		"resources": Pass, "counts": Pass, "failures": Pass, "certificate": Fail,
	}
	got, text := states(t, Result, reference.Copy(t))
	if diff := cmp.Diff(sound, got); diff != "" {
		t.Fatalf("a sound result: %s\n%s", diff, text)
	}
	for _, c := range []struct {
		name, line, says string
		change           func(t *testing.T, dir string)
	}{
		{"a cell that is in no plan", "complete", "blocks/000/spare is in no plan", func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, "blocks/000/spare"), 0o755); err != nil {
				t.Fatal(err)
			}
		}},
		{"a cell left out", "complete", "17 of 18 cells", func(t *testing.T, dir string) {
			journal(t, dir, func(lines []string) (kept []string) {
				for _, l := range lines {
					if !strings.Contains(l, `"cell-done","cell":"001/1k-process-8000-threadpool"`) {
						kept = append(kept, l)
					}
				}
				return kept
			})
		}},
		{"a cell run until it pleases", "order", "000/1k-process-8000-tpc was started again after it had ended well", func(t *testing.T, dir string) {
			journal(t, dir, func(lines []string) (more []string) {
				for _, l := range lines {
					more = append(more, l)
					if strings.Contains(l, `"cell-done","cell":"000/1k-process-8000-tpc"`) {
						more = append(more, strings.Replace(l, "cell-done", "cell-start", 1), l)
					}
				}
				return more
			})
		}},
		{"cells out of turn", "order", "out of turn", func(t *testing.T, dir string) {
			journal(t, dir, func(lines []string) []string {
				var first, rest []string
				for _, l := range lines {
					if strings.Contains(l, `"cell":"005/`) {
						first = append(first, l)
					} else {
						rest = append(rest, l)
					}
				}
				return append(first, rest...)
			})
		}},
		{"another experiment", "experiment", "not the sum", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), func(v map[string]any) { v["experiment_text"] = v["experiment_text"].(string) + "# \n" })
		}},
		{"a plan of other cells", "plan", "which seed 1 does not give", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "manifest.json"), func(v map[string]any) {
				v["planned"].([]any)[0].(map[string]any)["model"] = "null"
			})
		}},
		{"other requests for one arm", "traffic", "come from seed 7", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "load.json"), func(v map[string]any) { v["seed"] = 7 })
		}},
		{"a lower rate for one arm", "traffic", "offered 4000/s", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "load.json"), func(v map[string]any) { v["rate_per_sec"] = 4000 })
		}},
		{"smaller records for one arm", "traffic", "its requests have the hash", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellB, "load.json"), func(v map[string]any) { under(v, "workload", "size")["median_bytes"] = 1000 })
		}},
		{"requests that were due and are not counted", "traffic", "counted as due", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "cell.json"), func(v map[string]any) { under(v, "load")["intended"] = 5 })
		}},
		{"more memory for one arm", "resources", "536870912 bytes of memory", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellB, "broker.json"), func(v map[string]any) { under(v, "config")["memory.bytes"] = "536870912" })
		}},
		{"a weaker promise for one arm", "resources", `at "memory", not at "process"`, func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellB, "broker.json"), func(v map[string]any) { under(v, "config")["durability"] = "memory" })
		}},
		{"a better p99", "counts", "the record", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "cell.json"), func(v map[string]any) { under(v, "load", "response")["p99_ns"] = 1000 })
		}},
		{"a histogram without its tail", "counts", "response.hlog holds", func(t *testing.T, dir string) {
			path := filepath.Join(dir, cellA, "response.hlog")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(text), "\n")
			if err := os.WriteFile(path, []byte(strings.Join(lines[:len(lines)-2], "")), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
		{"a bad cell that counts", "failures", "marked valid: true, its gates say false", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "cell.json"), func(v map[string]any) {
				v["gates"] = []any{map[string]any{"name": "oracle", "ok": false, "detail": "lost"}}
			})
		}},
		{"a good cell that does not", "failures", "marked valid: false, its gates say true", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "cell.json"), func(v map[string]any) { v["valid"] = false })
		}},
		{"a lost record", "failures", "3 records lost", func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, cellA, "cell.json"), func(v map[string]any) { under(v, "load", "consumer")["lost"] = 3 })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := reference.Copy(t)
			c.change(t, dir)
			got, text := states(t, inspect, dir)
			if got[c.line] != Fail || !strings.Contains(text, c.says) {
				t.Errorf("%s: %s, want FAIL saying %q:\n%s", c.line, got[c.line], c.says, text)
			}
		})
	}
	dir := reference.Copy(t)
	edit(t, filepath.Join(dir, cellA, "cell.json"), func(map[string]any) {})
	if got, text := states(t, Result, dir); got["sums"] != Fail || !strings.Contains(text, "has changed") {
		t.Errorf("not sealed again: %s", text)
	}
}

// TestPlan: the plan of a seed, whole or cut by a budget, passes, and the same
// program gives no other order.
func TestPlan(t *testing.T) {
	r, err := result.Open(reference.Copy(t))
	if err != nil {
		t.Fatal(err)
	}
	e, err := workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText))
	if err != nil {
		t.Fatal(err)
	}
	s := &subject{Run: r, e: e, self: r.Manifest.BinarySHA256}
	for n, want := range map[int]string{6: "18 cells in the order that seed 1 gives", 2: "6 of 18 cells, cut to 2 blocks"} {
		r.Manifest.Planned = experiment.Plan(cut(e, n))
		if got, err := s.plan(); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%d blocks: %q, %v", n, got, err)
		}
	}
	p := experiment.Plan(e)
	p[0], p[1] = p[1], p[0]
	p[0].Position, p[1].Position = 0, 1
	r.Manifest.Planned = p
	if _, err := s.plan(); err == nil || !strings.Contains(err.Error(), "cell 1 of the plan") {
		t.Errorf("another order: %v", err)
	}
	s.self = "another program"
	var open openError
	if _, err := s.plan(); !errors.As(err, &open) {
		t.Errorf("another order by another program: %v, want it open", err)
	}
}

func TestCertificate(t *testing.T) {
	dir := reference.Copy(t)
	for _, c := range []struct {
		c    result.Certificate
		says string
	}{
		{result.Certificate{Valid: true, Drivers: []result.DriverCertificate{{Driver: "raw"}}}, ""},
		{result.Certificate{Valid: true, Drivers: []result.DriverCertificate{{Driver: "franz"}}}, "not about driver raw"},
		{result.Certificate{Drivers: []result.DriverCertificate{{Driver: "raw", Checks: []result.CertificateCheck{{Name: "slip"}}}}}, "raw: slip"},
	} {
		if err := result.WriteJSON(result.CertificatePath(dir), c.c); err != nil {
			t.Fatal(err)
		}
		r, err := result.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		e, err := workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText))
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&subject{Run: r, e: e}).certificate()
		if got := fmt.Sprint(err); c.says == "" && err != nil || c.says != "" && !strings.Contains(got, c.says) {
			t.Errorf("%+v: %v, want %q", c.c, err, c.says)
		}
	}
}

// TestReseeded: the same experiment with another seed and fewer blocks.
func TestReseeded(t *testing.T) {
	dir := reference.Copy(t)
	e, err := Reseeded(dir, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	r, err := result.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	was, err := workloads.Parse("experiment.yaml", []byte(r.Manifest.ExperimentText))
	if err != nil {
		t.Fatal(err)
	}
	if e.Seed != 2 || e.Blocks != 2 || !cmp.Equal(e.Workloads, was.Workloads) || bytes.Equal(e.Source, was.Source) {
		t.Errorf("seed %d, %d blocks", e.Seed, e.Blocks)
	}
	if e, err := Reseeded(dir, 99, 100); err != nil || e.Seed != 99 || e.Blocks != 6 {
		t.Errorf("%v", err)
	}
	if _, err := Reseeded(dir, 1, 2); err == nil || !strings.Contains(err.Error(), "the one that it was run with") {
		t.Errorf("its own seed: %v", err)
	}
	for text, want := range map[string]string{
		"a: 1\nseed: 3 # why\nb: 2\n":   "a: 1\nseed: 5\nb: 2\n",
		"a: 1\n":                        "a: 1\n\nseed: 5\n",
		"a:\n  seed: 3\n":               "a:\n  seed: 3\n\nseed: 5\n",
		"# seed: 4\nseed : 9\nxseed: 1": "# seed: 4\nseed: 5\nxseed: 1",
	} {
		if got := with(text, "seed", "5"); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestAgree: a result agrees with itself, line by line.
func TestAgree(t *testing.T) {
	dir := reference.Copy(t)
	lines, err := Agree(dir, dir)
	if err != nil || len(lines) == 0 {
		t.Fatal(err)
	}
	for _, l := range lines {
		if l.State != Pass {
			t.Errorf("%+v", l)
		}
	}
}

// TestReseededTrace: a rerun offers the arrivals of the result's trace, which its
// cells hold and its experiment's text does not.
func TestReseededTrace(t *testing.T) {
	dir := reference.Copy(t)
	edit(t, filepath.Join(dir, "manifest.json"), func(v map[string]any) {
		v["experiment_text"] = strings.Replace(v["experiment_text"].(string), "arrivals: poisson", "arrivals: {trace: gaps.txt}", 1)
	})
	if _, err := Reseeded(dir, 0, 2); err == nil || !strings.Contains(err.Error(), "no cell of the result holds the trace") {
		t.Errorf("cells without a trace: %v", err)
	}
	edit(t, filepath.Join(dir, cellA, "load.json"), func(v map[string]any) {
		w := under(v, "workload")
		w["arrivals"], w["shape"] = "trace", map[string]any{"trace": map[string]any{"file": "gaps.txt", "times_ns": []int64{0, 5, 20}}}
	})
	e, err := Reseeded(dir, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := workloads.NewGenerator(e.Workloads[0], 2, 8000); err != nil {
		t.Error(err)
	}
}
