package telemetry

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"go.uber.org/goleak"
)

// serve starts an admin port over two threads that answer when woken.
func serve(t *testing.T) (url string, g *Registry) {
	t.Helper()
	g = NewRegistry()
	for i := range 2 {
		r := NewRecorder()
		for k := range int64(100) {
			at := time.Second.Nanoseconds()
			s := Stamps{at, at + 10, at + 30, at + 30, at + 30 + 1000*(k+1), at + 200000, at + 300000, at + 310000, at + 310000, at + 400000}
			r.Record(int16(k%2), &s)
		}
		g.AddRecorder(r, r.Poll, "shard", strconv.Itoa(i))
	}
	g.Counter("wakes_total", "Wakes of a \"sleeper\"\nand more.", "shard", `a"b\c`).Add(12345678901)
	addr, stop, err := ServeAdmin("127.0.0.1:0", g)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t)
	})
	return "http://" + addr, g
}

func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", url, r.Status, err)
	}
	return string(body)
}

// parse reads the text format strictly enough to notice a broken line.
func parse(t *testing.T, text string) map[string]float64 {
	t.Helper()
	out, typed := map[string]float64{}, map[string]string{}
	for l := bufio.NewScanner(strings.NewReader(text)); l.Scan(); {
		line := l.Text()
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			if typed[name] != "" {
				t.Errorf("%s has its TYPE twice", name)
			}
			typed[name] = kind
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		key, value, ok := cutLast(line, " ")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			t.Fatalf("line %q is no reading: %v", line, err)
		}
		if _, twice := out[key]; twice {
			t.Errorf("%s is there twice", key)
		}
		out[key] = v
		name, _, _ := strings.Cut(key, "{")
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, cut := strings.CutSuffix(name, suffix); cut && typed[base] == "histogram" {
				name = base
			}
		}
		if typed[name] == "" || typed[name] == "counter" && !strings.HasSuffix(name, "_total") || !strings.HasPrefix(name, "ceteris_") {
			t.Errorf("%s: name or TYPE %q against the rules", key, typed[name])
		}
	}
	return out
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func TestMetrics(t *testing.T) {
	url, _ := serve(t)
	m := parse(t, get(t, url+"/metrics"))
	for key, want := range map[string]float64{
		`ceteris_wakes_total{shard="a\"b\\c"}`:                                             12345678901,
		`ceteris_request_stage_seconds_count{api="produce",stage="Handoff"}`:               100,
		`ceteris_request_stage_seconds_bucket{api="fetch",stage="Receive",le="+Inf"}`:      100,
		`ceteris_request_stage_seconds_bucket{api="fetch",stage="Receive",le="1.023e-06"}`: 100,
		`ceteris_request_stage_seconds_sum{api="fetch",stage="Total"}`:                     100 * 400e-6,
		`ceteris_recorder_requests{api="fetch",recorder="1",shard="1"}`:                    50,

		`ceteris_recorders_stale`: 0,
	} {
		if got, ok := m[key]; !ok || got < want*0.999999 || got > want*1.000001 {
			t.Errorf("%s = %v (there: %v), want %v", key, got, ok, want)
		}
	}
	for _, key := range []string{
		"ceteris_go_gc_cycles_total", "ceteris_go_gc_pause_seconds_count", "ceteris_go_sched_latency_seconds_sum",
		"ceteris_go_heap_live_bytes", `ceteris_process_cpu_seconds_total{mode="user"}`,
		`ceteris_process_context_switches_total{kind="involuntary"}`,
	} {
		if _, ok := m[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	if n := len(m); n > 600 {
		t.Errorf("%d series from two idle threads", n)
	}
	if _, there := m[`ceteris_request_stage_seconds_count{api="other",stage="Total"}`]; there {
		t.Error("a class without requests is listed")
	}
}

// What /stages serves, HdrHistogram's own reader reads back: a histogram for each
// class and stage, tagged, with every request in it.
func TestStagesLog(t *testing.T) {
	url, _ := serve(t)
	reader := hdr.NewHistogramLogReader(strings.NewReader(get(t, url+"/stages")))
	got := map[string]*hdr.Histogram{}
	for {
		h, err := reader.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			break
		}
		got[h.Tag()] = h
	}
	if len(got) != 2*int(StageCount) {
		t.Errorf("%d histograms, want %d", len(got), 2*int(StageCount))
	}
	for _, tag := range []string{Tag(Produce, Handoff), Tag(Fetch, Total)} {
		if got[tag] == nil || got[tag].TotalCount() != 100 {
			t.Fatalf("%s: %+v, want 100 values", tag, got[tag])
		}
	}
	if p50 := got["fetch/Handoff"].ValueAtQuantile(50); p50 < 49000 || p50 > 52000 {
		t.Errorf("median of fetch/Handoff = %d ns, want 50000 within 2 %%", p50)
	}
}

func TestReset(t *testing.T) {
	url, g := serve(t)
	r, err := http.Post(url+"/stages/reset", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusNoContent {
		t.Errorf("reset: %s", r.Status)
	}
	if n := g.Stages().Bank.Stages[Fetch][Total].Count; n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
	if r, err = http.Get(url + "/stages/reset"); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET of the reset: %s, want 405", r.Status)
	}
}

func TestTakenPort(t *testing.T) {
	url, g := serve(t)
	addr := strings.TrimPrefix(url, "http://")
	if _, _, err := ServeAdmin(addr, g); err == nil || !strings.Contains(err.Error(), "admin port") || !strings.Contains(err.Error(), addr) {
		t.Errorf("a taken port: %v, want an error that names it", err)
	}
}

func ExampleTag() {
	fmt.Println(Tag(Produce, RequestQueue))
	// Output: produce/RequestQueue
}
