package load

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"go.uber.org/goleak"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/workloads"
)

// clean insists that a consumer found every record once, in order and whole.
func clean(t *testing.T, s *Summary, records int64) {
	t.Helper()
	c := s.Consumer
	if !c.Drained || c.Lost+c.Duplicated+c.Reordered+c.Corrupt+c.Errors+c.Censored != 0 || c.Records != records {
		t.Errorf("consumers: got %+v, want %d clean records", c, records)
	}
}

func TestRawEndToEnd(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, c := range []struct {
		name   string
		change func(o *Options, f *fake)
	}{
		{"poisson", func(*Options, *fake) {}},
		{"constant, busy", func(o *Options, _ *fake) { o.W.Arrivals, o.Busy = workloads.Constant, Yes }},
		{"keyed", func(o *Options, _ *fake) { o.W.Keys = workloads.Law{Kind: workloads.Zipf, Zipf: 1.1} }},
		{"log-normal sizes", func(o *Options, _ *fake) { o.W.Size = workloads.SizeLaw{MedianBytes: 300, Sigma: 1, MaxBytes: 9000} }},
		{"two topics, two leaders", func(o *Options, f *fake) { o.W.Topics, f.nodes = 2, 2 }},
		{"more leaders than connections", func(o *Options, f *fake) { o.W.Connections, f.nodes = 1, 3 }},
		{"two threads, two consumers", func(o *Options, _ *fake) { o.CPUs, o.W.Consumers, o.Busy = twoCPUs(), 2, No }},
		{"no consumers", func(o *Options, _ *fake) { o.W.Consumers = 0 }},
		{"one in flight", func(o *Options, _ *fake) { o.W.Inflight = 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			o := testOptions(f)
			o.OutDir = t.TempDir()
			c.change(&o, f)
			s := mustRun(t, o)
			want := intendedIn(t, &o)
			if s.Intended != want || s.Sent != want || s.Acked != want || s.Records != 2*want || s.Censored != 0 {
				t.Errorf("got %d intended, %d sent, %d acked, %d records, %d censored, want %d requests", s.Intended, s.Sent, s.Acked, s.Records, s.Censored, want)
			}
			if o.W.Size.Fixed() && s.PayloadBytes != 400*want {
				t.Errorf("got %d payload bytes, want %d", s.PayloadBytes, 400*want)
			}
			for name, n := range map[string]int64{"response": s.Response.Count, "service": s.Service.Count, "slip": s.Slip.Count} {
				if n != want {
					t.Errorf("%s has %d values, want %d", name, n, want)
				}
			}
			if s.Negative != 0 || s.Clamped != 0 {
				t.Errorf("%d negative and %d clamped values", s.Negative, s.Clamped)
			}
			clean(t, s, 2*f.requests()*int64(o.W.Consumers))
			if got := s.Consumer.EndToEnd.Count; o.W.Size.Fixed() && got != 2*want*int64(o.W.Consumers) {
				t.Errorf("end to end has %d values, want %d", got, 2*want*int64(o.W.Consumers))
			}
			if want := max(o.W.Connections, f.nodes); s.Connections != want {
				t.Errorf("got %d connections, want %d", s.Connections, want)
			}
			if s.StartUnixNs >= s.EndUnixNs || s.EndMonotonicNs-s.StartMonotonicNs != int64(o.Measure) {
				t.Errorf("the window is %d..%d and %d..%d", s.StartUnixNs, s.EndUnixNs, s.StartMonotonicNs, s.EndMonotonicNs)
			}
			if s.CPUNs <= 0 || s.Arrivals.N == 0 {
				t.Errorf("CPU time %d, %d arrivals", s.CPUNs, s.Arrivals.N)
			}
			f.close()
		})
	}
}

// twoCPUs are two CPUs to pin to, or one twice.
func twoCPUs() []int {
	cpus, err := host.Allowed()
	if err != nil || len(cpus) == 0 {
		return nil
	}
	return []int{cpus[0], cpus[len(cpus)-1]}
}

