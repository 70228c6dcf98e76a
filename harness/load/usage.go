package load

import (
	"runtime/metrics"

	"github.com/ceteris/ceteris/models/telemetry"
)

// usage is what the process has used up to a moment.
type usage struct {
	atNs             int64
	userNs, systemNs int64
	gcCycles, allocs uint64
}

// usageNow reads the counters without stopping the world.
func usageNow() usage {
	samples := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/allocs:objects"}}
	u := usage{atNs: telemetry.Now()}
	u.userNs, u.systemNs = cpuTimes()
	metrics.Read(samples)
	if samples[0].Value.Kind() == metrics.KindUint64 {
		u.gcCycles = samples[0].Value.Uint64()
	}
	if samples[1].Value.Kind() == metrics.KindUint64 {
		u.allocs = samples[1].Value.Uint64()
	}
	return u
}
