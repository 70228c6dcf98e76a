package workloads

import (
	"bufio"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// readTraces reads every trace that a workload or one of its classes names; their
// files are named from where the experiment's file is.
func (e *Experiment) readTraces(dir string) error {
	for _, w := range e.Workloads {
		if err := w.Shape.readTrace(dir); err != nil {
			return fmt.Errorf("workload %s: %w", w.Name, err)
		}
		for _, c := range w.Classes {
			if err := c.Shape.readTrace(dir); err != nil {
				return fmt.Errorf("workload %s: class %s: %w", w.Name, c.Name, err)
			}
		}
	}
	return nil
}

// Traces are those that a workload and its classes repeat, in order.
func (w *Workload) Traces() (out []*TraceShape) {
	if w.Shape.Trace != nil {
		out = append(out, w.Shape.Trace)
	}
	for i := range w.Classes {
		if t := w.Classes[i].Shape.Trace; t != nil {
			out = append(out, t)
		}
	}
	return out
}

// readTrace reads the trace of a shape that has one; workloads of one family
// share theirs.
func (s *Shape) readTrace(dir string) error {
	if s.Trace == nil || s.Trace.TimesNs != nil {
		return nil
	}
	path := s.Trace.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	var err error
	s.Trace.TimesNs, err = ReadTrace(path)
	return err
}

// ReadTrace reads a trace of arrivals: a time in seconds a line, from wherever
// it counts, none before the one above it; at most 100,000. Empty lines and what
// follows a # are left out. The times returned are ns after the first.
func ReadTrace(path string) ([]int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	defer func() { _ = f.Close() }()
	var times []int64
	var first, last int64
	in := bufio.NewScanner(f)
	for line := 1; in.Scan(); line++ {
		text, _, _ := strings.Cut(in.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		at, err := nanoseconds(text)
		if err != nil {
			return nil, fmt.Errorf("trace %s:%d: %w", path, line, err)
		}
		if len(times) == 0 {
			first = at
		} else if at < last {
			return nil, fmt.Errorf("trace %s:%d: %s s is before the line above", path, line, text)
		}
		if len(times) == maxTrace {
			return nil, fmt.Errorf("trace %s:%d: more than %d arrivals", path, line, maxTrace)
		}
		times, last = append(times, at-first), at
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("trace %s: %w", path, err)
	}
	if len(times) < 2 || last == first {
		return nil, fmt.Errorf("trace %s: %d arrivals over %d ns have no rate: at least two at different times are needed", path, len(times), last-first)
	}
	return times, nil
}

// nanoseconds reads seconds with up to nine decimals, exactly.
func nanoseconds(text string) (int64, error) {
	whole, part, _ := strings.Cut(text, ".")
	part += strings.Repeat("0", max(0, 9-len(part)))
	s, err := strconv.ParseUint(whole, 10, 63)
	ns, err2 := strconv.ParseUint(part[:9], 10, 63)
	if err != nil || err2 != nil || s > 1<<32 || strings.Trim(part[9:], "0123456789") != "" {
		return 0, fmt.Errorf("%q is not a time in seconds such as 12.000345", text)
	}
	return int64(s*1e9 + ns), nil
}

// recorded is a trace as a process of mean gap 1: it begins anew one mean gap
// after its end.
type recorded struct {
	timesNs []int64
	cycleNs int64
}

func (t *TraceShape) recorded() *recorded {
	n := int64(len(t.TimesNs))
	if n < 2 {
		return nil
	}
	span := t.TimesNs[n-1]
	return &recorded{t.TimesNs, span + span/(n-1)}
}

// sum is the time of event i in units of 2^-gapBits mean gaps.
func (r *recorded) sum(i int64) sum {
	n := int64(len(r.timesNs))
	if i/n >= (1<<63-1)/r.cycleNs-1 {
		panic("workloads: schedule: time beyond 2^63 ns")
	}
	x := uint64(i/n*r.cycleNs + r.timesNs[i%n])
	// Below 2^63 · 2^17 · 2^gapBits: 124 bits.
	hi, lo := bits.Mul64(x, uint64(n))
	hi, lo = hi<<gapBits|lo>>(64-gapBits), lo<<gapBits
	cycle := uint64(r.cycleNs)
	low, _ := bits.Div64(hi%cycle, lo, cycle)
	return sum{hi / cycle, low}
}