func TestRawClosedLoop(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.RatePerSec = 0
	o.W.Inflight = 3
	o.Warmup, o.Measure = 20*time.Millisecond, 100*time.Millisecond
	s := mustRun(t, o)
	if s.Intended == 0 || s.Acked != s.Intended || s.CapHits != 0 || s.AchievedRatio != 1 || s.OfferedPerSec != 0 {
		t.Errorf("got %d intended, %d acked, %d cap hits, ratio %g", s.Intended, s.Acked, s.CapHits, s.AchievedRatio)
	}
	if s.BacklogAtStart > int64(3*o.W.Connections) {
		t.Errorf("a backlog of %d with %d connections of 3", s.BacklogAtStart, o.W.Connections)
	}
	clean(t, s, 2*f.requests())
}

func TestRawWithoutAcknowledgements(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.W.Acks = 0
	s := mustRun(t, o)
	if want := intendedIn(t, &o); s.Acked != want || s.Response.Count != want {
		t.Errorf("got %d acked, %d response times, want %d", s.Acked, s.Response.Count, want)
	}
}

// TestBacklogAtStart: what was due before the window and has not ended by its start is
// all of it, whether the generator has come to it or not, and nothing of the window.
func TestBacklogAtStart(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"raw": func(*Options) {}, "two threads": func(o *Options) { o.W.GeneratorThreads = 2 },
		"franz": func(o *Options) { o.Driver, o.RatePerSec, o.Timeout = workloads.Franz, 500, 100*time.Millisecond },
	} {
		f := newFake(t)
		f.mute = true
		o := testOptions(f)
		o.RatePerSec, o.Warmup, o.Measure, o.Timeout, o.W.Consumers = 2e7, 10*time.Millisecond, 20*time.Millisecond, time.Millisecond, 0
		change(&o)
		g, err := workloads.NewGenerator(o.W, o.Seed, o.RatePerSec)
		if err != nil {
			t.Fatal(err)
		}
		if s, want := mustRun(t, o), g.Before(int64(o.Warmup)); s.BacklogAtStart != want {
			t.Errorf("%s: a backlog of %d at the start, want %d", name, s.BacklogAtStart, want)
		}
		f.close()
	}
}

// TestUnacknowledgedIsNotLost: without acknowledgements consumers are waited for all
// the same, and what they have not fetched when the last request is sent is not lost.
func TestUnacknowledgedIsNotLost(t *testing.T) {
	for _, driver := range []string{workloads.Raw, workloads.Franz} {
		f := newFake(t)
		o := testOptions(f)
		o.Driver, o.W.Acks, o.W.Connections, o.RatePerSec, o.Measure = driver, 0, 1, 500, 200*time.Millisecond
		f.before = func() { time.Sleep(4 * time.Millisecond) } // half as fast as the load
		s := mustRun(t, o)
		if c := s.Consumer; !c.Drained || c.Lost != 0 || c.EndToEnd.Count != s.Records || s.Records != 2*intendedIn(t, &o) {
			t.Errorf("%s: %d records sent, got %+v", driver, s.Records, c)
		}
		f.close()
	}
}

