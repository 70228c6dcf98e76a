package host

import (
	"fmt"
	"os"
)

// Prewarm writes a file of so many bytes below dir and removes it. A guest's
// memory that was given back to the host costs up to ten times as much at its
// next touch, which would fall on whichever broker goes through the page cache
// first: after this the pages are there, for every cell alike. Nothing is
// synced, so next to nothing reaches the device.
func Prewarm(dir string, bytes int64) (err error) {
	f, err := os.CreateTemp(dir, "prewarm-")
	if err != nil {
		return fmt.Errorf("warming the page cache: %w", err)
	}
	defer func() {
		f.Close()
		if rerr := os.Remove(f.Name()); err == nil && rerr != nil {
			err = fmt.Errorf("warming the page cache: %w", rerr)
		}
	}()
	piece := make([]byte, 1<<20)
	for left := bytes; left > 0; left -= int64(len(piece)) {
		if _, err := f.Write(piece[:min(left, int64(len(piece)))]); err != nil {
			return fmt.Errorf("warming the page cache: %w", err)
		}
	}
	return nil
}
