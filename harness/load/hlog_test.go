package load

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
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

// goldenRecorder holds the values of testdata/golden.hlog: an exponential-looking
// spread over two intervals and the ends of the range.
func goldenRecorder() *recorder {
	r := newRecorder(0, 2*time.Second, time.Second)
	for i := range int64(2000) {
		r.record(response, i*int64(time.Millisecond), 1000+i*i*37)
	}
	r.record(response, 0, 0)
	r.record(response, 0, highestNs)
	return r
}

// TestGoldenLog: a log is byte for byte what HdrHistogram's own Java tools 2.2.2
// were seen to read, and they write the same histograms: java.hlog is what
// HistogramLogWriter makes of the same values. Deflated bytes are compared
// inflated, since their form is the deflater's business.
func TestGoldenLog(t *testing.T) {
	dir := t.TempDir()
	if err := goldenRecorder().writeLogs(dir, 1_790_000_000_123_456_789); err != nil {
		t.Fatal(err)
	}
	got, want := logLines(t, filepath.Join(dir, "response.hlog")), logLines(t, "testdata/golden.hlog")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log has changed (-want +got):\n%s", diff)
	}
	java := intervals(t, "testdata/java.hlog")
	if len(java) != 2 {
		t.Fatalf("java.hlog has %d intervals, want 2", len(java))
	}
	for i, h := range intervals(t, filepath.Join(dir, "response.hlog")) {
		if !h.Equals(java[i]) || h.Tag() != java[i].Tag() || h.StartTimeMs() != java[i].StartTimeMs() || h.EndTimeMs() != java[i].EndTimeMs() {
			t.Errorf("interval %d is not what Java wrote: %d values up to %d, %d up to %d", i, h.TotalCount(), h.Max(), java[i].TotalCount(), java[i].Max())
		}
	}
}

// logLines are a log's lines, of intervals with the histogram inflated, in hex.
func logLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		at := strings.LastIndexByte(line, ',')
		packed, err := base64.StdEncoding.DecodeString(line[at+1:])
		if !strings.HasPrefix(line, "Tag=") {
			out = append(out, line)
			continue
		}
		if err != nil || len(packed) < 8 {
			t.Fatalf("%s: %q is no histogram: %v", path, line[at+1:], err)
		}
		z, err := zlib.NewReader(bytes.NewReader(packed[8:])) // behind the cookie and the length
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, line[:at+1]+hex.EncodeToString(packed[:4])+" "+hex.EncodeToString(plain))
	}
	return out
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
