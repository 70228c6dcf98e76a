package telemetry

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

func post(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Post(url, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// A series has a sample at its begin and one at its end, and ends once.
func TestSeriesOfWorkers(t *testing.T) {
	url, g := serve(t)
	var calls atomic.Int64
	g.AddWorker("shard-0", func() Times { n := calls.Add(1); return Times{n, 10 * n, 100 * n} })
	for path, want := range map[string]int{
		"/workers/stop": http.StatusConflict, "/workers/start": http.StatusBadRequest, "/workers/start?every=1ms": http.StatusBadRequest,
	} {
		if code, body := post(t, url+path); code != want {
			t.Errorf("POST %s: %d %q, want %d", path, code, body, want)
		}
	}
	for range 2 { // the second drops the first
		if code, body := post(t, url+"/workers/start?every=1h"); code != http.StatusNoContent {
			t.Fatalf("start: %d %q", code, body)
		}
	}
	_, body := post(t, url+"/workers/stop")
	lines := strings.Split(strings.TrimSpace(body), "\n")
	if len(lines) != 3 || lines[0] != "t_ns,worker,busy_ns,spin_ns,sleep_ns" || !strings.HasSuffix(lines[2], ",shard-0,4,40,400") {
		t.Fatalf("got %q, want a header and two rows, the last of the fourth reading", body)
	}
	if code, _ := post(t, url+"/workers/stop"); code != http.StatusConflict {
		t.Errorf("stopping twice: %d, want %d", code, http.StatusConflict)
	}
	if code, _ := post(t, url+"/workers/start?every=1h"); code != http.StatusNoContent {
		t.Errorf("start: %d", code)
	} // the admin port's end is the series' end: serve looks for leaks
}

// Spans are collected with the stages, start anew with them, and are in the log
// under their names; what Collect adds is read once for each scrape.
func TestSpansAndReadings(t *testing.T) {
	url, g := serve(t)
	r := NewRecorder()
	g.AddRecorder(r, r.Poll)
	r.Span(Hop, 1500)
	r.Span(ProduceService, 70_000)
	read := 0
	g.Collect(func(to *Readings) {
		read++
		to.Counter("pairs_total", "Pairs.", 7, "from", "0", "to", "1")
		to.Gauge("room_bytes", "Room.", 8)
	})
	got := parse(t, get(t, url+"/metrics"))
	for name, want := range map[string]float64{
		`ceteris_span_seconds_count{span="mesh/Hop"}`: 1, `ceteris_span_seconds_sum{span="device/ProduceService"}`: 70e-6,
		`ceteris_pairs_total{from="0",to="1"}`: 7, `ceteris_room_bytes`: 8,
	} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	if read != 1 {
		t.Errorf("collected %d times for one scrape", read)
	}
	if log := get(t, url+"/stages"); !strings.Contains(log, "Tag=mesh/Hop,") || strings.Contains(log, "mesh/Hop,0.000,0.000,0.000,") {
		t.Errorf("the log has no mesh/Hop:\n%s", log)
	}
	post(t, url+"/stages/reset")
	if log := get(t, url+"/stages"); strings.Contains(log, "mesh/Hop") {
		t.Error("a span outlived the reset")
	}
}
