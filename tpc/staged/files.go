package staged

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Files makes, maps and removes staging files.
type Files interface {
	// Map makes a file of zeros anew and maps it, on pages of its own. What is
	// written there outlives the process.
	Map(path string, size int64) ([]byte, error)
	Unmap(file []byte) error
	Remove(path string) error
}

// OS is the operating system's files.
type OS struct{}

// Map writes all of the file, and maps it with every page present and writable:
// no append meets a hole in the file, and none a page fault, until the kernel
// has written the page back and protects it to learn of the next change. The
// directory is made.
func (OS) Map(path string, size int64) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zeros := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return nil, err
		}
	}
	// A file whose blocks are on the device is not extended by write-back later,
	// in the middle of other things.
	if err := f.Sync(); err != nil {
		return nil, err
	}
	file, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("the file system maps no %d bytes: %w", size, err)
	}
	if err := unix.Madvise(file, unix.MADV_POPULATE_WRITE); err != nil { // before Linux 5.14
		for at := 0; at < len(file); at += os.Getpagesize() {
			file[at] = 0
		}
	}
	return file, nil
}

// Unmap ends what Map began; the file stays.
func (OS) Unmap(file []byte) error { return unix.Munmap(file) }

// Remove removes a file.
func (OS) Remove(path string) error { return os.Remove(path) }
