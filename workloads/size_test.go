package workloads

import (
	"math"
	"testing"
)

// TestSizeLaws: every size is one that the law has, and the mean is the law's
// within four standard errors.
func TestSizeLaws(t *testing.T) {
	const n = 50000
	for _, law := range []SizeLaw{
		{MedianBytes: 100, MaxBytes: 100},
		{MedianBytes: 1000, Sigma: 0.5, MaxBytes: 1 << 19},
		{MedianBytes: 150, MinBytes: 100, MaxBytes: 200},
		{MedianBytes: 1, MinBytes: 1, MaxBytes: 1},
		{MedianBytes: 100, MaxBytes: 64000, Values: &SizeValues{Bytes: []int{100, 64000}, LargeShare: 0.1}},
		{MedianBytes: 7, MaxBytes: 50, Values: &SizeValues{Bytes: []int{3, 50, 7, 7}}},
	} {
		if err := law.check(); err != nil {
			t.Fatalf("%+v: %v", law, err)
		}
		seen := map[int]int{}
		sum, squares := 0.0, 0.0
		for k := range int64(n) {
			s := law.draw(5, k)
			seen[s]++
			sum += float64(s)
			squares += float64(s) * float64(s)
		}
		mean := sum / n
		if limit := 4*math.Sqrt((squares/n-mean*mean)/n) + 1e-9; math.Abs(mean-law.MeanBytes()) > limit {
			t.Errorf("%+v: mean %.2f, want %.2f ± %.2f", law, mean, law.MeanBytes(), limit)
		}
		for s := range seen {
			if s < max(law.MinBytes, 1) || s > law.MaxBytes {
				t.Errorf("%+v: a size of %d", law, s)
			}
		}
		if want := map[bool]int{true: law.MaxBytes - law.MinBytes + 1, false: 1}[law.MinBytes > 0]; (law.MinBytes > 0 || law.Fixed()) && len(seen) != want {
			t.Errorf("%+v: %d different sizes, want %d", law, len(seen), want)
		}
	}
	for _, bad := range []SizeLaw{
		{},
		{MedianBytes: 2, MaxBytes: 1},
		{MedianBytes: 1, MaxBytes: 1, MinBytes: 2},
		{MedianBytes: 1, MaxBytes: 1, Values: &SizeValues{}},
		{MedianBytes: 1, MaxBytes: 1, Values: &SizeValues{Bytes: []int{2}}},
		{MedianBytes: 1, MaxBytes: 2, Values: &SizeValues{Bytes: []int{1}, LargeShare: 0.5}},
	} {
		if bad.check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}
