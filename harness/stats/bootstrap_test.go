package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// bucketed sorts samples into buckets of their own values.
func bucketed(samples []float64) []Bucket {
	slices.Sort(samples)
	var out []Bucket
	for _, v := range samples {
		if n := len(out); n > 0 && out[n-1].Value == v {
			out[n-1].Count++
			continue
		}
		out = append(out, Bucket{v, 1})
	}
	return out
}

// Of independent samples it holds the truth about as often as it says.
func TestWithinRunCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 0))
	held := 0
	const n = 300
	for i := range n {
		var intervals [][]Bucket
		for range 30 {
			samples := make([]float64, 100)
			for k := range samples {
				samples[k] = random.Float64()
			}
			intervals = append(intervals, bucketed(samples))
		}
		lo, hi := WithinRun(intervals, 90, uint64(i))
		l, _ := lo.Get()
		if h, ok := hi.Get(); ok && l <= 0.9 && 0.9 <= h {
			held++
		}
	}
	if held < n*88/100 || held > n*99/100 {
		t.Errorf("held the truth in %d of %d", held, n)
	}
}

// Intervals that resemble their neighbours say less than as many that do not, and
// the blocks that are drawn know it.
func TestWithinRunSeesNeighbours(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 9))
	wider := 0
	for i := range 40 {
		var alike [][]Bucket
		for range 20 {
			level := 1 + random.Float64()
			for range 3 {
				alike = append(alike, bucketed([]float64{level, level * 1.01, level * 1.02}))
			}
		}
		width := func(intervals [][]Bucket) float64 {
			lo, hi := WithinRun(intervals, 50, uint64(i))
			l, _ := lo.Get()
			h, _ := hi.Get()
			return h - l
		}
		mixed := slices.Clone(alike)
		random.Shuffle(len(mixed), func(a, b int) { mixed[a], mixed[b] = mixed[b], mixed[a] })
		if width(alike) > 1.15*width(mixed) {
			wider++
		}
	}
	if wider < 25 {
		t.Errorf("wider in %d of 40", wider)
	}
}

func TestWithinRunEdges(t *testing.T) {
	if lo, _ := WithinRun(make([][]Bucket, MinIntervals-1), 50, 1); !strings.Contains(lo.Refusal(), "9 intervals") {
		t.Errorf("nine intervals: %+v", lo)
	}
	if _, hi := WithinRun(make([][]Bucket, 20), 50, 1); hi.OK() {
		t.Errorf("nothing: %+v", hi)
	}
	one := make([][]Bucket, 20)
	for i := range one {
		one[i] = []Bucket{{7, 3}}
	}
	lo, hi := WithinRun(one, 99, 1)
	if l, _ := lo.Get(); l != 7 || hi != lo {
		t.Errorf("one value: %+v, %+v", lo, hi)
	}
	a, b := WithinRun(one, 50, 1)
	if c, d := WithinRun(one, 50, 1); a != c || b != d {
		t.Error("one seed gives two intervals")
	}
}

// The percentile of merged intervals is that of their samples put together.
func TestMergedPercentile(t *testing.T) {
	m := merge([][]Bucket{{{1, 2}, {5, 1}}, {{3, 4}}, {{5, 3}}})
	for _, c := range []struct {
		weight []int64
		p      float64
		want   float64
	}{
		{[]int64{1, 1, 1}, 50, 3},
		{[]int64{1, 1, 1}, 99, 5},
		{[]int64{1, 1, 1}, 0, 1},
		{[]int64{1, 1, 1}, 20, 1},
		{[]int64{1, 0, 0}, 66, 1},
		{[]int64{0, 2, 0}, 99, 3},
		{[]int64{0, 1, 9}, 12, 3},
		{[]int64{0, 1, 9}, 20, 5},
	} {
		if got, ok := m.percentile(c.weight, c.p); !ok || got != c.want {
			t.Errorf("weights %v, p%v: %v, want %v", c.weight, c.p, got, c.want)
		}
	}
}

// TestDrawnTail holds it against Simpson's rule over Student's density, inverted by
// bisection, and the complementary error function.
func TestDrawnTail(t *testing.T) {
	for n, want := range map[int]float64{1: 0, 5: 0.00095410, 6: 0.00243180, 10: 0.00855064, 20: 0.01588083, 40: 0.02025754} {
		if got := DrawnTail(n); math.Abs(got-want) > 1e-7 {
			t.Errorf("%d units: %.8f, want %.8f", n, got, want)
		}
	}
}