// TestRawStall injects one stall of 100 ms into a broker that serves one
// request of its one connection at a time. The broker notes when it answered
// what, so the exact response times are known: the histogram must show them. Of
// service times, which are what a closed loop sees, only one may know.
func TestRawStall(t *testing.T) {
	const stall = 100 * time.Millisecond
	f := newFake(t)
	o := testOptions(f)
	o.OutDir = t.TempDir()
	o.W.Arrivals, o.W.Connections, o.W.Inflight, o.W.Consumers = workloads.Constant, 1, 1, 0
	var once sync.Once
	var from, to int64
	f.before = func() {
		if f.requests() == 250 { // 150 ms into the measured window
			once.Do(func() {
				from = telemetry.Now()
				time.Sleep(stall)
				to = telemetry.Now()
			})
		}
	}
	monotonic, _ := clockOffsets()
	var answered []int64 // how long after its intended time each request was handled
	f.onProduce = func(_ int32, _ int, b []byte) ([]byte, int16) {
		answered = append(answered, telemetry.Now()+monotonic-intendedOf(t, b))
		return b, 0
	}
	s := mustRun(t, o)
	f.mu.Lock()
	defer f.mu.Unlock()
	answered = answered[len(answered)-int(s.Intended):]
	slices.Sort(answered)
	h := readLog(t, filepath.Join(o.OutDir, "response.hlog"))
	if h.TotalCount() != int64(len(answered)) {
		t.Fatalf("%d response times, want %d", h.TotalCount(), len(answered))
	}
	// No quantile may lie below what the broker saw; above it is the way back.
	const wayBack = 25 * time.Millisecond
	for _, q := range []float64{50, 75, 80, 85, 90, 95, 99, 100} {
		rank := max(int(q/100*float64(len(answered))+0.5), 1)
		want := answered[rank-1]
		got := h.ValueAtQuantile(q)
		if got < want-want/500-int64(time.Microsecond) || got > want+int64(wayBack) {
			t.Errorf("p%g: got %d ns, want %d and at most %v more", q, got, want, wayBack)
		}
	}
	// At 1000 a second a stall delays one request a ms, by what is left of it.
	stalled := to - from
	for _, x := range []int64{20e6, 40e6, 60e6, 80e6} {
		want := (stalled - x) / 1e6
		if got := above(h, x); got < want-2 {
			t.Errorf("%d requests waited longer than %d ms in a stall of %d ns, want at least %d", got, x/1e6, stalled, want-2)
		}
	}
	service := readLog(t, filepath.Join(o.OutDir, "service.hlog"))
	// Fifty waited as long. A busy machine may hold up a request or two of its own.
	if got := above(service, int64(stall/2)); got < 1 || got > 5 {
		t.Errorf("%d service times are above half the stall, want the one request that met it", got)
	}
	if s.CapHits < 90 {
		t.Errorf("%d requests met the cap, want those of the stall", s.CapHits)
	}
}

// intendedOf reads the stamp of a batch's first record.
func intendedOf(t *testing.T, batch []byte) int64 {
	var out int64
	if _, err := eachValue(batch, 0, func(v []byte) {
		if out == 0 {
			out = int64(binary.BigEndian.Uint64(v))
		}
	}); err != nil {
		t.Error(err)
	}
	return out
}

func above(h *hdr.Histogram, ns int64) int64 {
	n := int64(0)
	for _, b := range h.Distribution() {
		if b.From > ns {
			n += b.Count
		}
	}
	return n
}

func TestRawErrorsAreCensored(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.Timeout = 2 * time.Second
	f.onProduce = func(_ int32, n int, b []byte) ([]byte, int16) {
		if n%5 == 0 {
			return nil, 56 // KAFKA_STORAGE_ERROR
		}
		return b, 0
	}
	s := mustRun(t, o)
	if s.Failed == 0 || s.Errors["KAFKA_STORAGE_ERROR"] != s.Failed || s.Acked+s.Failed != s.Intended || s.Censored != s.Failed {
		t.Errorf("got %d failed, %d acked of %d, errors %v", s.Failed, s.Acked, s.Intended, s.Errors)
	}
	if s.Response.Count != s.Intended || s.Response.MaxNs < int64(2*time.Second) {
		t.Errorf("got %d response times up to %d ns, want %d up to the timeout", s.Response.Count, s.Response.MaxNs, s.Intended)
	}
	c := s.Consumer
	if c.Lost != 0 || c.Duplicated+c.Reordered+c.Corrupt != 0 || !c.Drained {
		t.Errorf("what was refused counts against the broker: %+v", c)
	}
}

