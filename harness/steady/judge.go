package steady

import (
	"fmt"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
)

// Verdict is that of one cell. P99 is not judged where intervals are too short to
// have one.
type Verdict struct {
	P50 stats.Steady `json:"p50"`
	P99 stats.Steady `json:"p99"`
}

// OK is false when something moved; what could not be judged is no reason.
func (v *Verdict) OK() bool { return moved(v.P50) == "" && moved(v.P99) == "" }

// String is the verdict in a few words.
func (v *Verdict) String() string {
	for _, s := range []struct {
		name string
		of   stats.Steady
	}{{"p50", v.P50}, {"p99", v.P99}} {
		if why := moved(s.of); why != "" {
			return s.name + " " + why
		}
	}
	return "p50 " + v.P50.Words
}

func moved(s stats.Steady) string {
	if s.Moved() {
		return string(s.Verdict) + ": " + s.Words
	}
	return ""
}

// Judge judges a cell's response times by its intervals, as [ByTime] gives them.
func Judge(intervals []*hdr.Histogram) Verdict { return JudgeFrom(intervals, 0) }

// JudgeFrom is Judge of intervals of which the first are dropped.
func JudgeFrom(intervals []*hdr.Histogram, dropped int) Verdict {
	return Verdict{P50: judge(intervals, 50, dropped), P99: judge(intervals, 99, dropped)}
}

// ByTime merges the intervals that begin together, which are those of different
// classes of requests, and sorts them.
func ByTime(intervals []*hdr.Histogram) ([]*hdr.Histogram, error) {
	at := map[int64][]*hdr.Histogram{}
	for _, h := range intervals {
		at[h.StartTimeMs()] = append(at[h.StartTimeMs()], h)
	}
	var out []*hdr.Histogram
	for _, t := range starts(intervals) {
		h := at[t][0]
		if len(at[t]) > 1 {
			var err error
			if h, err = result.MergeHistograms(at[t]); err != nil {
				return nil, err
			}
		}
		out = append(out, h)
	}
	return out, nil
}

// starts are the times at which intervals begin, in order.
func starts(intervals []*hdr.Histogram) []int64 {
	var times []int64
	for _, h := range intervals {
		times = append(times, h.StartTimeMs())
	}
	slices.Sort(times)
	return slices.Compact(times)
}

func judge(intervals []*hdr.Histogram, percentile float64, dropped int) stats.Steady {
	var values []float64
	for i, h := range intervals {
		if n, need := h.TotalCount(), stats.MinSamples(percentile); n < need {
			why := fmt.Sprintf("interval %d of %d has %d requests, p%v needs %d", i+1, len(intervals), n, percentile, need)
			none := stats.Refuse("%s", why)
			return stats.Steady{Intervals: len(intervals), Verdict: stats.NotJudged, Words: why, Change: none, P: none}
		}
		values = append(values, float64(max(1, h.ValueAtPercentile(percentile))))
	}
	return stats.JudgeFrom(values, dropped)
}

// Buckets is what the histograms hold, for [stats.WithinRun].
func Buckets(intervals []*hdr.Histogram) [][]stats.Bucket {
	var out [][]stats.Bucket
	for _, h := range intervals {
		var buckets []stats.Bucket
		for _, bar := range h.Distribution() {
			if bar.Count > 0 {
				buckets = append(buckets, stats.Bucket{Value: float64(bar.To), Count: bar.Count})
			}
		}
		out = append(out, buckets)
	}
	return out
}
