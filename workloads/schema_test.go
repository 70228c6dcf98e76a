package workloads

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "schema.json"

// validator checks YAML or JSON by the schema; to compile it checks the schema
// by that of its own draft.
func validator(t *testing.T) func([]byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return func(text []byte) error {
		if !json.Valid(text) {
			var err error
			if text, err = yaml.YAMLToJSON(text); err != nil {
				return err
			}
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}
}

// TestFilesFollowSchema: editors find the schema from each file, and nothing to
// complain of.
func TestFilesFollowSchema(t *testing.T) {
	valid := validator(t)
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 7 {
		t.Fatalf("got files %v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(text), "\n"); first != "# yaml-language-server: $schema="+schemaFile {
			t.Errorf("%s: the first line names no schema: %s", name, first)
		}
		if err := valid(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaAgrees: what can be said of one key alone, the schema says as the
// parser does.
func TestSchemaAgrees(t *testing.T) {
	check := validator(t)
	if err := check([]byte(valid)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{"blocks: 2", "blocs: 2"},
		{"blocks: 2", "blocks: two"},
		{"name: t\n", ""},
		{"name: t\n", "name: ../t\n"},
		{"memory: 64MiB", "memory: 64MB"},
		{"memory: 64MiB", "memory: 1.5"},
		{"memory: 64MiB", "memory: 20.5 MiB"},
		{"measure: 250ms", "measure: 250"},
		{"measure: 250ms", "measure: 1h0m2.5s"},
		{"measure: 250ms", "measure: .5s"},
		{"measure: 250ms", "measure: +1.s"},
		{"measure: 250ms", "measure: .s"},
		{"threads: goroutine", "spin: \"0\""},
		{"threads: goroutine", "append: 1"},
		{"acks: 1", "acks: 2"},
		{"acks: 1", "acks: -1"},
		{"keys: {zipf: 1.1}", "keys: {zpf: 1.1}"},
		{"keys: {zipf: 1.1}", "keys: {}"},
		{"{broker_cpus: 0,", "{broker_cpus: 0-1-2,"},
		{"partitions: 3", "partitions: [1, 2, 3]"},
		{"partitions: 3", "partitions: [1, 1]"},
		{"partitions: 3", "partitions: []"},
		{"threads: goroutine", "thread: goroutine"},
		{"threads: goroutine", "spin: 0"},
		{"threads: goroutine", "spin: always"},
		{"threads: goroutine", "auto.create.topics.enable: false"},
		{"[10, 2.5]}", "[]}"},
		{", per_second: [10, 2.5]}", "}"},
		{"kind: absolute, ", ""},
		{"{kind: closed}", "{kind: closed, per_second: [1]}"},
		{"{kind: closed}", "{}"},
		{"rope: 0.1", "rope: 2"},
	} {
		text := strings.Replace(valid, c.old, c.new, 1)
		if text == valid {
			t.Fatalf("%q is not in the valid file", c.old)
		}
		_, byParser := Parse("t.yaml", []byte(text))
		if bySchema := check([]byte(text)); (byParser == nil) != (bySchema == nil) {
			t.Errorf("%s: the parser says %v, the schema %v", c.new, byParser, bySchema)
		}
	}
}
