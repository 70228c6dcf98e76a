package result

import (
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Metrics is one scrape of a broker: each series, its name with its labels as
// they were written, and its value.
type Metrics map[string]float64

// ParseMetrics reads Prometheus's text format as far as the brokers write it:
// one sample a line, no timestamps. What is no sample is left out.
func ParseMetrics(text []byte) Metrics {
	m := Metrics{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		// A label's value may hold spaces, the sample's value holds none.
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			continue
		}
		if v, err := strconv.ParseFloat(line[at+1:], 64); err == nil {
			m[line[:at]] = v
		}
	}
	return m
}

// Sum adds up a metric over its labels; false when there is none of that name.
func (m Metrics) Sum(name string) (sum float64, ok bool) {
	// In order, because floating-point sums depend on it and results are
	// compared byte by byte.
	var series []string
	for s := range m {
		if s == name || strings.HasPrefix(s, name+"{") {
			series = append(series, s)
		}
	}
	sort.Strings(series)
	for _, s := range series {
		sum += m[s]
	}
	return sum, len(series) > 0
}

// Where adds up the series of a metric that carry a label, given as name="value".
func (m Metrics) Where(name, label string) (sum float64, ok bool) {
	some := Metrics{}
	for s, v := range m {
		if rest, is := strings.CutPrefix(s, name+"{"); is && slices.Contains(strings.Split(strings.TrimSuffix(rest, "}"), ","), label) {
			some[s] = v
		}
	}
	return some.Sum(name)
}

// Window is a cell's metrics at both ends of the measured window. Results of
// earlier versions have none of its begin; begin is nil then.
func (c *CellRecord) Window() (begin, end Metrics, err error) {
	b, err := os.ReadFile(filepath.Join(c.Dir, "metrics-begin.txt"))
	if os.IsNotExist(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	e, err := os.ReadFile(filepath.Join(c.Dir, "metrics.txt"))
	if err != nil {
		return nil, nil, err
	}
	return ParseMetrics(b), ParseMetrics(e), nil
}

// WorkerSample is one thread's cumulative times at a moment of the measured
// window, ns.
type WorkerSample struct{ AtNs, BusyNs, SpinNs, SleepNs int64 }

// Worker is one thread of a broker that serves requests.
type Worker struct {
	Name    string
	Samples []WorkerSample
}

// workersHead is the first line of workers.csv.
const workersHead = "t_ns,worker,busy_ns,spin_ns,sleep_ns"

// Workers reads a cell's workers.csv, threads in the broker's order; nil without
// error when there is none.
func (c *CellRecord) Workers() ([]Worker, error) {
	var out []Worker
	at := map[string]int{}
	err := readCSV(filepath.Join(c.Dir, "workers.csv"), workersHead, func(f []string) (err error) {
		var v [4]int64
		for k, field := range []int{0, 2, 3, 4} {
			if v[k], err = strconv.ParseInt(f[field], 10, 64); err != nil {
				return err
			}
		}
		k, seen := at[f[1]]
		if !seen {
			k = len(out)
			at[f[1]] = k
			out = append(out, Worker{Name: f[1]})
		}
		out[k].Samples = append(out[k].Samples, WorkerSample{v[0], v[1], v[2], v[3]})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