func TestRawSilenceIsCensored(t *testing.T) {
	f := newFake(t)
	f.mute = true
	o := testOptions(f)
	o.W.Inflight = 4
	o.Timeout = 300 * time.Millisecond
	s := mustRun(t, o)
	if s.Acked != 0 || s.Outstanding+s.Unsent != s.Intended || s.Censored != s.Intended || s.Response.Count != s.Intended {
		t.Errorf("got %d acked, %d outstanding, %d unsent of %d, %d response times", s.Acked, s.Outstanding, s.Unsent, s.Intended, s.Response.Count)
	}
	if s.CapHits == 0 || s.Unsent == 0 || s.AchievedRatio != 0 {
		t.Errorf("got %d cap hits, %d unsent, ratio %g", s.CapHits, s.Unsent, s.AchievedRatio)
	}
	if s.Response.P50Ns < int64(o.Timeout) {
		t.Errorf("a median response of %d ns is below the timeout", s.Response.P50Ns)
	}
	if e := s.Consumer; e.Censored != 2*s.Intended || e.EndToEnd.Count != e.Censored || e.EndToEnd.P50Ns < int64(o.Timeout)*99/100 {
		t.Errorf("%d records were due and none came: %+v", 2*s.Intended, e)
	}
	if s.Slip.Count != s.Intended || s.Consumer.Lost != 0 {
		t.Errorf("got %d slips of %d, %d lost", s.Slip.Count, s.Intended, s.Consumer.Lost)
	}
}

// TestRawCountsWhatItNeverReached: a generator that is slower than its schedule does
// not get to all of it before it gives up. What it did not reach was due all the same.
func TestRawCountsWhatItNeverReached(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.OutDir = t.TempDir()
	o.RatePerSec, o.Warmup, o.Measure, o.Timeout = 2e7, 10*time.Millisecond, 20*time.Millisecond, time.Millisecond
	o.W.Consumers, o.W.GeneratorThreads = 0, 2
	o.W.Classes = []workloads.Class{{Name: workloads.Metadata, PerSecond: 1e7, Arrivals: workloads.Constant, Connections: 1, Inflight: 1}}
	s := mustRun(t, o)
	want := intendedIn(t, &o)
	if s.Intended != want || s.Acked+s.Censored != want || s.Response.Count != want || s.Slip.Count != want {
		t.Errorf("%d intended, %d acked, %d censored, %d response times, %d slips of %d due", s.Intended, s.Acked, s.Censored, s.Response.Count, s.Slip.Count, want)
	}
	c := s.Classes[0]
	if want := dueIn(t, &o, &o.W.Classes[0]); c.Intended != want || c.Acked+c.Censored != want || c.Response.Count != want || c.Slip.Count != want {
		t.Errorf("%d intended, %d acked, %d censored, %d response times, %d slips of %d due", c.Intended, c.Acked, c.Censored, c.Response.Count, c.Slip.Count, want)
	}
	due := int64(0)
	for _, m := range readTimeline(t, o.OutDir) {
		due += m.due
	}
	if due != want {
		t.Errorf("%d due by the time-line, want %d", due, want)
	}
}

// TestRawGivesUpUnderLoad: a broker that still answers when requests are given up has
// lost nothing of what its consumers have not fetched by then.
func TestRawGivesUpUnderLoad(t *testing.T) {
	f := newFake(t)
	f.before = func() { time.Sleep(time.Millisecond) }
	f.onFetched = func(int32) { time.Sleep(50 * time.Millisecond) } // consumers are that far behind
	o := testOptions(f)
	o.Warmup = time.Millisecond // what it leaves behind is answered at once, however slow the machine
	o.RatePerSec, o.Timeout, o.W.Connections, o.W.Inflight = 40_000, 2*time.Second, 4, 1
	o.W.Classes = []workloads.Class{{Name: workloads.Metadata, PerSecond: 1000, Arrivals: workloads.Constant, Connections: 1, Inflight: 1}}
	s := mustRun(t, o)
	if s.Acked == 0 || s.Outstanding == 0 || s.Failed != 0 || s.Acked+s.Censored != s.Intended {
		t.Fatalf("%d acknowledged, %d failed, %d outstanding of %d; want requests that are given up", s.Acked, s.Failed, s.Outstanding, s.Intended)
	}
	if c := s.Consumer; c.Lost+c.Duplicated+c.Reordered+c.Corrupt+c.Errors != 0 || !c.Drained {
		t.Errorf("consumer: %+v", c)
	}
	if len(s.Errors) != 0 {
		t.Errorf("errors %v", s.Errors)
	}
}

