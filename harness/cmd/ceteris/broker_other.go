//go:build !linux

package main

import (
	"context"
	"errors"
)

// Run refuses: both models are built on Linux's epoll, futex and io_uring.
func (c *brokerCmd) Run(context.Context, streams) error {
	return errors.New("brokers run on Linux only; report, verify, compare and log work here")
}
