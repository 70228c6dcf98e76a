package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Bucket is a value and how many samples of an interval have it.
type Bucket struct {
	Value float64
	Count int64
}

// resamples is how many windows a bootstrap draws: the ends of a 95 % interval are
// then the 13th from either side.
const resamples = 500

// WithinRun is the 95 % interval of one run's percentile by the moving-block
// bootstrap (Künsch, Annals of Statistics 17, 1989): intervals are drawn with
// those that follow them, cube root of their number at a time, their buckets are
// merged, and the percentile is read off; none is averaged. Buckets are in
// ascending order of value.
//
// It describes one window and is no ground for comparing arms: it does not know
// how runs differ, and with a queue that remembers for long it is too short
// (package coverage counts how often it holds the truth). It is refused for fewer
// than MinIntervals intervals.
func WithinRun(intervals [][]Bucket, percentile float64, seed uint64) (lo, hi Number) {
	n := len(intervals)
	if n < MinIntervals || n > maxIntervals {
		no := Refuse("%d intervals, want %d to %d", n, MinIntervals, maxIntervals)
		return no, no
	}
	table := merge(intervals)
	if len(table.values) == 0 {
		return Refuse("no samples"), Refuse("no samples")
	}
	length := 1
	for (length+1)*(length+1)*(length+1) <= n {
		length++
	}
	random := rand.New(rand.NewPCG(seed, 0))
	weight := make([]int64, n)
	var got []float64
	for range resamples {
		clear(weight)
		for drawn := 0; drawn < n; {
			for at := random.IntN(n - length + 1); drawn < n && at < n; at++ {
				weight[at]++
				if drawn++; drawn%length == 0 {
					break
				}
			}
		}
		if v, ok := table.percentile(weight, percentile); ok {
			got = append(got, v)
		}
	}
	if len(got) == 0 {
		return Refuse("no samples"), Refuse("no samples")
	}
	slices.Sort(got)
	cut := len(got) * 25 / 1000
	return Of(got[cut]), Of(got[len(got)-1-cut])
}

// DrawnTail is the share of values to leave out at either end of a bootstrap over n
// units for an interval at 95 %. Drawn units scatter by the root of (n-1)/n less than
// those that they stand for, and the middle 95 % of draws leave out that the scatter is
// itself estimated: together they make the interval of six units hold the truth in
// 85 %. The share is widened for both, to where Student's interval would end
// (Hesterberg, The American Statistician 69, 2015: the expanded percentile interval).
// It is 0 of fewer than two.
func DrawnTail(n int) float64 {
	if n < 2 {
		return 0
	}
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(n - 1)}.Quantile((1 + Wanted) / 2)
	return distuv.UnitNormal.CDF(-math.Sqrt(float64(n)/float64(n-1)) * t)
}

// merged is every interval's samples by value: entries first[i] to first[i+1] are
// those of values[i].
type merged struct {
	values  []float64
	first   []int
	entries []entry
	totals  []int64 // of each interval
}

type entry struct {
	interval int
	count    int64
}

func merge(intervals [][]Bucket) merged {
	type sample struct {
		value float64
		entry
	}
	var all []sample
	m := merged{totals: make([]int64, len(intervals))}
	for i, buckets := range intervals {
		for _, b := range buckets {
			all = append(all, sample{b.Value, entry{i, b.Count}})
			m.totals[i] += b.Count
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].value < all[j].value })
	for i, s := range all {
		if i == 0 || s.value != m.values[len(m.values)-1] {
			m.values, m.first = append(m.values, s.value), append(m.first, i)
		}
		m.entries = append(m.entries, s.entry)
	}
	m.first = append(m.first, len(all))
	return m
}

// percentile is that of the intervals, each counted weight times.
func (m *merged) percentile(weight []int64, percentile float64) (float64, bool) {
	var total int64
	for i, w := range weight {
		total += w * m.totals[i]
	}
	if total == 0 {
		return 0, false
	}
	want := max(1, int64(percentile/100*float64(total)+0.5))
	// From above, because what is asked for is mostly a tail.
	above := int64(0)
	for v := len(m.values) - 1; v >= 0; v-- {
		for _, e := range m.entries[m.first[v]:m.first[v+1]] {
			above += weight[e.interval] * e.count
		}
		if total-above < want {
			return m.values[v], true
		}
	}
	panic(fmt.Sprintf("stats: %v of %d samples has no value", percentile, total))
}
