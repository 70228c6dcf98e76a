package tpc

import (
	"os"
	"testing"

	"github.com/ceteris/ceteris/models/uring"
)

// TestProbeDisk: the facts say what writes do, and no file is left.
func TestProbeDisk(t *testing.T) {
	dir := t.TempDir()
	b := configure(t, dir)
	b.probeDisk()
	facts := b.Facts()
	t.Log(facts)
	for _, name := range []string{"disk.direct", "disk.fallocate", "disk.dsync", "disk.async.buffered"} {
		if facts[name] == "" {
			t.Errorf("no fact %s", name)
		}
	}
	if facts["disk.probe"] != "" {
		t.Errorf("the probe failed: %s", facts["disk.probe"])
	}
	if _, err := uring.Probe(); err == nil && facts["disk.direct"] == "yes" {
		// What is behind the end of a file changes its size, which blocks.
		if got := facts["disk.async.overwrite"]; got != "yes" && got != "kernel worker" {
			t.Errorf("an overwrite: %s", got)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
