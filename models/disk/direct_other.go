//go:build !linux

package disk

import (
	"errors"
	"fmt"
	"os"
)

// OpenDirect fails: brokers need Linux.
func OpenDirect(path string) (*Direct, error) {
	return nil, &os.PathError{Op: "open for direct I/O", Path: path, Err: errNeedsLinux}
}

// Reserve fails: brokers need Linux.
func (d *Direct) Reserve(off, n int64) error { return errNeedsLinux }

// WriteDSync fails: brokers need Linux.
func (d *Direct) WriteDSync(b []byte, off int64) (int, error) { return 0, errNeedsLinux }

// LockDir fails: brokers need Linux.
func LockDir(path string) (release func(), err error) {
	return nil, &os.PathError{Op: "lock", Path: path, Err: errNeedsLinux}
}

var errNeedsLinux = errors.New("brokers need Linux")

func syncAll(f *os.File) error {
	return &os.PathError{Op: "sync the file system of", Path: f.Name(), Err: errNeedsLinux}
}

func syncData(f *os.File) error { return f.Sync() }

// Probe fails: brokers need Linux.
func Probe(dir string) (map[string]string, error) {
	return nil, fmt.Errorf("probing %s: %w", dir, errNeedsLinux)
}
