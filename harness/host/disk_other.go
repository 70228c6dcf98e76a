//go:build !linux

package host

import (
	"context"
	"errors"
)

var errNotHere = errors.New("not available on this system")

func deviceOf(string) (major, minor uint32, err error) { return 0, 0, errNotHere }

// DiskFree is not available on this system.
func DiskFree(string) (free, total int64, err error) { return 0, 0, errNotHere }

// Settle is not available on this system.
func Settle(context.Context, string) error { return errNotHere }
