package child

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWords: the last line is known, also when the log could not take it, and
// memory is bounded.
func TestWords(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	w := &words{file: f}
	if got := w.last(); got != "" {
		t.Errorf("last words %q before any", got)
	}
	for _, piece := range []string{"first\nsec", "ond\n\n"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if got := w.last(); got != "second" {
		t.Errorf("last words %q, want second", got)
	}
	if text, err := os.ReadFile(f.Name()); err != nil || string(text) != "first\nsecond\n\n" {
		t.Errorf("log %q, %v", text, err)
	}
	f.Close() // as a full disk: writing fails from here on
	if n, err := w.Write([]byte(strings.Repeat("x", 2*maxWords) + "\nno space\n")); n != 2*maxWords+10 || err != nil {
		t.Errorf("a log that takes nothing: %d, %v", n, err)
	}
	if got := w.last(); got != "no space" || len(w.kept) != maxWords {
		t.Errorf("last words %q of %d bytes kept", got, len(w.kept))
	}
}
