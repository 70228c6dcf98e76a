package report

import (
	"strings"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// TestStopIsTold: a run that its own intervals ended says what that does to them.
func TestStopIsTold(t *testing.T) {
	w := small(1)
	w.requests = 400
	dir := w.make(t)
	j, _, err := result.OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(result.EventRunNarrow, "", "after 1 block"); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, a := analysed(t, dir)
	if notes := strings.Join(a.Notes, "\n"); !strings.Contains(notes, "ended by its stop: after 1 block.") || !strings.Contains(notes, "less than the level") {
		t.Errorf("notes:\n%s", notes)
	}
}
