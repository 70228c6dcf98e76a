package load

import "github.com/ceteris/ceteris/models/telemetry"

// pacer returns at a moment: it sleeps to shortly before it, by an absolute time,
// and spins for the rest, because a sleeper wakes late. The thread is locked to
// its goroutine. Threads of the raw driver that do not poll sleep the same way in
// their epoll set, whose timer is absolute too.
type pacer struct {
	now     func() int64            // ns
	sleep   func(monotonicNs int64) // until then or a little later
	earlyNs int64
}

// byClock paces by the kernel's clock.
var byClock = pacer{telemetry.Now, sleep, earlyNs}

// until returns at a time of the pacer's clock, which lies monotonicOffsetNs
// before CLOCK_MONOTONIC, or at once when it has passed.
func (p *pacer) until(atNs, monotonicOffsetNs int64) {
	if wake := atNs - p.earlyNs; wake > p.now() {
		p.sleep(wake + monotonicOffsetNs)
	}
	for p.now() < atNs {
	}
}

func sleepUntil(atNs, monotonicOffsetNs int64) { byClock.until(atNs, monotonicOffsetNs) }
