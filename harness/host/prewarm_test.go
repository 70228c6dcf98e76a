package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrewarmLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int64{0, 1, 3<<20 + 7} {
		if err := Prewarm(dir, n); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := Prewarm(filepath.Join(dir, "nowhere"), 1); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a directory that is not there: %v", err)
	}
}
