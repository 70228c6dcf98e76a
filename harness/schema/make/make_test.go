package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	schemas "github.com/ceteris/ceteris/harness/schema"
)

// root is the top of the repository, seen from this package.
const root = "../../.."

// TestSchemasAreCurrent: what is committed is what the types say.
func TestSchemasAreCurrent(t *testing.T) {
	for _, d := range schemas.Documents {
		want, err := of(root, d)
		if err != nil {
			t.Fatal(err)
		}
		have, err := schemas.Of(d.Name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s/%s.json is not what its type says: go run ./harness/schema/make", where, d.Name)
		}
	}
	if len(types) != len(schemas.Documents) {
		t.Errorf("%d types for %d documents", len(types), len(schemas.Documents))
	}
}

// compiled is every schema, ready to validate with.
func compiled(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for _, d := range schemas.Documents {
		text, err := schemas.Of(d.Name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(d.Name, s); err != nil {
			t.Fatal(err)
		}
		if out[d.Name], err = c.Compile(d.Name); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestReferenceIsValid: every file of the reference result that has a schema
// keeps it, although an older version wrote it.
func TestReferenceIsValid(t *testing.T) {
	all, seen := compiled(t), map[string]int{}
	err := filepath.WalkDir(filepath.Join(root, "results", "reference"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _, _ := strings.Cut(d.Name(), ".")
		s, ok := all[name]
		if ext := filepath.Ext(path); !ok || ext != ".json" && ext != ".jsonl" {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		for values := json.NewDecoder(f); values.More(); {
			var v any
			values.UseNumber()
			if err := values.Decode(&v); err != nil {
				return err
			}
			seen[name]++
			if err := s.Validate(v); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"manifest", "env", "journal", "load", "broker", "cell", "analysis"} {
		if seen[name] == 0 {
			t.Errorf("the reference result has no %s", name)
		}
	}
}
