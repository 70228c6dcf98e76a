package experiment

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ceteris/ceteris/harness/child"
	"github.com/ceteris/ceteris/harness/load"
)

// The test binary plays both sides: with fakeMark set it is a broker or a load
// generator that keeps the contract of the real ones and does nothing. Model
// and workload names choose what goes wrong.
const fakeMark = "CETERIS_FAKE"

const (
	modelRefuses = "refuses" // ends at start with an error
	modelDies    = "dies"    // ends in the middle of the window
	modelLeaves  = "leaves"  // the same, with exit code 0
	modelDirty   = "dirty"   // exits 3 when asked to stop
	modelFills   = "fills"   // writes until its disk is full, and ends
	modelStuck   = "stuck"   // does not stop when asked to
	modelNumb    = "numb"    // no thread of it stands still
	modelSilent  = "silent"  // prints something else than a ready line, and ends

	workloadLossy = "lossy" // a record was lost
	workloadMute  = "mute"  // announces no window
	workloadKnee  = "knee"  // slow beyond 1000 requests per second
	workloadFails = "fails" // ends with an error
	workloadLate  = "late"  // requests leave late
	workloadSlow  = "slow"  // takes long enough to be interrupted
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(harnessMark); dir != "" && os.Getenv(fakeMark) == "" {
		os.Exit(fakeHarness(dir))
	}
	if os.Getenv(fakeMark) == "" {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "broker":
		os.Exit(fakeBroker(flag("--model"), flag("--data")))
	case "load":
		os.Exit(fakeLoad(flag("--spec"), flag("--out")))
	}
	os.Exit(2)
}

func flag(name string) string {
	for i, a := range os.Args[:len(os.Args)-1] {
		if a == name {
			return os.Args[i+1]
		}
	}
	return ""
}

func fakeBroker(model, data string) int {
	// A data directory that was used before is not a fresh one.
	if entries, err := os.ReadDir(data); err != nil || len(entries) > 0 {
		fmt.Fprintf(os.Stderr, "data directory %s: %v, %v\n", data, entries, err)
		return 1
	}
	if err := os.WriteFile(filepath.Join(data, "used"), nil, 0o644); err != nil {
		return 1
	}
	switch model {
	case modelRefuses:
		fmt.Fprintln(os.Stderr, "ceteris broker: no memory for you")
		return 1
	case modelSilent:
		fmt.Println("hello")
		return 0
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	scrapes := 0
	var slowed []string
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		scrapes++
		fmt.Fprintf(w, "# slowed %v\n", slowed)
		fmt.Fprintf(w, "# TYPE x counter\nceteris_go_gc_cycles_total %d\nceteris_go_heap_objects_bytes 4096\n", 10*scrapes)
	})
	mux.HandleFunc("GET /stages", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "#[stages]") })
	mux.HandleFunc("POST /inject/stall", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.URL.Query().Get("for"))
		threads := 2
		if model == modelNumb {
			threads = 0
		}
		time.Sleep(d)
		fmt.Fprintf(w, "{\"threads\":%d,\"longest_ns\":%d,\"shortest_ns\":%d}\n", threads, d, d)
	})
	mux.HandleFunc("POST /inject/slow", func(w http.ResponseWriter, r *http.Request) {
		slowed = append(slowed, r.URL.Query().Get("by"))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /workers/start", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /workers/stop", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "t_ns,worker,busy_ns,spin_ns,sleep_ns\n0,shard-0,1,2,3\n50,shard-0,11,22,33\n")
	})
	mux.HandleFunc("POST /stages/reset", func(http.ResponseWriter, *http.Request) {
		if model == modelFills {
			err := fill(filepath.Join(data, "segment"))
			fmt.Fprintln(os.Stderr, "ceteris broker: stopped on its own:", err)
			os.Exit(1)
		}
		if model == modelLeaves {
			os.Exit(0)
		}
		if model == modelDies {
			fmt.Fprintln(os.Stderr, "ceteris broker: stopped on its own: disk on fire")
			os.Exit(1)
		}
	})
	go func() { _ = http.Serve(listener, mux) }()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		asked <- syscall.SIGTERM
	}()
	line, _ := json.Marshal(child.Ready{Ready: true, Listen: "127.0.0.1:1", Admin: listener.Addr().String(), Model: model, Config: map[string]string{"service.time.ns": "3000"}, PID: os.Getpid()})
	fmt.Println(string(line))
	<-asked
	if model == modelStuck {
		select {}
	}
	if model == modelDirty {
		fmt.Fprintln(os.Stderr, "ceteris broker: stopping: a log would not close")
		return 3
	}
	return 0
}

// readAheadOf waits until the harness has read the broker's metrics, which it is to do
// before the window begins. Loads of a certificate are no cells.
func readAheadOf(out string) bool {
	if _, err := os.Stat(filepath.Join(out, "broker.json")); err != nil {
		return true
	}
	for range 1000 {
		if _, err := os.Stat(filepath.Join(out, "metrics-begin.txt")); err == nil {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

func fakeLoad(spec, out string) int {
	text, err := os.ReadFile(spec)
	if err != nil {
		return 1
	}
	var o load.Options
	if err := json.Unmarshal(text, &o); err != nil {
		return 1
	}
	if o.W.Name == workloadFails {
		fmt.Fprintln(os.Stderr, "ceteris load: no leaders")
		return 1
	}
	announce := func(event string) {
		if o.W.Name != workloadMute {
			fmt.Printf("{\"event\":%q,\"mono_ns\":%d}\n", event, load.Monotonic())
		}
	}
	announce(load.EventPlanned)
	if o.W.Name != workloadMute && !readAheadOf(out) {
		fmt.Fprintln(os.Stderr, "ceteris load: nothing was read before the window began")
		return 1
	}
	announce(load.EventStart)
	wait := 20 * time.Millisecond
	if o.W.Name == workloadSlow {
		wait = time.Minute
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	select {
	case <-asked:
		fmt.Fprintln(os.Stderr, "ceteris load: interrupted")
		return 1
	case <-time.After(wait):
	}
	announce(load.EventEnd)
	for _, kind := range []string{"response", "service", "slip"} {
		f, err := os.Create(filepath.Join(out, kind+".hlog"))
		if err != nil {
			return 1
		}
		h := hdr.New(1, 60e9, 3)
		_ = h.RecordValue(50_000) // in range by construction
		if err := hdr.NewHistogramLogWriter(f).OutputIntervalHistogram(h); err != nil {
			return 1
		}
		f.Close()
	}
	s := load.Summary{Driver: "fake", Intended: 100, Sent: 100, Acked: 100, Records: 100, AchievedRatio: 1, AchievedPerSec: 100}
	s.Response.P99Ns, s.Consumer.Consumers = 50_000, 1
	if o.W.Name == workloadKnee && o.RatePerSec > 1000 {
		s.Response.P99Ns = 50_000_000
	}
	if o.W.Name == workloadLate {
		s.Slip.P99Ns = 40_000
	}
	if o.W.Name == workloadLossy {
		s.Consumer.Lost = 1
	}
	line, _ := json.Marshal(s)
	fmt.Println(string(line))
	return 0
}
