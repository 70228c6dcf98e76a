//go:build !linux

package reactor

import (
	"errors"
	"runtime"
)

var errSystem = errors.New("reactor: no backend for " + runtime.GOOS)

type (
	streamSys struct{}
	diskSys   struct{}
)

func (y *streamSys) cleared() streamSys { return streamSys{} }

func choose(*Options) (map[string]string, error) { return nil, errSystem }

func (r *Reactor) open() error { return errSystem }

func pin(int) (func() bool, error) { return nil, errSystem }

func wakeWrite(int) {}

func setNonblock(int) error { return errSystem }

func closeFD(int) {}
