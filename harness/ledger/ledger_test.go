package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ceteris/ceteris/harness/result"
)

// begin makes a run's directory and enters its start.
func begin(t *testing.T, root, experiment, name, sha string) string {
	t.Helper()
	dir := filepath.Join(root, experiment, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	m := &result.Manifest{Experiment: experiment, ExperimentSHA256: sha, Revision: "abc", Dirty: true, HostClass: "C", StartUTC: "2020"}
	if err := result.WriteJSON(filepath.Join(dir, "manifest.json"), m); err != nil {
		t.Fatal(err)
	}
	if err := Start(dir, Started, m, 6); err != nil {
		t.Fatal(err)
	}
	return dir
}

func enter(t *testing.T, dir string, e Entry) {
	t.Helper()
	if err := Append(dir, e); err != nil {
		t.Fatal(err)
	}
}

func runs(t *testing.T, root string) (byName map[string]*Run, torn int) {
	t.Helper()
	all, torn, err := Runs(root)
	if err != nil {
		t.Fatal(err)
	}
	byName = map[string]*Run{}
	for _, r := range all {
		byName[r.Name] = r
	}
	return byName, torn
}

// TestCourses: what becomes of runs, and what is said of them.
func TestCourses(t *testing.T) {
	root := t.TempDir()
	begin(t, root, "quick", "killed", "f1")
	stopped := begin(t, root, "quick", "stopped", "f1")
	enter(t, stopped, Entry{Event: Stopped, Cells: 2, Valid: 1})
	whole := begin(t, root, "quick", "whole", "f2")
	enter(t, whole, Entry{Event: Stopped, Cells: 2})
	if err := Start(whole, Resumed, &result.Manifest{Experiment: "quick", ExperimentSHA256: "f2"}, 6); err != nil {
		t.Fatal(err)
	}
	enter(t, whole, Entry{Event: Ended, Cells: 6, Valid: 5})
	enter(t, whole, Entry{Event: Reported, ResultHash: "hash", Verdicts: []string{"lower"}, Headline: "a\nb"})
	gone := begin(t, root, "quick", "gone", "f2")
	enter(t, gone, Entry{Event: Failed, Why: "3 cells in a row failed"})
	if err := os.RemoveAll(gone); err != nil {
		t.Fatal(err)
	}
	brought := filepath.Join(root, "other", "brought")
	if err := os.MkdirAll(brought, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(brought, "manifest.json"), []byte(`{"experiment":"other","start_utc":"2019","new_key":1}`), 0o644); err != nil {
		t.Fatal(err)
	}

	all, torn := runs(t, root)
	got := map[string]string{}
	for name, r := range all {
		got[name] = fmt.Sprintf("%s; %d of %d, %d count, resumed %d, %s %v", r.Course(), r.Cells, r.Planned, r.Valid, r.Resumes, r.ResultHash, r.Verdicts)
	}
	if diff := cmp.Diff(map[string]string{
		"quick/killed":  "interrupted or running; 0 of 6, 0 count, resumed 0,  []",
		"quick/stopped": "stopped; 2 of 6, 1 count, resumed 0,  []",
		"quick/whole":   "ended; 6 of 6, 5 count, resumed 1, hash [lower]",
		"quick/gone":    "failed, deleted; 0 of 6, 0 count, resumed 0,  []",
		"other/brought": "unrecorded; 0 of 0, 0 count, resumed 0,  []",
	}, got); diff != "" || torn != 0 {
		t.Errorf("%d torn; %s", torn, diff)
	}
	for sha, want := range map[string]string{
		"f1": "earlier runs of this experiment: 4, 2 of them of the same file, 3 that did not end, 1 deleted since",
		"f3": "earlier runs of this experiment: 4, 0 of them of the same file, 3 that did not end, 1 deleted since",
	} {
		if got, err := Before(root, "quick", sha); err != nil || got != want {
			t.Errorf("before: %q, %v, want %q", got, err, want)
		}
	}
	if got, err := Before(root, "new", "f1"); err != nil || got != "no earlier run of this experiment" {
		t.Errorf("before the first: %q, %v", got, err)
	}
	list, _, err := Runs(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"other: runs: 1", "quick: runs: 4, 3 that did not end, 1 deleted since; 2 versions of its file",
	}, Summary(list)); diff != "" {
		t.Error(diff)
	}
}

// TestTornLine: a line that a crash cut short costs itself and no other.
func TestTornLine(t *testing.T) {
	root := t.TempDir()
	dir := begin(t, root, "quick", "a", "f")
	path := filepath.Join(root, File)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, text[:20]...), 0o644); err != nil {
		t.Fatal(err)
	}
	enter(t, dir, Entry{Event: Ended, Cells: 6})
	all, torn := runs(t, root)
	if r := all["quick/a"]; torn != 1 || r.State != Ended || r.Planned != 6 {
		t.Errorf("%d torn, %+v", torn, r)
	}
	again, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(again), string(text)+string(text[:20])) {
		t.Error("what was there has been changed: it is appended to and nothing else")
	}
}

// TestAppendTogether: runs side by side enter what they do into one ledger.
func TestAppendTogether(t *testing.T) {
	root := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		dir := begin(t, root, "quick", fmt.Sprint(i), "f")
		all.Add(1)
		go func() {
			defer all.Done()
			for range 20 {
				if err := Append(dir, Entry{Event: Reported, Headline: strings.Repeat("x", 5000)}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	entries, torn, err := Read(root)
	if err != nil || torn != 0 || len(entries) != 8*21 {
		t.Errorf("%d entries, %d torn, %v; want %d", len(entries), torn, err, 8*21)
	}
}
