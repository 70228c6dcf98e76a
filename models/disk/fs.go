package disk

import (
	"io"
	"path/filepath"
)

// Align is the block size that every direct write is a multiple of. Devices may
// accept less (statx says 512 on common ones), but 512-byte writes measured no
// faster than 4 KiB ones, so one size serves all.
const Align = 4096

// FS is a file system. Errors name the path. Every method may block.
type FS interface {
	// Open takes the flags of package os; new files get mode 0644.
	Open(path string, flag int) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	RemoveAll(path string) error
	MkdirAll(path string) error
	// ReadDir returns the names in a directory, sorted.
	ReadDir(path string) ([]string, error)
	// SyncDir makes creations, renames and removals in a directory survive a
	// loss of power.
	SyncDir(path string) error
	// SyncAll does what Sync and SyncDir do for everything on the file system that
	// path lies on, whoever wrote it, in one go.
	SyncAll(path string) error
	// Stat returns the size in bytes; the error satisfies os.IsNotExist when
	// there is nothing at path.
	Stat(path string) (size int64, err error)
}

// File is an open file. ReadAt and WriteAt may be called by several threads.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes data and size survive a loss of power (fdatasync).
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// FD is the descriptor for submitting I/O elsewhere, -1 when there is none.
	FD() int
	Close() error
}

// Locker is an FS that brings its own directory lock. [OS] locks by [LockDir].
type Locker interface {
	LockDir(path string) (release func(), err error)
}

// ReadFile reads a whole file.
func ReadFile(fs FS, path string) ([]byte, error) {
	f, err := fs.Open(path, rdonly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if err == io.EOF || n == len(b) {
		err = nil
	}
	return b[:n], err
}

// WriteFileAtomic replaces path by data so that a crash at any moment leaves
// the old content or the new one: written beside it with suffix .tmp, synced,
// renamed over it, directory synced. Kafka writes its checkpoints this way.
func WriteFileAtomic(fs FS, path string, data []byte) error {
	tmp := path + ".tmp"
	if err := WriteFileSync(fs, tmp, data); err != nil {
		return err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return err
	}
	return fs.SyncDir(filepath.Dir(path))
}

// WriteFileSync writes data as the whole content of path and syncs the file,
// not its directory.
func WriteFileSync(fs FS, path string, data []byte) error {
	f, err := fs.Open(path, rewrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
