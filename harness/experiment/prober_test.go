package experiment

import (
	"path/filepath"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/load"
	"github.com/ceteris/ceteris/harness/probe"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/workloads"
)

// TestProbeAgrees: a cell is marked where the two differ beyond the declared factor
// and what a sleeper differs anyhow, and only at percentiles that the probe carries.
func TestProbeAgrees(t *testing.T) {
	generator := load.Quantiles{P50Ns: 100_000, P99Ns: 1_000_000}
	for _, c := range []struct {
		name string
		p    *probe.Summary
		want string // gates that failed
		says string
	}{
		{"none", nil, "", ""},
		{"alike", &probe.Summary{Requests: 500, P50Ns: 180_000, P99Ns: 900_000}, "", ""},
		{"slower", &probe.Summary{Requests: 500, P50Ns: 210_000, P99Ns: 900_000}, "probe", "210µs, of the generator's requests 100µs: 2.10 times, limit 2 times or 30µs"},
		{"faster", &probe.Summary{Requests: 500, P50Ns: 40_000, P99Ns: 900_000}, "probe", "2.50 times"},
		{"tail", &probe.Summary{Requests: 368, P50Ns: 100_000, P99Ns: 2_100_000}, "probe-p99", "p99 of 368 round trips"},
		{"no tail", &probe.Summary{Requests: 367, P50Ns: 100_000, P99Ns: 2_100_000}, "", ""},
		{"few", &probe.Summary{Requests: 5, P50Ns: 100_000}, "probe", "5 round trips, want 6"},
		{"errors", &probe.Summary{Requests: 95, Failed: 5, P50Ns: 100_000}, "probe-answers", "5 of 100 requests of the probe failed"},
	} {
		a := &attempt{r: &runner{e: &workloads.Experiment{ProbeFactor: 2}}, rec: &result.CellRecord{Prober: c.p}}
		a.agrees(&load.Summary{Service: generator})
		var failed []string
		detail := ""
		for _, g := range a.rec.Gates {
			if !g.Advisory {
				t.Errorf("%s: gate %s is a verdict", c.name, g.Name)
			}
			if !g.OK {
				failed, detail = append(failed, g.Name), g.Detail
			}
		}
		if got := strings.Join(failed, " "); got != c.want || !strings.Contains(detail, c.says) {
			t.Errorf("%s: failed %q (%s), want %q with %q", c.name, got, detail, c.want, c.says)
		}
	}
	// A microsecond beside two: nobody tells them apart.
	a := &attempt{r: &runner{e: &workloads.Experiment{ProbeFactor: 2}}, rec: &result.CellRecord{Prober: &probe.Summary{Requests: 10, P50Ns: 31_000}}}
	if a.agrees(&load.Summary{Service: load.Quantiles{P50Ns: 1_001}}); !a.rec.Gates[0].OK {
		t.Errorf("%+v", a.rec.Gates)
	}
}

// TestProbeIsKept: the file is one interval that the report reads back.
func TestProbeIsKept(t *testing.T) {
	h := hdr.New(1, 60e9, 3)
	for i := range int64(100) {
		_ = h.RecordValue(1000 * (i + 1))
	}
	path := filepath.Join(t.TempDir(), "probe.hlog")
	if err := writeProbe(path, h); err != nil {
		t.Fatal(err)
	}
	all, err := result.ReadLog(path)
	if err != nil || len(all) != 1 || all[0].TotalCount() != 100 || all[0].ValueAtPercentile(50) != h.ValueAtPercentile(50) {
		t.Errorf("%d intervals, %v", len(all), err)
	}
}
