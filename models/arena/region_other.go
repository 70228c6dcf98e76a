//go:build !linux

package arena

import (
	"unsafe"
)

// mapRegion takes the region from the Go heap, so that the package works where
// the suite is developed; experiments run on Linux.
func mapRegion(n int, o *Options, facts map[string]string) (whole, region []byte, err error) {
	whole = make([]byte, n+PageBytes)
	// unsafe: only the address tells where the first page starts.
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(whole))) & uintptr(PageBytes-1)
	facts["hugepages"] = "not available: memory of the Go heap"
	return whole, whole[skip : int(skip)+n : int(skip)+n], nil
}

func touch(b []byte) {
	for i := 0; i < len(b); i += PageBytes {
		b[i] = 0
	}
}

func unmapRegion([]byte) error { return nil }

// threadToken cannot be had here: 0 switches the ownership check off.
func threadToken() int { return 0 }
