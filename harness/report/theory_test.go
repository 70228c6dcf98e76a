package report

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/result"
	"github.com/ceteris/ceteris/harness/stats"
	"github.com/ceteris/ceteris/harness/theory"
	"github.com/ceteris/ceteris/models/busywork"
)

const (
	queueShape = `loads: {kind: absolute, per_second: [250, 2200, 3000]}
workloads:
  - name: 1k
    durability: [memory]
    arrivals: poisson`
	queueModels = `[{name: tpc, model: tpc, set: {service.time.ns: 200000, service.time.law: 1}}, {name: threadpool, model: threadpool, set: {service.time.ns: 200000, service.time.law: 1}}]`
)

// queueing is a world whose brokers are queues: the response times of tpc are those
// of a simulation with 25 µs of base cost, 40 µs of delay
// and a tenth of the CPU for other threads, and those of the pool
// twice as long as that where the load is not the lowest.
func queueing() world {
	w := small(2)
	w.shape, w.models = queueShape, queueModels
	w.edit = func(text string) string { return strings.Replace(text, "consumers: 1", "consumers: 0", 1) }
	w.files = func(t testing.TB, dir string, p result.PlannedCell, c *result.CellRecord) {
		s := theory.Station{
			Service: theory.Service{BaseNs: 25e3 / 0.9, Law: busywork.Exponential, MeanNs: 200e3 / 0.9},
			PerSec:  p.LoadPerSec, Servers: 1, Shared: p.Model == "threadpool", Rounds: p.Model != "threadpool", Connections: 4, Limit: 8,
		}
		if s.Shared {
			s.Limit = 1
		} else {
			s.RoundNs = tpcRoundNs
		}
		times := 1.0
		if s.Shared && p.LoadPerSec > 250 {
			times = 2
		}
		var hists []*hdr.Histogram
		for range 20 {
			h := hdr.New(1, 60e9, 3)
			h.SetTag("produce")
			hists = append(hists, h)
		}
		n := int(p.LoadPerSec) * 20
		s.Simulate(n, rand.New(rand.NewPCG(w.seed, uint64(p.Block))), func(i int, ns float64) {
			_ = hists[i*20/n].RecordValue(int64(times * (ns + 40e3)))
		})
		writeIntervals(t, filepath.Join(dir, "response.hlog"), hists)
		// What the serving threads' CPU time is for a request: of the polling shard, a
		// tenth of a second more than its work; of the pool, handler and network threads.
		work := int64(p.LoadPerSec * 225e3 * 2)
		c.Server.WindowNs = 2e9
		names, polled := []string{"shard-0"}, int64(1e8)
		c.Server.PerThread = []host.ThreadCost{{Name: "shard-0", RunNs: work + polled, RunDelayNs: 2e7}, {Name: "ceteris", RunNs: 1e8, RunDelayNs: 5e8}}
		if s.Shared {
			names, polled = []string{"handler-0", "network-0"}, 0
			c.Server.PerThread = []host.ThreadCost{{Name: "handler-0", RunNs: work * 8 / 9}, {Name: "network-0", RunNs: work / 9, RunDelayNs: 2e7}}
		}
		// A tenth of the CPU goes to other threads.
		cpu := work + polled + 2e8
		c.Server.CPURunNs = &cpu
		var workers strings.Builder
		workers.WriteString("t_ns,worker,busy_ns,spin_ns,sleep_ns\n")
		for _, name := range names {
			workers.WriteString("0," + name + ",0,7,0\n2000000000," + name + "," + strconv.FormatInt(work, 10) + "," + strconv.FormatInt(7+polled, 10) + ",0\n")
		}
		for name, text := range map[string]string{"metrics-begin.txt": "\n", "metrics.txt": "\n", "workers.csv": workers.String()} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		said := brokerSaid{Config: map[string]string{
			"service.time.ns": "200000", "service.time.law": "1", "inflight": map[bool]string{false: "64", true: "1"}[s.Shared],
			"num.io.threads": "8", "num.network.threads": "3",
		}, Facts: map[string]string{"process.cpus": "1"}}
		if !s.Shared {
			said.Facts["shards"] = "1"
		}
		if err := result.WriteJSON(filepath.Join(dir, "broker.json"), said); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// TestTheory: what a queue does is predicted, what is twice as slow is told to be,
// and figure, table and page say so, and what is calibrated.
func TestTheory(t *testing.T) {
	dir := queueing().make(t)
	_, a := build(t, dir)
	if len(a.Theory) != 2 {
		t.Fatalf("%d arms predicted, want 2", len(a.Theory))
	}
	get := func(n stats.Number) float64 {
		t.Helper()
		v, ok := n.Get()
		if !ok {
			t.Errorf("refused: %s", n.Refusal())
		}
		return v
	}
	for _, x := range a.Theory {
		if x.Why != "" || len(x.Points) != 3 || x.Servers != 1 || x.Law != "exponential" || x.MeanNs != 200_000 {
			t.Fatalf("%+v", x)
		}
		if d := get(x.Delay); math.Abs(d-40e3) > 15e3 {
			t.Errorf("%s: delay %.0f ns, want 40,000", x.Arm, d)
		}
		want, queues, limit := 1.0, "one each, in rounds", 8
		if x.Arm == "threadpool" {
			want, queues, limit = 2, "one", 1
		}
		if x.Queues != queues || x.Limit != limit {
			t.Errorf("%s: queues %s, %d of a connection, want %s and %d", x.Arm, x.Queues, x.Limit, queues, limit)
		}
		for i, p := range x.Points {
			if base := get(p.Base); math.Abs(base-25e3) > 10 {
				t.Errorf("%s at %s: base %.0f ns, want 25,000", x.Arm, p.Load, base)
			}
			if busy, want := get(p.Busy), p.LoadPerSec*225e-6/0.9; math.Abs(busy-want) > 1e-4 {
				t.Errorf("%s at %s: busy %.4f, want %.4f", x.Arm, p.Load, busy, want)
			}
			if others := get(p.Others); math.Abs(others-0.1) > 1e-6 {
				t.Errorf("%s at %s: other threads %v, want 0.1", x.Arm, p.Load, others)
			}
			if kept := get(p.Kept); math.Abs(kept-0.01) > 1e-6 {
				t.Errorf("%s at %s: kept from a CPU %v, want 0.01", x.Arm, p.Load, kept)
			}
			if p.Calibration != (i == 0) {
				t.Errorf("%s at %s: calibration %v", x.Arm, p.Load, p.Calibration)
			}
			for _, q := range p.Both() {
				if i == 0 {
					if q.Ratio.OK() {
						t.Errorf("%s: what was calibrated on is compared", x.Arm)
					}
					continue
				}
				if got := get(q.Ratio); math.Abs(got/want-1) > 0.12 {
					t.Errorf("%s at %s: measured over predicted %.3f, want %v", x.Arm, p.Load, got, want)
				}
				if in := map[bool]int{true: q.Runs, false: 0}[want == 1]; q.Runs != 2 || q.Inside != in {
					t.Errorf("%s at %s: %d of %d runs inside, want %d of 2", x.Arm, p.Load, q.Inside, q.Runs, in)
				}
			}
		}
	}
	for file, holds := range map[string]string{
		"report.html":       `id="theory"`,
		"tables/theory.csv": "1k,memory,tpc,exponential,200000,1,\"one each, in rounds\",8,",
		"figures/theory-1k-memory-exponential-200000.csv": "threadpool,3000,",
	} {
		if b, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(b), holds) {
			t.Errorf("%s lacks %q: %v", file, holds, err)
		}
	}
	page, _ := os.ReadFile(filepath.Join(dir, "report.html"))
	for _, said := range []string{"Calibrated: the base cost", "Free: nothing"} {
		if !strings.Contains(string(page), said) {
			t.Errorf("the page does not say %q", said)
		}
	}
	if err := Verify(dir); err != nil {
		t.Errorf("a second report differs: %v", err)
	}
}

// TestTheoryRefuses: what the theory does not speak of is not predicted, and the
// reason is told.
func TestTheoryRefuses(t *testing.T) {
	busy := func(r *strings.Replacer) func(string) string {
		return func(text string) string { return r.Replace(strings.Replace(text, "consumers: 1", "consumers: 0", 1)) }
	}
	for why, change := range map[string]func(w *world){
		"served too":  func(w *world) { w.edit = nil },
		"another law": func(w *world) { w.edit = busy(strings.NewReplacer("arrivals: poisson", "arrivals: constant")) },
		"spread evenly": func(w *world) {
			w.edit = busy(strings.NewReplacer("inflight: 8", "inflight: 8\n    connection: {zipf: 1.1}"))
		},
		"busy for 55.0 % of the time": func(w *world) {
			w.edit = busy(strings.NewReplacer("[250, 2200, 3000]", "[2200, 3000]"))
		},
		"single threads": func(w *world) {
			files := w.files
			w.files = func(t testing.TB, dir string, p result.PlannedCell, c *result.CellRecord) {
				files(t, dir, p, c)
				c.Server.PerThread = nil
			}
		},
	} {
		w := queueing()
		change(&w)
		_, a := analysed(t, w.make(t))
		if len(a.Theory) != 2 {
			t.Fatalf("%q: %d arms, want 2", why, len(a.Theory))
		}
		for _, x := range a.Theory {
			if !strings.Contains(x.Why, why) || len(x.Points) > 0 {
				t.Errorf("%s: %q with %d points, want %q", x.Arm, x.Why, len(x.Points), why)
			}
		}
	}
	// Above the servers' capacity there is no quantile.
	w := queueing()
	w.edit = busy(strings.NewReplacer("3000]", "5000]"))
	_, a := analysed(t, w.make(t))
	if last := a.Theory[0].Points[2]; last.P99.Predicted.OK() || last.P99.Ratio.OK() || !strings.Contains(last.P50.Ratio.Refusal(), "queue grow") || last.P50.Runs != 0 {
		t.Errorf("at a load of 1.25: %+v", last)
	}
	if _, a := analysed(t, small(1).make(t)); a.Theory != nil {
		t.Errorf("nothing was injected, yet %+v", a.Theory)
	}
}
