//go:build !linux

package host

import "errors"

// StartHiccups needs Linux.
func StartHiccups(int, bool) (*HiccupProbe, error) {
	return nil, errors.New("the noise probe needs Linux")
}
