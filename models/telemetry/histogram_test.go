package telemetry

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestBucketsTile(t *testing.T) {
	next := int64(0)
	for i := range bucketCount {
		lo, hi := bucketRange(i)
		if lo != next || hi < lo {
			t.Fatalf("bucket %d covers %d to %d, want it to start at %d", i, lo, hi, next)
		}
		for _, v := range []int64{lo, lo + (hi-lo)/2, hi} {
			if got := bucketOf(v); got != i {
				t.Fatalf("bucketOf(%d) = %d, want %d", v, got, i)
			}
		}
		if off := float64(hi-lo+1) / 2 / math.Max(float64(lo), 1); lo >= 2*subCount && off > 1.0/64 {
			t.Fatalf("bucket %d: its middle is off by up to %.2f %%, want at most 1.6", i, 100*off)
		}
		next = hi + 1
	}
	if next != MaxTrackableNs+1 {
		t.Errorf("buckets end at %d, want %d", next-1, int64(MaxTrackableNs))
	}
	if got := bucketOf(math.MaxInt64); got != bucketCount-1 {
		t.Errorf("bucketOf(max) = %d, want the last, %d", got, bucketCount-1)
	}
}

// Quantiles of the buckets and of the exported HdrHistogram stay within 2 % of
// the exact ones, and counts, sums and extremes are exact.
func TestQuantilesAgainstSorted(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var h Histogram
		var all []int64
		var sum int64
		for range 5000 {
			v := int64(math.Exp(rng.NormFloat64()*2 + 10))
			h.Record(v)
			all = append(all, v)
			sum += v
		}
		slices.Sort(all)
		if h.Count != 5000 || h.SumNs != sum || h.MinNs != all[0] || h.MaxNs != all[4999] {
			t.Fatalf("seed %d: count %d sum %d min %d max %d, want 5000, %d, %d, %d", seed, h.Count, h.SumNs, h.MinNs, h.MaxNs, sum, all[0], all[4999])
		}
		out := h.HDR()
		if out.TotalCount() != 5000 {
			t.Fatalf("seed %d: %d values exported, want 5000", seed, out.TotalCount())
		}
		for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
			exact := float64(all[max(int(q*5000+0.5), 1)-1])
			for name, got := range map[string]float64{"own": float64(h.Quantile(q)), "hdr": float64(out.ValueAtQuantile(100 * q))} {
				if math.Abs(got-exact) > 0.02*exact {
					t.Errorf("seed %d: %s quantile %v = %v, want %v within 2 %%", seed, name, q, got, exact)
				}
			}
		}
	}
}

func TestHistogramExtremes(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.HDR().TotalCount() != 0 {
		t.Error("an empty histogram has values")
	}
	h.Record(-5)
	h.Record(MaxTrackableNs)
	h.Record(MaxTrackableNs + 1000)
	if h.Count != 3 || h.Over != 1 || h.MinNs != 0 || h.MaxNs != MaxTrackableNs+1000 {
		t.Errorf("count %d over %d min %d max %d", h.Count, h.Over, h.MinNs, h.MaxNs)
	}
	if out := h.HDR(); out.TotalCount() != 3 {
		t.Errorf("%d of 3 values exported", out.TotalCount())
	}
	d := h.distribution()
	if last := d.counts[len(d.counts)-1]; last != 2 || d.count != 3 {
		t.Errorf("at or below the last bound: %d of %d, want 2 of 3", last, d.count)
	}
}

func TestMergeIsSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var a, b, both, empty Histogram
	for i := range 1000 {
		v := rng.Int64N(1 << 37)
		both.Record(v)
		if i%3 == 0 {
			a.Record(v)
		} else {
			b.Record(v)
		}
	}
	a.Merge(&empty)
	a.Merge(&b)
	if a != both {
		t.Error("merged parts differ from the whole")
	}
	empty.Merge(&both)
	if empty != both {
		t.Error("merging into an empty histogram differs from the source")
	}
}
