package result

import (
	"fmt"
	"os"
	"strings"
)

// readCSV calls row with the fields of every line of a file but its first, which
// has to be head; none when there is no such file. What it reads is written by this
// harness and has no quotes.
func readCSV(path, head string, row func(fields []string) error) error {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	want := strings.Count(head, ",") + 1
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if lines[0] != head {
		return fmt.Errorf("%s:1: expected %s, got %q", path, head, lines[0])
	}
	for i, line := range lines[1:] {
		f := strings.Split(line, ",")
		if len(f) != want {
			return fmt.Errorf("%s:%d: expected %d fields, got %d", path, i+2, want, len(f))
		}
		if err := row(f); err != nil {
			return fmt.Errorf("%s:%d: %w", path, i+2, err)
		}
	}
	return nil
}
