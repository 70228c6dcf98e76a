package result

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Hold opens a file of the run in dir that the run's processes are to keep open, and
// waits until no process of an earlier session does: a harness that was killed takes
// its children with it, but not in the same moment, and one that hangs not at all.
// What they do meanwhile would be measured, and their data removed below them.
func Hold(ctx context.Context, dir string, limit time.Duration) (*os.File, error) {
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		free, err := lock(f)
		if err == nil && free {
			return f, nil
		}
		if err == nil && time.Since(begun) > limit {
			err = fmt.Errorf("%s: a broker or a load generator that a killed run has left there is still running; end it first", dir)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			f.Close()
			return nil, err
		}
	}
}
