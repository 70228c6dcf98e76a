package load

import (
	"maps"
	"math"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"go.uber.org/goleak"

	"github.com/ceteris/ceteris/workloads"
)

// allClasses are all of them at some rates.
func allClasses() []workloads.Class {
	var out []workloads.Class
	for i, name := range workloads.Classes {
		c := workloads.Class{Name: name, PerSecond: float64(100 * (i + 1)), Arrivals: workloads.Poisson, Connections: 2, Inflight: 4}
		if name == workloads.Reconnect {
			c.Inflight = 1
		}
		out = append(out, c)
	}
	return out
}

// dueIn is how many requests of a class are due in the measured window.
func dueIn(t *testing.T, o *Options, c *workloads.Class) int64 {
	t.Helper()
	s, err := c.Schedule(o.Seed)
	if err != nil {
		t.Fatal(err)
	}
	return s.Before(int64(o.Warmup+o.Measure)) - s.Before(int64(o.Warmup))
}

// logged is how many values an interval log holds, all with one tag.
func logged(t *testing.T, path, tag string) int64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	n := int64(0)
	for r := hdr.NewHistogramLogReader(f); ; {
		h, err := r.NextIntervalHistogram()
		if err != nil {
			t.Fatal(err)
		}
		if h == nil {
			return n
		}
		if h.Tag() != tag {
			t.Errorf("%s: tag %q, want %q", path, h.Tag(), tag)
		}
		n += h.TotalCount()
	}
}

// TestClasses: each class is offered at its own rate beside the produce load,
// by one thread or two, to one leader or two, and has histograms of its own.
func TestClasses(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, c := range []struct {
		name   string
		change func(*Options, *fake)
	}{
		{"one thread", func(*Options, *fake) {}},
		{"three threads, two leaders", func(o *Options, f *fake) { o.W.GeneratorThreads, f.nodes = 3, 2 }},
		{"busy, a closed loop", func(o *Options, _ *fake) { o.Busy, o.RatePerSec = Yes, 0 }},
		{"idle connections", func(o *Options, _ *fake) { o.W.IdleConnections = 20 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			o := testOptions(f)
			o.W.Classes, o.OutDir = allClasses(), t.TempDir()
			c.change(&o, f)
			s := mustRun(t, o)
			clean(t, s, 2*f.requests())
			if s.Idle != o.W.IdleConnections || s.Threads != max(1, o.W.GeneratorThreads) {
				t.Errorf("%d idle connections, %d threads", s.Idle, s.Threads)
			}
			if n := logged(t, filepath.Join(o.OutDir, "response.hlog"), "produce"); n != s.Intended {
				t.Errorf("%d response times logged, want %d", n, s.Intended)
			}
			for i, got := range s.Classes {
				want := dueIn(t, &o, &o.W.Classes[i])
				if got.Class != workloads.Classes[i] || got.Intended != want || got.Acked != want || got.Sent != want || got.Censored != 0 || len(got.Errors) != 0 {
					t.Errorf("%s: got %+v, want %d", workloads.Classes[i], got, want)
				}
				if got.Response.Count != want || got.Service.Count != want || got.Slip.Count != want || got.Bytes == 0 || got.Arrivals.N != int(want)-1 {
					t.Errorf("%s: got %+v", got.Class, got)
				}
				for _, kind := range []string{"response", "service", "slip"} {
					if n := logged(t, filepath.Join(o.OutDir, got.Class+"-"+kind+".hlog"), got.Class); n != want {
						t.Errorf("%s %s: %d values logged, want %d", got.Class, kind, n, want)
					}
				}
			}
			f.close()
		})
	}
}

// TestClassesThatFail: requests on connections that the broker ends have failed,
// those that it does not answer are outstanding, and both are in the histograms
// at the timeout or above it; the produce load does not suffer.
func TestClassesThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fake)
	}{
		{workloads.Metadata, func(f *fake) { f.refuse = 3 }},
		{workloads.Metadata, func(f *fake) { f.silent = 3 }},
		{workloads.Reconnect, func(f *fake) { f.refuse = 18 }},
		{workloads.Reconnect, func(f *fake) { f.silent = 18 }},
	} {
		f := newFake(t)
		c.change(f)
		o := testOptions(f)
		o.Timeout, o.W.Consumers = 300*time.Millisecond, 0
		for _, one := range allClasses() {
			if one.Name == c.name {
				o.W.Classes = append(o.W.Classes, one)
			}
		}
		s := mustRun(t, o)
		got := s.Classes[0]
		if want := intendedIn(t, &o); s.Acked != want {
			t.Errorf("%s: %d of %d produce requests acknowledged", c.name, s.Acked, want)
		}
		want := dueIn(t, &o, &o.W.Classes[0])
		if got.Censored != want || got.Response.Count != want || got.Response.P50Ns < int64(o.Timeout)*99/100 {
			t.Errorf("%s: got %+v, want %d censored", c.name, got, want)
		}
		if refused := f.refuse != 0; refused != (got.Failed == want) || !refused && (got.Outstanding+got.Unsent != want) {
			t.Errorf("%s: %d failed, %d outstanding, %d unsent of %d", c.name, got.Failed, got.Outstanding, got.Unsent, want)
		}
		f.close()
	}
}

