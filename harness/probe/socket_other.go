//go:build !linux

package probe

import "errors"

// errLinux: brokers run on Linux only, and probes beside them.
var errLinux = errors.New("probes run on Linux only")

func (s socket) blocking() error { return errLinux }

func (s socket) write([]byte) error { return errLinux }

func (s socket) read([]byte) error { return errLinux }
