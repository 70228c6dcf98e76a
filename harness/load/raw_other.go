//go:build !linux

package load

import (
	"context"
	"errors"
)

// runRaw needs epoll, absolute timers and pinned threads.
func runRaw(context.Context, *Options, *cluster) (*Summary, error) {
	return nil, errors.New("load: driver raw runs on Linux only; use driver franz")
}
