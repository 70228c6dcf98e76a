package schema

import (
	"embed"
	"fmt"
	"strings"
)

// Document is one kind of file.
type Document struct {
	Name    string // of the schema
	File    string // where it is in a result, or who writes it
	Version string // its "schema" key; "" when it has none
	Doc     string // what it is, in a line
}

// Documents are all of them, in the order in which a run writes them.
var Documents = []Document{
	{"manifest", "manifest.json", "ceteris-result/1", "what was planned before the first cell ran"},
	{"env", "env.json", "ceteris-env/1", "the machine"},
	{"journal", "journal.jsonl", "", "one line of the journal: an event"},
	{"limits", "blocks/NNN/limits.json", "", "what the machine itself did before a block"},
	{"load", "blocks/NNN/CELL/load.json", "", "what the load generator was told"},
	{"broker", "blocks/NNN/CELL/broker.json", "", "what the broker said of itself as it began to serve"},
	{"cell", "blocks/NNN/CELL/cell.json", "ceteris-cell/1", "one cell: one broker process under one load"},
	{"certificate", "certificate.json", "ceteris-certificate/1", "what the load generator is good for on a machine"},
	{"analysis", "analysis.json", "ceteris-analysis/1", "every number of the report"},
	{"selftest", "selftest.json of ceteris selftest --out", "ceteris-selftest/1", "what was injected into brokers, and whether it was seen"},
	{"ledger", "ledger.jsonl, beside the experiments", "", "one line of the ledger: what happened to a run"},
}

//go:embed *.json
var files embed.FS

// Of is the schema of the document with this name.
func Of(name string) ([]byte, error) {
	var known []string
	for _, d := range Documents {
		if d.Name == name {
			return files.ReadFile(name + ".json")
		}
		known = append(known, d.Name)
	}
	return nil, fmt.Errorf("no schema %q; there are %s", name, strings.Join(known, ", "))
}
