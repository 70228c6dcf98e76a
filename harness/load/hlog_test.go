package load

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// readLog merges the intervals of a log and checks their tags.
func readLog(t *testing.T, path string) *hdr.Histogram {
	t.Helper()
	sum := hdr.New(lowestNs, highestNs, significantDigit)
	for _, h := range intervals(t, path) {
		mergeInto(sum, h)
	}
	return sum
}

func intervals(t *testing.T, path string) []*hdr.Histogram {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r := hdr.NewHistogramLogReader(f)
	var out []*hdr.Histogram
	for {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return out
		}
		out = append(out, h)
	}
}

// TestLogRoundTrip writes logs and reads them with the library's reader: every
// value, its interval, the interval's times and tag.
func TestLogRoundTrip(t *testing.T) {
	const startNs = 5_000
	r := newRecorder(startNs, 2500*time.Millisecond, time.Second)
	for i := range int64(2500) {
		at := startNs + i*int64(time.Millisecond)
		r.record(response, at, i*1000)
		r.record(service, at, highestNs+i)
		r.record(slip, at, -i)
		if i%2 == 0 {
			r.record(endToEnd, at, 1)
		}
	}
	if r.clamped != 2499 || r.negative != 2499 || r.early != 0 {
		t.Errorf("got %d clamped, %d negative, %d early, want 2499, 2499, 0", r.clamped, r.negative, r.early)
	}
	dir := filepath.Join(t.TempDir(), "deep", "er")
	const unixNs, unixMs = 1_790_000_000_123_456_789, 1_790_000_000_123
	if err := r.writeLogs(dir, unixNs); err != nil {
		t.Fatal(err)
	}
	for c, file := range classFile {
		got := intervals(t, filepath.Join(dir, file+".hlog"))
		if len(got) != 3 {
			t.Fatalf("%s: %d intervals, want 3", file, len(got))
		}
		for i, h := range got {
			if !h.Equals(r.hist[c][i]) {
				t.Errorf("%s: interval %d is not what was recorded", file, i)
			}
			if h.Tag() != classTag[c] {
				t.Errorf("%s: tag %q, want %q", file, h.Tag(), classTag[c])
			}
			start, end := unixMs+int64(i)*1000, unixMs+min(int64(i+1)*1000, 2500)
			// The reader passes through seconds in floating point.
			if d := h.StartTimeMs() - start; d < -1 || d > 0 {
				t.Errorf("%s: interval %d starts at %d ms, want %d", file, i, h.StartTimeMs(), start)
			}
			if d := h.EndTimeMs() - end; d < -1 || d > 0 {
				t.Errorf("%s: interval %d ends at %d ms, want %d", file, i, h.EndTimeMs(), end)
			}
		}
	}
	if n := readLog(t, filepath.Join(dir, "slip.hlog")); n.TotalCount() != 2500 || n.Max() != 0 {
		t.Errorf("negative values: got %d up to %d, want all 2500 as 0", n.TotalCount(), n.Max())
	}
	if n := readLog(t, filepath.Join(dir, "service.hlog")); n.TotalCount() != 2500 || !n.ValuesAreEquivalent(n.Max(), highestNs) {
		t.Errorf("values out of range: got %d up to %d, want all 2500 up to %d", n.TotalCount(), n.Max(), highestNs)
	}
}

func TestWriteLogsNamesItsPath(t *testing.T) {
	r := newRecorder(0, time.Second, time.Second)
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.writeLogs(file, 0); err == nil {
		t.Error("a file was taken for a directory")
	}
}

func TestMergeKeepsEverything(t *testing.T) {
	a, b := newRecorder(0, 2*time.Second, time.Second), newRecorder(0, 2*time.Second, time.Second)
	for i := range int64(1000) {
		a.record(response, i*1e6, i)
		b.record(response, 1e9+i*1e6, 1e6+i)
		b.record(endToEnd, i*1e6, -1)
	}
	sum := merge([]*recorder{a, b})
	if got := sum.total(response); got.TotalCount() != 2000 || got.Min() != 0 || !got.ValuesAreEquivalent(got.Max(), 1e6+999) {
		t.Errorf("got %d values from %d to %d", got.TotalCount(), got.Min(), got.Max())
	}
	if sum.hist[response][0].TotalCount() != 1000 || sum.early != 1000 {
		t.Errorf("got %d in the first interval, %d early", sum.hist[response][0].TotalCount(), sum.early)
	}
}

func TestIntervals(t *testing.T) {
	for _, c := range []struct {
		window  time.Duration
		threads int
		want    time.Duration
	}{
		{time.Millisecond, 1, 50 * time.Millisecond},
		{2 * time.Second, 2, 100 * time.Millisecond},
		{2001 * time.Millisecond, 1, 101 * time.Millisecond},
		{19 * time.Second, 12, 950 * time.Millisecond},
		{19 * time.Second, 13, 2 * time.Second},
		{20 * time.Second, 1, time.Second},
		{240 * time.Second, 1, time.Second},
		{241 * time.Second, 1, 2 * time.Second},
		{240 * time.Second, 4, 4 * time.Second},
		{24 * time.Hour, 16, 5760 * time.Second},
	} {
		if got := intervalFor(c.window, c.threads); got != c.want {
			t.Errorf("%v on %d threads: got intervals of %v, want %v", c.window, c.threads, got, c.want)
		}
	}
}
