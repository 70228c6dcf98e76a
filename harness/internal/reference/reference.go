// Package reference hands tests the result that is kept in results/reference.
package reference

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir is where the result is, absolute. It must not be written to.
func Dir(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("the test runs outside of the module")
		}
		root = filepath.Dir(root)
	}
	found, err := filepath.Glob(filepath.Join(root, "results", "reference", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("the reference result: %v, %v", found, err)
	}
	return found[0]
}

// Copy is a copy of the result for the test to change.
func Copy(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(Dir(t))); err != nil {
		t.Fatal(err)
	}
	return dir
}
