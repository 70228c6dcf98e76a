package host

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// deviceOf returns the number of the device that holds path.
func deviceOf(path string) (major, minor uint32, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	return unix.Major(st.Dev), unix.Minor(st.Dev), nil
}

// DiskFree returns the bytes that an ordinary user can still write below path,
// and the size of the file system.
func DiskFree(path string) (free, total int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, fmt.Errorf("%s: %w", path, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

// settledBytes is how much may wait to be written back in a settled system:
// other processes always have a little.
const settledBytes = 8 << 20

// Settle writes back what the file system of dir holds dirty and waits until
// the machine's write-back has drained, so that one cell does not pay for the
// one before. It gives up when ctx ends and says what was left.
func Settle(ctx context.Context, dir string) error {
	synced := make(chan error, 1)
	go func() {
		f, err := os.Open(dir)
		if err != nil {
			synced <- err
			return
		}
		defer f.Close()
		synced <- unix.Syncfs(int(f.Fd()))
	}()
	select {
	case err := <-synced:
		if err != nil {
			return fmt.Errorf("syncing the file system of %s: %w", dir, err)
		}
	case <-ctx.Done():
		return fmt.Errorf("syncing the file system of %s: %w", dir, ctx.Err())
	}
	for {
		mem := Machine{}.meminfo()
		left := mem["Dirty"] + mem["Writeback"]
		if left <= settledBytes {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d bytes were still being written back", left)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
