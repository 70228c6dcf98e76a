package quota

import "math"

const (
	// samples is Kafka's quota.window.num and windowMs its
	// quota.window.size.seconds.
	samples  = 11
	windowMs = 1000
)

// Window is a rate over the last samples. The zero value has none.
type Window struct {
	sums     [samples]float64
	startsMs [samples]int64 // 0: never used
	at       int
}

// Record adds v at nowMs, which must not go back and must be positive.
func (w *Window) Record(nowMs int64, v float64) {
	if start := w.startsMs[w.at]; start == 0 || nowMs-start >= windowMs {
		if start != 0 {
			w.at = (w.at + 1) % samples
		}
		w.sums[w.at], w.startsMs[w.at] = 0, nowMs
	}
	w.sums[w.at] += v
}

// measure is the sum of what is not older than samples windows, and how many ms
// it counts for: since its oldest sample began, and never less than all windows
// but one, so that a client's first bytes are not taken for its rate.
func (w *Window) measure(nowMs int64) (sum float64, spanMs int64) {
	oldest := nowMs
	for i, start := range w.startsMs {
		if start == 0 || nowMs-start >= samples*windowMs {
			continue
		}
		sum += w.sums[i]
		oldest = min(oldest, start)
	}
	spanMs = nowMs - oldest
	if full := spanMs / windowMs; full < samples-1 {
		spanMs += (samples - 1 - full) * windowMs
	}
	return sum, spanMs
}

// PerSecond is the rate at nowMs.
func (w *Window) PerSecond(nowMs int64) float64 {
	sum, spanMs := w.measure(nowMs)
	return sum * 1000 / float64(spanMs)
}

// ThrottleMs is how long the client has to be silent for its rate to fall to
// bound per second; 0 when it is not above.
func (w *Window) ThrottleMs(nowMs int64, bound float64) int64 {
	sum, spanMs := w.measure(nowMs)
	rate := sum * 1000 / float64(spanMs)
	if rate <= bound {
		return 0
	}
	return int64(math.Round((rate - bound) / bound * float64(spanMs)))
}
