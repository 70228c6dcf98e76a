package kernel

import "unsafe"

// pageBytes is what direct I/O wants memory aligned to.
const pageBytes = 4096

// Aligned returns n bytes of Go memory that begin at a page, for direct I/O.
func Aligned(n int) []byte { return PagesOf(make([]byte, n+pageBytes-1))[:n:n] }

// PagesOf is b from its first page boundary on, nothing when there is none.
func PagesOf(b []byte) []byte {
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (pageBytes - 1))
	return b[min(skip, len(b)):]
}
