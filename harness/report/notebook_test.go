package report

import (
	"os"
	"strings"
	"testing"
)

// TestNotebooksKnowQuantities: what arms are compared by is in the notebooks too,
// which fail at a quantity that they cannot compute.
func TestNotebooksKnowQuantities(t *testing.T) {
	text, err := os.ReadFile("../../notebooks/ceteris_results.py")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\nQUANTITIES = {\n")
	table, _, ok := strings.Cut(rest, "\n}\n")
	if !ok {
		t.Fatal("the notebooks have no table of quantities")
	}
	for _, q := range quantities {
		if !strings.Contains(table, `    "`+q.key+`": `) {
			t.Errorf("the notebooks do not know %s", q.key)
		}
	}
}