// TestConsumersPause: what gathers while consumers pause is drained and told.
func TestConsumersPause(t *testing.T) {
	for _, pause := range []time.Duration{200 * time.Millisecond, 700 * time.Millisecond} { // within the window, and beyond
		f := newFake(t)
		o := testOptions(f)
		o.W.ConsumersPause, o.W.Consumers = pause, 2
		s := mustRun(t, o)
		clean(t, s, 4*f.requests())
		b := s.Consumer.Backlog
		// 1000 requests of two records a second for two consumers.
		want := 4000 * min(pause, o.Measure).Seconds()
		if b == nil || b.PauseSec != pause.Seconds() || math.Abs(float64(b.Records)-want) > want/2 {
			t.Fatalf("pause of %v: got %+v, want about %.0f records", pause, b, want)
		}
		if b.DrainNs <= 0 || b.CaughtUpNs < b.DrainNs || b.Fetched < b.Records || b.Bytes <= 200*b.Records || b.Bytes > 400*b.Fetched || b.RecordsPerSec <= 0 || b.BytesPerSec <= 0 {
			t.Errorf("pause of %v: got %+v", pause, b)
		}
		f.close()
	}
}

// TestIdleConnectionsThatEnd: a crowd that the broker sends away is not there, and the
// load goes on.
func TestIdleConnectionsThatEnd(t *testing.T) {
	f := newFake(t)
	o := testOptions(f)
	o.W.IdleConnections, o.W.Consumers = 20, 0
	var once sync.Once
	f.before = func() { // all are there before the first request
		once.Do(func() {
			gone := 0
			f.mu.Lock()
			defer f.mu.Unlock()
			for c, key := range f.last {
				if key == 18 && gone < 5 { // it has asked for ApiVersions and nothing else
					gone++
					_ = c.Close()
				}
			}
		})
	}
	if s := mustRun(t, o); s.Idle != 15 || s.Acked != s.Intended {
		t.Errorf("%d idle connections told, %d of %d requests acknowledged", s.Idle, s.Acked, s.Intended)
	}
}

// TestAligned: a connection keeps to its own partitions, or several to one.
func TestAligned(t *testing.T) {
	for _, c := range []struct {
		connections, nodes int
		rate               float64
		want               int // partitions that one connection produces to
	}{{2, 1, 1000, 2}, {4, 1, 1000, 1}, {8, 1, 1000, 1}, {2, 2, 1000, 2}, {8, 2, 0, 1}} {
		f := newFake(t)
		f.nodes = c.nodes
		var mu sync.Mutex
		seen, used := map[net.Conn]map[int32]bool{}, map[int32]bool{}
		f.onProduced = func(c net.Conn, p int32) {
			mu.Lock()
			defer mu.Unlock()
			if seen[c] == nil {
				seen[c] = map[int32]bool{}
			}
			seen[c][p], used[p] = true, true
		}
		o := testOptions(f)
		o.W.Layout, o.W.Connections, o.W.Inflight, o.RatePerSec, o.W.Consumers = workloads.Aligned, c.connections, 4, c.rate, 0
		if c.rate == 0 {
			o.Measure = 50 * time.Millisecond
		}
		s := mustRun(t, o)
		f.close()
		if s.Acked != s.Intended || len(seen) != c.connections || len(used) != o.W.Partitions {
			t.Errorf("%+v: %d of %d acknowledged, %d connections, %d partitions", c, s.Acked, s.Intended, len(seen), len(used))
		}
		for _, parts := range seen {
			if len(parts) != c.want {
				t.Errorf("%+v: a connection produced to %d partitions", c, len(parts))
			}
		}
	}
}

