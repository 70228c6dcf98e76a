package arena

import "fmt"

// hugeBytes is a transparent huge page on x86-64 and on arm64 with 4 KiB pages.
const hugeBytes = 2 << 20

// Zeros returns n bytes of nothing, page-aligned, mapped for good and not to be
// written: what files are zero-filled from. They are real pages, in a huge one
// where the kernel gives it. Memory that nobody has touched would be the kernel's
// one zero page many times over, which direct I/O looks up page by page on a slow
// path and hands to the device in as many pieces.
func Zeros(n int) []byte {
	whole := max(n, hugeBytes)
	_, region, err := mapRegion(whole, &Options{Pages: TransparentPages}, map[string]string{})
	if err != nil {
		panic(fmt.Sprintf("arena: %d bytes of zeros: %v", n, err))
	}
	touch(region)
	return region[:n:n]
}
