// Command make writes the JSON Schemas of result files from the Go types that are
// written into them: `go run ./harness/schema/make`, at the top of the repository.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/ledger"
	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/report"
	"github.com/ceteris/ceteris/harness/result"
	schemas "github.com/ceteris/ceteris/harness/schema"
	"github.com/ceteris/ceteris/harness/selftest"
)

// where the schemas are, below the top of the repository.
const where = "harness/schema"

// types are what is written, by the name of the document.
var types = map[string]reflect.Type{
	"manifest": reflect.TypeFor[result.Manifest](), "env": reflect.TypeFor[host.Env](), "journal": reflect.TypeFor[result.Event](),
	"limits": reflect.TypeFor[result.Limits](), "load": reflect.TypeFor[load.Options](), "broker": reflect.TypeFor[child.Ready](),
	"cell": reflect.TypeFor[result.CellRecord](), "certificate": reflect.TypeFor[result.Certificate](),
	"analysis": reflect.TypeFor[report.Analysis](), "selftest": reflect.TypeFor[selftest.Report](),
	"ledger": reflect.TypeFor[ledger.Entry](),
}

func main() {
	for _, d := range schemas.Documents {
		text, err := of(".", d)
		if err == nil {
			err = os.WriteFile(filepath.Join(where, d.Name+".json"), text, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "make:", err)
			os.Exit(1)
		}
	}
}

// of is the schema of a document; root is the top of the repository, whose
// comments it reads.
func of(root string, d schemas.Document) ([]byte, error) {
	t, ok := types[d.Name]
	if !ok {
		return nil, fmt.Errorf("%s: no type is written into it", d.Name)
	}
	w := &writer{source: source{root: root}, defs: schema{}}
	top, err := w.object(t)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name, err)
	}
	if d.Version != "" {
		p, ok := top["properties"].(schema)["schema"].(schema)
		if !ok {
			return nil, fmt.Errorf("%s: %v has no key \"schema\"", d.Name, t)
		}
		p["const"] = d.Version
	}
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["$id"] = "https://github.com/ceteris/ceteris/raw/main/" + where + "/" + d.Name + ".json"
	top["title"] = d.File + " of Ceteris: " + d.Doc
	if len(w.defs) > 0 {
		top["$defs"] = w.defs
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
