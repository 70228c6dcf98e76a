package experiment

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/ceteris/ceteris/harness/result"
)

// guarded is a writer that the bar's ticker and the run may share with a test.
type guarded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(p)
}

func TestProgressOnATerminal(t *testing.T) {
	out := &guarded{}
	e := design(1)
	p := newProgress(Options{Out: out, Terminal: true}, e, 4, 2)
	c := &plan(e)[0]
	p.begin(c)
	rec := &result.CellRecord{}
	rec.Load.Response.P50Ns, rec.Load.Response.P99Ns, rec.CPUPerMessageNs = 1_500, 123_456, 2_500
	p.end(c, rec)
	p.close()
	got := out.b.String()
	for _, want := range []string{
		"\r\x1b[K" + strings.Repeat("█", 12) + strings.Repeat("░", 12) + " 2/4  " + c.Key(),
		"3/4  " + c.Key(), "p50 1.50 µs  p99 123 µs  2.5 CPU-µs/msg",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not contain %q", got, want)
		}
	}
	if !strings.HasSuffix(got, "left\n") {
		t.Errorf("%q: the terminal is left in the middle of a line", got)
	}
}

func TestVerdict(t *testing.T) {
	rec := &result.CellRecord{Gates: []result.Gate{
		{Name: "oracle", Detail: "1 lost"}, {Name: "slip", Advisory: true}, {Name: "answers", OK: true},
	}}
	if got := verdict(rec); !strings.Contains(got, "[INVALID oracle: 1 lost; slip]") {
		t.Errorf("%q: what failed is named, what is advisory apart from it", got)
	}
	rec.Error = "no leaders\nno stages" // joined
	if got := verdict(rec); got != "FAILED no leaders; no stages" {
		t.Errorf("%q", got)
	}
}

// TestLeft: the time left follows the plan at first and the pace afterwards.
func TestLeft(t *testing.T) {
	e := design(1)
	p := newProgress(Options{Out: &guarded{}}, e, 10, 4)
	if got, want := p.left(), 6*Estimate(e, 1, 0); got != want {
		t.Errorf("%v left before the first cell, want %v", got, want)
	}
	p.here, p.spent = 2, 4*Estimate(e, 1, 0)
	if got, want := p.left(), 12*Estimate(e, 1, 0); got != want {
		t.Errorf("%v left at half the pace, want %v", got, want)
	}
}
