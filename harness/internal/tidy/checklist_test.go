package tidy

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// named is a file in the checklist, and perhaps a test in it.
var named = regexp.MustCompile("`([\\w./-]+/[\\w.-]+|[\\w-]+\\.cff)(?::(Test\\w+))?`")

// TestChecklist: harness/CHECKLIST.md has every row once, each says yes, part or
// no, and every file and test that it names is there.
func TestChecklist(t *testing.T) {
	const rows = 126
	root := filepath.Join("..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, "harness", "CHECKLIST.md"))
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for at, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, " | ")
		number, err := strconv.Atoi(strings.TrimPrefix(cells[0], "| "))
		if err != nil {
			continue
		}
		if number != next || len(cells) != 5 {
			t.Fatalf("line %d: row %d with %d cells, expected row %d with 5", at+1, number, len(cells), next)
		}
		next++
		files := named.FindAllStringSubmatch(cells[4], -1)
		switch cells[3] {
		case "yes":
			if len(files) == 0 {
				t.Errorf("row %d says yes and names no file", number)
			}
		case "part", "no":
		default:
			t.Errorf("row %d says %q, expected yes, part or no", number, cells[3])
		}
		for _, f := range files {
			source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f[1])))
			if err != nil {
				t.Errorf("row %d: %v", number, err)
			} else if f[2] != "" && !strings.Contains(string(source), "func "+f[2]+"(") {
				t.Errorf("row %d: %s has no %s", number, f[1], f[2])
			}
		}
	}
	if next != rows+1 {
		t.Errorf("%d rows, expected %d", next-1, rows)
	}
}
