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

// cpuTimes is not known here.
func cpuTimes() (userNs, systemNs int64) { return 0, 0 }

// sleepUntil returns at a time of telemetry.Now; Go's timers are late by up to a
// millisecond, so the last two are spun.
func sleepUntil(atNs, _ int64) {
	if d := atNs - telemetry.Now() - int64(2*time.Millisecond); d > 0 {
		time.Sleep(time.Duration(d))
	}
	for telemetry.Now() < atNs {
	}
}

// tight has nothing to ask for here.
func tight() {}
