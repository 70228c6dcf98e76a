//go:build !linux

package uring

import (
	"errors"
	"runtime"
)

// Features is empty: only Linux has io_uring.
type Features struct{}

// Probe reports that this system has no io_uring.
func Probe() (Features, error) {
	return Features{}, errors.New("uring: " + runtime.GOOS + " has no io_uring")
}
