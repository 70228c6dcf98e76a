package disk

// Direct is a file whose I/O bypasses the page cache, or, when the file system
// refuses that, an ordinary file and the reason. Direct writes and reads need
// memory, offset and length at multiples of the alignments; Truncate does not.
type Direct struct {
	File
	MemAlign    int    // bytes
	OffsetAlign int    // bytes; also of lengths
	Refused     string // why I/O goes through the page cache after all; empty when it does not
}
