//go:build !linux

package busywork

import "github.com/ceteris/ceteris/models/telemetry"

// threadNow is the monotonic clock: brokers run on Linux only.
func threadNow() int64 { return telemetry.Now() }
