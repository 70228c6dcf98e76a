//go:build !linux

package probe

// firstInLine is not to be had here.
func firstInLine() bool { return false }

// threadNs is not told here.
func threadNs() int64 { return -1 }
