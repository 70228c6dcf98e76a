package host

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// reserve maps anonymous memory, which nothing lies behind until it is touched.
func reserve(bytes int64) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, int(bytes), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of memory for the page cache: %w", bytes, os.NewSyscallError("mmap", err))
	}
	_ = unix.Madvise(mem, unix.MADV_HUGEPAGE) // small pages do as well, more slowly
	return mem, nil
}

// touch writes to each page.
func touch(mem []byte) {
	for i := 0; i < len(mem); i += os.Getpagesize() {
		mem[i] = 1
	}
}

// untouch gives pages back to the kernel; the mapping stays.
func untouch(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTNEED) }

func unmap(mem []byte) { _ = unix.Munmap(mem) }
