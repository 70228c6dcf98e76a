package telemetry

import (
	"math/bits"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The bucket array is log-linear: values below 64 ns have a bucket each, every
// octave above is cut into 32. A bucket is reported by its middle, which is off
// by at most 1/64 of the value (1.6 %). Values from 2^36 ns (68.7 s) on share
// the last bucket; their sum and maximum stay exact.
//
//	index  0 … 63 │ 64 … 95 │ 96 … 127 │ … │ 992 … 1023
//	ns     0 … 63 │ 64…127  │ 128…255  │ … │ 2^35 … 2^36-1
const (
	subBits     = 5
	subCount    = 1 << subBits
	maxExponent = 36
	bucketCount = (maxExponent - subBits + 1) * subCount

	// MaxTrackableNs is the largest value with a bucket of its own size.
	MaxTrackableNs = 1<<maxExponent - 1
)

// Histogram counts durations in ns. It has one writer and holds no pointers, so
// the collector never looks inside. The zero value is empty.
type Histogram struct {
	Count   uint64 // values recorded
	SumNs   int64  // exact
	MinNs   int64  // exact; meaningless while Count is 0
	MaxNs   int64  // exact
	Over    uint64 // values above MaxTrackableNs, counted in the last bucket
	Buckets [bucketCount]uint64
}

// bucketOf maps a non-negative value to its bucket.
func bucketOf(ns int64) int {
	if ns < 2*subCount {
		return int(ns)
	}
	if ns > MaxTrackableNs {
		return bucketCount - 1
	}
	shift := bits.Len64(uint64(ns)) - subBits - 1
	return shift<<subBits + int(ns>>shift)
}

// bucketRange is the inclusive range of values that bucket i counts.
func bucketRange(i int) (lo, hi int64) {
	if i < 2*subCount {
		return int64(i), int64(i)
	}
	shift := i>>subBits - 1
	lo = int64(i-shift<<subBits) << shift
	return lo, lo + 1<<shift - 1
}

// Record counts one value. A negative one is the caller's bug; it counts as 0
// so that the number of requests stays right.
func (h *Histogram) Record(ns int64) {
	ns = max(ns, 0)
	if h.Count == 0 || ns < h.MinNs {
		h.MinNs = ns
	}
	if ns > h.MaxNs {
		h.MaxNs = ns
	}
	if ns > MaxTrackableNs {
		h.Over++
	}
	h.Count++
	h.SumNs += ns
	h.Buckets[bucketOf(ns)]++
}

// Merge adds everything o counted.
func (h *Histogram) Merge(o *Histogram) {
	if o.Count == 0 {
		return
	}
	if h.Count == 0 || o.MinNs < h.MinNs {
		h.MinNs = o.MinNs
	}
	h.MaxNs = max(h.MaxNs, o.MaxNs)
	h.Count += o.Count
	h.SumNs += o.SumNs
	h.Over += o.Over
	for i := range o.Buckets {
		h.Buckets[i] += o.Buckets[i]
	}
}

// valueOf is what bucket i stands for: its middle, moved into the exact range
// of what was recorded so that the extremes are not overstated.
func (h *Histogram) valueOf(i int) int64 {
	lo, hi := bucketRange(i)
	return min(max(lo+(hi-lo)/2, h.MinNs), h.MaxNs)
}

// Quantile is the value at or below which a share q of the records lie, within
// 1.6 %. 0 when nothing was recorded.
func (h *Histogram) Quantile(q float64) int64 {
	if h.Count == 0 {
		return 0
	}
	rank := max(uint64(q*float64(h.Count)+0.5), 1)
	var seen uint64
	for i := range h.Buckets {
		if seen += h.Buckets[i]; seen >= rank {
			return h.valueOf(i)
		}
	}
	return h.MaxNs
}

// HDR converts to an HdrHistogram of three digits from 1 ns. Values beyond
// MaxTrackableNs enter at that bound; Over says how many.
func (h *Histogram) HDR() *hdr.Histogram {
	out := hdr.New(1, MaxTrackableNs, 3)
	for i := range h.Buckets {
		if n := h.Buckets[i]; n > 0 {
			// The bound is the histogram's own, so the value cannot be refused.
			_ = out.RecordValues(min(h.valueOf(i), MaxTrackableNs), int64(n))
		}
	}
	return out
}
