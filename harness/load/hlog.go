package load

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// writeLogs writes one HdrHistogram interval log (format 1.3, V2 encoding) for
// each quantity into dir, with absolute times: startUnixNs is the wall clock at the
// start of the measured window. Beside those of the produce load lies its time-line.
func (r *recorder) writeLogs(dir string, startUnixNs int64) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("load: result directory: %w", err)
	}
	for c := range r.hist {
		name := classFile[c] + ".hlog"
		if r.class != "" {
			name = r.class + "-" + name
		}
		if r.class != "" && class(c) == endToEnd {
			continue
		}
		path := filepath.Join(dir, name)
		if err := r.writeLog(path, class(c), startUnixNs); err != nil {
			return fmt.Errorf("load: interval log: %w", err)
		}
	}
	if r.class != "" {
		return nil
	}
	return r.writeTimeline(dir)
}

func (r *recorder) writeLog(path string, c class, startUnixNs int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	b := bufio.NewWriter(f)
	w := hdr.NewHistogramLogWriter(b)
	startMs := startUnixNs / 1e6
	// The library's start line loses the milliseconds, so it is written here.
	head := fmt.Sprintf("[StartTime: %d.%03d (seconds since epoch), %s]", startMs/1000, startMs%1000,
		time.UnixMilli(startMs).UTC().Format(time.RFC3339Nano))
	if err := w.OutputLogFormatVersion(); err != nil {
		return err
	}
	for _, line := range []string{head, "[values in ns, intervals by intended time]"} {
		if err := w.OutputComment(line); err != nil {
			return err
		}
	}
	if err := w.OutputLegend(); err != nil {
		return err
	}
	for i, h := range r.hist[c] {
		tag := classTag[c]
		if r.class != "" {
			tag = r.class
		}
		h.SetTag(tag)
		h.SetStartTimeMs(startMs + int64(i)*r.intervalNs/1e6)
		h.SetEndTimeMs(startMs + min(int64(i+1)*r.intervalNs, r.endNs-r.startNs)/1e6)
		if err := w.OutputIntervalHistogram(h); err != nil {
			return err
		}
	}
	return b.Flush()
}
