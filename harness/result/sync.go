package result

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Sync puts what a cell has written on the disk, and the names that lead there from the
// run's directory. The journal may then say that the cell has ended: nothing of it is
// lost with the power.
func (r *Run) Sync(c PlannedCell) error {
	if runtime.GOOS == "windows" {
		return nil // has no such call for directories, and nothing is run there
	}
	dir := filepath.Join(r.Dir, c.Dir())
	files, err := os.ReadDir(dir)
	errs := []error{err}
	for _, f := range files {
		if f.Type().IsRegular() {
			errs = append(errs, syncPath(filepath.Join(dir, f.Name())))
		}
	}
	for root := filepath.Clean(r.Dir); ; dir = filepath.Dir(dir) {
		errs = append(errs, syncPath(dir))
		if dir == root {
			return errors.Join(errs...)
		}
	}
}

// syncPath syncs one file or directory.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
