//go:build !linux

package load

import (
	"time"

	"github.com/ceteris/ceteris/models/telemetry"
)

// clockOffsets knows no clock here that processes share: stamps are of this
// process's own.
func clockOffsets() (monotonicNs, wallNs int64) {
	return 0, time.Now().UnixNano() - telemetry.Now()
}

// Monotonic knows no clock here that processes share.
func Monotonic() int64 { return 0 }

// cpuTimes is not known here.
func cpuTimes() (userNs, systemNs int64) { return 0, 0 }

// earlyNs is how long before a deadline a sleeper wakes to spin.
const earlyNs = 2_000_000

// sleep waits for a time of telemetry.Now, which is what clockOffsets says of
// CLOCK_MONOTONIC here. Go's timers are late by up to a millisecond.
func sleep(monotonicNs int64) { time.Sleep(time.Duration(monotonicNs - telemetry.Now())) }

// tight has nothing to ask for here.
func tight() {}