// TestRawOracle has a broker that forgets, repeats and damages. Reordering is the
// auditor's own test.
func TestRawOracle(t *testing.T) {
	var held []byte
	for _, c := range []struct {
		name string
		hook func(n int, b []byte) ([]byte, int16)
		want func(c *Consumer) bool
	}{
		{"loss", func(n int, b []byte) ([]byte, int16) {
			if n == 300 {
				return nil, 0
			}
			return b, 0
		}, func(c *Consumer) bool { return c.Lost == 2 && c.Duplicated+c.Reordered+c.Corrupt == 0 }},
		{"damage", func(n int, b []byte) ([]byte, int16) {
			if n == 300 {
				b[len(b)-5]++
			}
			return b, 0
		}, func(c *Consumer) bool { return c.Corrupt == 1 && c.Lost == 1 && c.Duplicated+c.Reordered == 0 }},
		{"repetition", func(n int, b []byte) ([]byte, int16) {
			if n == 300 {
				held = slices.Clone(b)
			}
			if n == 310 {
				return slices.Clone(held), 0 // in place of another batch
			}
			return b, 0
		}, func(c *Consumer) bool { return c.Duplicated == 2 && c.Lost == 2 && c.Corrupt == 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			o := testOptions(f)
			o.W.Partitions, o.W.Connections = 1, 1
			o.Timeout = time.Second
			f.onProduce = func(_ int32, n int, b []byte) ([]byte, int16) { return c.hook(n, b) }
			s := mustRun(t, o)
			if !c.want(&s.Consumer) {
				t.Errorf("got %+v", s.Consumer)
			}
		})
	}
}

func TestRawExistingTopicStartsAtItsEnd(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.Measure = 100 * time.Millisecond
	first := mustRun(t, o)
	before := f.requests()
	second := mustRun(t, o)
	if first.Intended != second.Intended {
		t.Errorf("the same seed gave %d and %d requests", first.Intended, second.Intended)
	}
	clean(t, second, 2*(f.requests()-before))
}

func TestRawBrokerEnds(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.W.Consumers = 0
	f.before = func() {
		if f.requests() == 200 {
			hangUp(f)
		}
	}
	_, err := Run(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "every connection has ended") {
		t.Errorf("got %v, want that every connection has ended", err)
	}
}

// hangUp closes every connection of the broker.
func hangUp(f *fake) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.Close()
	}
}

func TestRawStops(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.Measure = time.Hour
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	o.OnEvent = func(event string, _ int64) {
		if event == EventStart {
			cancel(why)
		}
	}
	if _, err := Run(ctx, o); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

func TestRawTellsItsWindow(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.Warmup, o.Measure = 50*time.Millisecond, 100*time.Millisecond
	var events []string
	var at []int64
	o.OnEvent = func(event string, ns int64) {
		events = append(events, event)
		at = append(at, ns)
	}
	s := mustRun(t, o)
	if !slices.Equal(events, []string{EventPlanned, EventStart, EventEnd}) {
		t.Fatalf("got events %v", events)
	}
	if at[0] != s.StartMonotonicNs || at[1] < s.StartMonotonicNs || at[2] < s.EndMonotonicNs {
		t.Errorf("the window %d..%d was told of at %v", s.StartMonotonicNs, s.EndMonotonicNs, at)
	}
}

// TestRawLeavesNoFiles counts descriptors.
func TestRawLeavesNoFiles(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.Measure = 50 * time.Millisecond
	mustRun(t, o)
	f.close()
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	f = newFake(t)
	o.Addr = f.addr()
	mustRun(t, o)
	f.close()
	if after, _ := os.ReadDir("/proc/self/fd"); len(after) > len(before) {
		t.Errorf("%d descriptors before, %d after", len(before), len(after))
	}
}

func TestRawRefusesOldBrokers(t *testing.T) {
	f := newFake(t)
	f.versions = map[int16][2]int16{0: {3, 8}, 1: {4, 12}, 3: {0, 12}, 18: {0, 3}, 19: {2, 7}}
	_, err := Run(context.Background(), testOptions(f))
	if err == nil || !strings.Contains(err.Error(), "serves Produce in versions 3 to 8, want one of 9 to 12") {
		t.Errorf("got %v", err)
	}
}
