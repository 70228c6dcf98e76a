package load

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/workloads"
)

// readRequests reads a log of requests: each line by the names of its fields.
func readRequests(t *testing.T, dir string) (rows []map[string]string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, RequestsFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = l[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// recorded merges the intervals of a written histogram log.
func recorded(t *testing.T, path string) *hdr.Histogram {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum := hdr.New(lowestNs, highestNs, significantDigit)
	for r := hdr.NewHistogramLogReader(f); ; {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return sum
		}
		mergeInto(sum, h)
	}
}

// TestRequestLog: histograms computed from a full log are the recorded ones, of
// every class, whatever became of the requests.
func TestRequestLog(t *testing.T) {
	refuse := func(_ int32, n int, b []byte) ([]byte, int16) {
		if n%5 == 0 {
			return nil, 87 // INVALID_RECORD
		}
		return b, 0
	}
	for name, change := range map[string]func(o *Options, f *fake){
		"clean":       func(*Options, *fake) {},
		"two threads": func(o *Options, _ *fake) { o.W.GeneratorThreads = 2 },
		"closed loop": func(o *Options, _ *fake) { o.RatePerSec, o.W.GeneratorThreads = 0, 2 },
		"refused":     func(_ *Options, f *fake) { f.onProduce = refuse },
		"silent": func(o *Options, f *fake) {
			f.mute, o.Timeout, o.W.Inflight, o.W.Consumers = true, 100*time.Millisecond, 2, 0
		},
		"dropped": func(o *Options, f *fake) {
			f.mute, o.Timeout, o.W.Inflight, o.W.Consumers, o.W.Late = true, 100*time.Millisecond, 2, 0, workloads.DropLate
		},
		"classes":        func(o *Options, _ *fake) { o.W.Classes = allClasses() },
		"franz":          func(o *Options, _ *fake) { o.Driver, o.RatePerSec = workloads.Franz, 500 },
		"franz, refused": func(o *Options, f *fake) { o.Driver, o.RatePerSec, f.onProduce = workloads.Franz, 500, refuse },
		"franz, silent": func(o *Options, f *fake) {
			o.Driver, o.RatePerSec, f.mute, o.Timeout, o.W.Consumers = workloads.Franz, 500, true, 200*time.Millisecond, 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			o := testOptions(f)
			o.OutDir, o.W.RequestLog = t.TempDir(), 1
			change(&o, f)
			s := mustRun(t, o)
			all := s.Intended
			for _, c := range s.Classes {
				all += c.Intended
			}
			rows := readRequests(t, o.OutDir)
			if int64(len(rows)) != all || s.Logged != all || s.LogLost != 0 || all == 0 {
				t.Fatalf("%d lines, %d logged, %d lost, %d requests", len(rows), s.Logged, s.LogLost, all)
			}
			got, outcomes := map[string]*hdr.Histogram{}, map[string]int64{}
			for _, row := range rows {
				if row["class"] == "produce" {
					outcomes[row["outcome"]]++
				}
				for _, kind := range []string{"response", "service", "slip"} {
					file := kind + ".hlog"
					if row["class"] != "produce" {
						file = row["class"] + "-" + file
					}
					if got[file] == nil {
						got[file] = hdr.New(lowestNs, highestNs, significantDigit)
					}
					if row[kind+"_ns"] == "" {
						continue
					}
					v, err := strconv.ParseInt(row[kind+"_ns"], 10, 64)
					if err == nil {
						err = got[file].RecordValue(min(max(v, 0), highestNs))
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				check(t, row, int64(o.Measure))
			}
			if outcomes[outcomeOK] != s.Acked || outcomes[outcomeOutstanding] != s.Outstanding || outcomes[outcomeUnsent] != s.Unsent ||
				outcomes["INVALID_RECORD"] != s.Errors["INVALID_RECORD"] {
				t.Errorf("outcomes %v, counted %+v", outcomes, s)
			}
			for file, h := range got {
				if want := recorded(t, filepath.Join(o.OutDir, file)); !h.Equals(want) {
					t.Errorf("%s: %d values in the log, %d recorded; they differ", file, h.TotalCount(), want.TotalCount())
				}
			}
		})
	}
}

// check holds the fields of a line against each other.
func check(t *testing.T, row map[string]string, windowNs int64) {
	t.Helper()
	n := func(name string) int64 {
		v, err := strconv.ParseInt(row[name], 10, 64)
		if err != nil {
			t.Fatalf("%v: %v", row, err)
		}
		return v
	}
	if at := n("intended_ns"); at < 0 || at >= windowNs {
		t.Errorf("%v: not in the window", row)
	}
	if row["outcome"] == outcomeOK && (n("answered_ns") != n("intended_ns")+n("response_ns") || n("answered_ns") != n("sent_ns")+n("service_ns")) ||
		row["outcome"] != outcomeOK && row["answered_ns"] != "" {
		t.Errorf("%v: does not add up", row)
	}
}

// TestRequestLogIsASample: every third request is logged, the same ones in every run
// of a seed, and none by default.
func TestRequestLogIsASample(t *testing.T) {
	sample := func(every int) (index []string) {
		f := newFake(t)
		o := testOptions(f)
		o.OutDir, o.W.RequestLog, o.W.GeneratorThreads = t.TempDir(), every, 2
		s := mustRun(t, o)
		if every == 0 {
			if _, err := os.Stat(filepath.Join(o.OutDir, RequestsFile)); !os.IsNotExist(err) || s.Logged != 0 {
				t.Errorf("nobody asked for a log: %v, %d logged", err, s.Logged)
			}
			return nil
		}
		for _, row := range readRequests(t, o.OutDir) {
			index = append(index, row["index"])
		}
		if n := int64(len(index)); n < s.Intended/3 || n > s.Intended/3+1 {
			t.Errorf("%d of %d requests", n, s.Intended)
		}
		return index
	}
	sample(0)
	if a, b := fmt.Sprint(sample(3)), fmt.Sprint(sample(3)); a != b {
		t.Errorf("two runs of one seed log different requests:\n%s\n%s", a, b)
	}
}

// TestKeepingDoesNotAllocate: neither a request that is kept nor one that there is
// no room for.
func TestKeepingDoesNotAllocate(t *testing.T) {
	l := &requestLog{every: 2, stride: 1, kept: make([]settled, 0, 100)}
	q := waiting{}
	if n := testing.AllocsPerRun(1000, func() {
		l.keep(&q, 1, 2, 3, 4, outcomeOK)
		q.index++
	}); n != 0 {
		t.Errorf("%g allocations a request", n)
	}
	if len(l.kept) != 100 || l.lost == 0 {
		t.Errorf("%d kept, %d lost", len(l.kept), l.lost)
	}
}
