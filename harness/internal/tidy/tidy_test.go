package tidy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository, seen from this package.
const root = "../../.."

func TestTree(t *testing.T) {
	files := tree(t)
	if len(files) < 20 {
		t.Fatalf("only %d Go files found below %s: the walk is broken", len(files), root)
	}
	for _, f := range files {
		for _, rule := range fileRules {
			for _, problem := range rule(f) {
				t.Error(problem)
			}
		}
	}
	for _, problem := range packages(files) {
		t.Error(problem)
	}
	t.Logf("%d files, median length %d lines", len(files), median(files))
}

func TestTop(t *testing.T) {
	for _, problem := range strangers(topNames(t)) {
		t.Error(problem)
	}
}

// tree parses every Go file of this module; nested modules answer for themselves.
func tree(t *testing.T) []*file {
	t.Helper()
	var files []*file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(p, "go.mod"))
			skip := name == "testdata" || name == "results" || name == "bin" || p != root && (nested == nil || strings.HasPrefix(name, ".") && name != "..")
			if skip {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f, err := parse(filepath.ToSlash(rel), string(text))
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// topNames lists what is committed at the root, or in a copy without git what
// lies there.
func topNames(t *testing.T) []string {
	t.Helper()
	seen := map[string]bool{}
	if out, err := exec.Command("git", "-C", root, "ls-files").Output(); err == nil && len(out) > 0 {
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			name, _, _ := strings.Cut(line, "/")
			seen[strings.Trim(name, `"`)] = true
		}
	} else {
		entries, err := os.ReadDir(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "bin" { // what run.sh builds
				seen[e.Name()] = true
			}
		}
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	return names
}