// TestFetchesReachEveryLeader: partitions are drawn alike by however many brokers they
// are led, and the same ones in the same order.
func TestFetchesReachEveryLeader(t *testing.T) {
	for _, name := range []string{workloads.TailFetch, workloads.CatchUpFetch} {
		var alone map[int32]int
		for _, nodes := range []int{1, 2, 3, 4} {
			f := newFake(t)
			f.nodes = nodes
			var mu sync.Mutex
			seen := map[int32]int{}
			f.onFetched = func(p int32) {
				mu.Lock()
				defer mu.Unlock()
				seen[p]++
			}
			o := testOptions(f)
			o.W.Consumers, o.W.Classes = 0, []workloads.Class{{Name: name, PerSecond: 1000, Arrivals: workloads.Constant, Connections: 1, Inflight: 16}}
			s := mustRun(t, o)
			f.close()
			if c := s.Classes[0]; c.Acked != c.Intended || len(seen) != 4 {
				t.Errorf("%s, %d leaders: %d of %d answered, by partition %v", name, nodes, c.Acked, c.Intended, seen)
			}
			if alone == nil {
				alone = seen
			}
			if !maps.Equal(seen, alone) {
				t.Errorf("%s: %d leaders get fetches of %v, one of %v", name, nodes, seen, alone)
			}
		}
	}
}

// TestTurnsOfAClosedLoop: where partitions are taken in turn, every connection goes
// through all that it carries, however many threads there are.
func TestTurnsOfAClosedLoop(t *testing.T) {
	for _, c := range []struct {
		layout               string
		connections, threads int
		want                 int // partitions that one connection produces to
	}{{workloads.Mixed, 4, 1, 4}, {workloads.Mixed, 4, 2, 4}, {workloads.Mixed, 4, 4, 4}, {workloads.Aligned, 2, 1, 2}, {workloads.Aligned, 2, 2, 2}} {
		f := newFake(t)
		var mu sync.Mutex
		seen := map[net.Conn]map[int32]int{}
		f.onProduced = func(c net.Conn, p int32) {
			mu.Lock()
			defer mu.Unlock()
			if seen[c] == nil {
				seen[c] = map[int32]int{}
			}
			seen[c][p]++
		}
		o := testOptions(f)
		o.W.Keys, o.W.Layout, o.W.Connections, o.W.GeneratorThreads = workloads.Law{Kind: workloads.RoundRobin}, c.layout, c.connections, c.threads
		o.RatePerSec, o.W.Inflight, o.W.Consumers, o.Measure = 0, 1, 0, 50*time.Millisecond
		mustRun(t, o)
		f.close()
		for _, parts := range seen {
			least, most := int(^uint(0)>>1), 0
			for _, n := range parts {
				least, most = min(least, n), max(most, n)
			}
			if len(parts) != c.want || most-least > 1 {
				t.Errorf("%+v: a connection's requests went to partitions as %v", c, parts)
			}
		}
	}
}

// TestDropLate: what finds its connection full is not sent but censored.
func TestDropLate(t *testing.T) {
	f := newFake(t)
	f.before = func() { time.Sleep(5 * time.Millisecond) } // 200 a second at most
	o := testOptions(f)
	o.W.Late, o.W.Connections, o.W.Inflight, o.W.Arrivals = workloads.DropLate, 1, 1, workloads.Constant
	s := mustRun(t, o)
	if s.CapHits == 0 || s.Unsent != s.CapHits || s.Censored != s.Unsent || s.Acked != s.Sent || s.Acked+s.Censored != s.Intended {
		t.Errorf("got %+v", s)
	}
	if s.Response.Count != s.Intended || s.Response.MaxNs < int64(o.Timeout)*99/100 || s.AchievedRatio > 0.9 {
		t.Errorf("got %+v", s)
	}
	e := &s.Consumer
	if e.EndToEnd.Count != 2*s.Intended || e.Censored != 2*s.Unsent || e.EndToEnd.P99Ns < int64(o.Timeout)*99/100 {
		t.Errorf("end to end, of %d records of which %d were never sent: got %+v", 2*s.Intended, 2*s.Unsent, e)
	}
	e.Censored = 0
	clean(t, s, 2*f.requests())
}

// TestFranzRefuses: the client library gets no workload that it would offer
// otherwise than asked.
func TestFranzRefuses(t *testing.T) {
	for _, change := range []func(*workloads.Workload){
		func(w *workloads.Workload) { w.Classes = allClasses() },
		func(w *workloads.Workload) { w.Layout = workloads.Aligned },
		func(w *workloads.Workload) { w.Late = workloads.DropLate },
		func(w *workloads.Workload) { w.GeneratorThreads = 2 },
		func(w *workloads.Workload) { w.ConsumersPause = time.Second },
		func(w *workloads.Workload) { w.IdleConnections = 1 },
	} {
		o := Options{Addr: "x", W: testWorkload(), RatePerSec: 1, Measure: time.Second, Driver: workloads.Franz}
		change(o.W)
		if err := o.check(); err == nil {
			t.Errorf("%+v is taken", o.W)
		}
		o.Driver = workloads.Raw
		if err := o.check(); err != nil {
			t.Errorf("raw: %v", err)
		}
	}
}
