package tidy

import (
	"bytes"
	"os"
	"testing"

	"github.com/ceteris/ceteris/workloads"
)

// TestSchemaIsCurrent stands here rather than with the schema because a setting
// added to models changes it, whose own tests cannot know.
func TestSchemaIsCurrent(t *testing.T) {
	const file = "workloads/schema.json"
	have, err := os.ReadFile("../../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, workloads.Schema()) {
		t.Errorf("%s is not what the keys, factors and settings are: go run ./harness/cmd/ceteris explain --schema > %s", file, file)
	}
}
