package host

import (
	"os"
	"testing"
	"time"
)

// What is measured is the machine's; that something is, and that nothing stays.
func TestLimits(t *testing.T) {
	cpus, err := Allowed()
	if err != nil {
		t.Fatal(err)
	}
	perSec, err := LoopbackLimit(cpus[:1], cpus[len(cpus)-1:], 50*time.Millisecond)
	if err != nil || perSec < 1e6 {
		t.Errorf("loopback: %g bytes/s, %v", perSec, err)
	}
	if testing.Short() {
		return // the disk's takes a quarter of a GiB
	}
	dir := t.TempDir()
	perSec, depth, err := DiskLimit(dir, cpus[:1], 20*time.Millisecond)
	if err != nil || perSec < 1e6 || depth < 1 {
		t.Errorf("disk: %g bytes/s at depth %d, %v", perSec, depth, err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
