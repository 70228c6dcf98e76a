package steady

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// made is n intervals of each requests whose median is level(i) ns.
func made(t *testing.T, n, each int, tag string, level func(i int) float64) []*hdr.Histogram {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var out []*hdr.Histogram
	for i := range n {
		h := hdr.New(1, 60e9, 3)
		h.SetTag(tag)
		h.SetStartTimeMs(int64(i) * 1000)
		for range each {
			if err := h.RecordValue(int64(level(i) * math.Exp(0.3*random.NormFloat64()))); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, h)
	}
	return out
}

func TestJudge(t *testing.T) {
	level := func(int) float64 { return 1e5 }
	rising := func(i int) float64 { return 1e5 * (1 + 0.03*float64(i)) }
	for _, c := range []struct {
		name string
		of   []*hdr.Histogram
		ok   bool
		says string
	}{
		{"level", made(t, 20, 500, "produce", level), true, "p50 no trend"},
		{"rising", made(t, 20, 500, "produce", rising), false, "p50 drifting: changes by a factor of 1."},
		{"two", made(t, 2, 500, "produce", rising), true, "p50 2 intervals"},
		{"empty", made(t, 20, 5, "produce", rising), true, "p50 interval 1 of 20 has 5 requests, p50 needs 6"},
	} {
		v := Judge(c.of)
		if v.OK() != c.ok || !strings.Contains(v.String(), c.says) {
			t.Errorf("%s: ok %v, %q; want %v, %q", c.name, v.OK(), &v, c.ok, c.says)
		}
	}
	if v := Judge(made(t, 20, 100, "produce", level)); !strings.Contains(v.P99.Words, "p99 needs 368") {
		t.Errorf("p99 of 100 requests: %+v", v.P99)
	}
}

func TestByTime(t *testing.T) {
	a, b := made(t, 3, 10, "produce", func(int) float64 { return 1e5 }), made(t, 3, 7, "fetch", func(int) float64 { return 1e5 })
	got, err := ByTime([]*hdr.Histogram{b[2], a[0], b[0], a[2], a[1], b[1]})
	if err != nil || len(got) != 3 {
		t.Fatalf("%d intervals, %v", len(got), err)
	}
	for i, h := range got {
		if h.TotalCount() != 17 {
			t.Errorf("interval %d has %d requests, want 17", i, h.TotalCount())
		}
	}
	if n := len(Buckets(got)); n != 3 {
		t.Errorf("%d intervals of buckets", n)
	}
}
