//go:build !linux

package host

import (
	"errors"
	"time"
)

// DiskLimit is Linux's only.
func DiskLimit(string, []int, time.Duration) (perSec float64, depth int, err error) {
	return 0, 0, errors.New("disk limit: measured on Linux only")
}

// LoopbackLimit is Linux's only.
func LoopbackLimit(_, _ []int, _ time.Duration) (perSec float64, err error) {
	return 0, errors.New("loopback limit: measured on Linux only")
}
