//go:build linux

package reactor

import (
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reports gathers what a watchdog says.
type reports struct {
	mu  sync.Mutex
	all []Report
	n   atomic.Int32
}

func (rs *reports) add(r *Report) {
	rs.mu.Lock()
	rs.all = append(rs.all, *r)
	rs.mu.Unlock()
	rs.n.Add(1)
}

func (rs *reports) first() Report {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.all) == 0 {
		return Report{}
	}
	return rs.all[0]
}

func (rs *reports) describe() string { r := rs.first(); return r.String() }

// watching starts a reactor under watch.
func watching(t testing.TB, o Options, thresholdNs int64) (*rig, *Watchdog, *reports) {
	g, rs := start(t, o, nil), &reports{}
	w, err := Watch(WatchOptions{ThresholdNs: thresholdNs, Report: rs.add}, g.r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return g, w, rs
}

func threadCPU() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return ts.Nano()
}

// injectStall keeps the processor for at least ns of CPU time, and until
// the condition holds or far too much time has gone. It is the injector: reports
// have to name it.
//
//go:noinline
func injectStall(ns int64, until func() bool) {
	for began := threadCPU(); threadCPU()-began < ns || (!until() && threadCPU()-began < 20e9); {
	}
}

// TestStallIsReported by the name of the function that stalls.
func TestStallIsReported(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g, w, rs := watching(t, Options{Backend: backend, Name: "seven"}, DefaultStallNs)
		bystander := start(t, Options{Backend: backend, Name: "eight"}, nil)
		bystander.on(func() {})
		// The watchdog itself may not run for a while on a busy machine; the stall
		// is not over before it has had its turn.
		g.on(func() { injectStall(30*ms, func() bool { return rs.n.Load() > 0 }) })
		r := rs.first()
		if r.Shard != "seven" || r.RanNs < 25*ms || r.BlockedNs > r.RanNs || !strings.Contains(r.Stack, "injectStall") {
			t.Errorf("report: %s", r.String())
		}
		if strings.Contains(r.Stack, "goexit") || !strings.Contains(r.Stack, "(*Reactor).round") {
			t.Errorf("the stack is not that of the loop alone:\n%s", r.Stack)
		}
		eventually(t, "the end of the stall", func() bool { c := w.Counters(0); return c.Lengths.Total() == 1 })
		if c := w.Counters(0); c.Stalls != 1 || c.Lengths.SumNs < 25*ms {
			t.Errorf("counters %+v", c)
		}
		g.on(func() {})
		if o := g.r.Overruns(); o.Tasks.Total() < 1 || o.Rounds.Total() < 1 || o.Tasks.SumNs < 30*ms {
			t.Errorf("overruns %+v: the second tier has not seen the task", o)
		}
	})
}

// TestStallReportsDouble: the longer it lasts the rarer the reports, and no more
// than a few.
func TestStallReportsDouble(t *testing.T) {
	g, w, rs := watching(t, Options{Backend: BackendEpoll}, 2*ms)
	g.on(func() {
		injectStall(200*ms, func() bool { return rs.n.Load() == reportsPerMinute && w.Counters(0).Suppressed > 0 })
	})
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for i, r := range rs.all {
		if want := 2 * ms << i; r.RanNs+r.BlockedNs < want {
			t.Errorf("report %d after %d ns, want at least %d", i, r.RanNs+r.BlockedNs, want)
		}
	}
	if c := w.Counters(0); c.Stalls != 1 || len(rs.all) != reportsPerMinute || c.Suppressed == 0 {
		t.Errorf("%d reports, counters %+v: want one stall, %d reports, some suppressed", len(rs.all), c, reportsPerMinute)
	}
}

// TestSleepIsNoStall: a reactor with nothing to do is asleep for as long as it takes.
func TestSleepIsNoStall(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g, w, rs := watching(t, Options{Backend: backend}, minStallNs)
		eventually(t, "sleep", g.r.Sleeping)
		time.Sleep(60 * time.Millisecond) // many looks, at a threshold of 1 ms
		if rs.n.Load() != 0 || w.Counters(0).Stalls != 0 {
			t.Errorf("an idle reactor was reported: %+v\n%s", w.Counters(0), rs.describe())
		}
	})
}

// TestDescheduledIsNoStall: a thread of the lowest class on a processor that
// another one keeps busy gets next to no time. Its rounds last long and are not
// its fault.
func TestDescheduledIsNoStall(t *testing.T) {
	g, w, rs := watching(t, Options{Backend: BackendEpoll}, 20*ms)
	var before, only unix.CPUSet
	g.on(func() {
		if err := unix.SchedGetaffinity(0, &before); err != nil {
			t.Fatal(err)
		}
		only.Set(firstCPU(&before))
		schedule(t, &only, unix.SCHED_IDLE)
	})
	defer g.on(func() { schedule(t, &before, unix.SCHED_NORMAL) }) // the thread serves other tests
	var quit atomic.Bool
	burner := make(chan struct{})
	go func() {
		defer close(burner)
		runtime.LockOSThread() // and never unlocked: the pinned thread ends here
		schedule(t, &only, unix.SCHED_NORMAL)
		for !quit.Load() {
		}
	}()
	// The task uses 10 ms of CPU time, half the threshold, and that takes it long.
	done := make(chan struct{})
	g.r.Post(Func(func() {
		for began := threadCPU(); threadCPU()-began < 10*ms; {
		}
		close(done)
	}))
	eventually(t, "to be descheduled", func() bool {
		select {
		case <-done:
			return true
		default:
			return w.Counters(0).DescheduledNs > 60*ms
		}
	})
	quit.Store(true)
	<-burner
	within(t, done, "task")
	t.Logf("descheduled for %.1f ms", float64(w.Counters(0).DescheduledNs)/1e6)
	if rs.n.Load() != 0 || w.Counters(0).Stalls != 0 {
		t.Errorf("a descheduled reactor was reported: %s", rs.describe())
	}
}

// schedule moves the calling thread to processors and a class.
func schedule(t *testing.T, cpus *unix.CPUSet, policy uint32) {
	if err := unix.SchedSetaffinity(0, cpus); err != nil {
		t.Errorf("affinity: %v", err)
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy}, 0); err != nil {
		t.Errorf("scheduling class %d: %v", policy, err)
	}
}

func firstCPU(set *unix.CPUSet) int {
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			return i
		}
	}
	return 0
}

// rawPoll waits for the descriptor without telling the Go scheduler. Not inlined:
// after a signal its entry is where Go can stop the goroutine.
//
//go:noinline
func rawPoll(p *unix.PollFd) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(p)), 1, 0, 0, 0, 0)
	return e
}

// TestBlockedInTheKernel: a raw system call in a task is a stall though it uses
// no CPU time; it is told by its number, because stopping the world would have
// to wait for it.
func TestBlockedInTheKernel(t *testing.T) {
	g, _, rs := watching(t, Options{Backend: BackendEpoll}, 5*ms)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	done := make(chan struct{})
	g.r.Post(Func(func() {
		fd := unix.PollFd{Fd: int32(pipe[0]), Events: unix.POLLIN}
		for rawPoll(&fd) == unix.EINTR {
		}
		close(done)
	}))
	eventually(t, "report", func() bool { return rs.n.Load() > 0 })
	if _, err := unix.Write(pipe[1], []byte{1}); err != nil {
		t.Fatal(err)
	}
	within(t, done, "task")
	r := rs.first()
	// A signal may just have brought the thread back into Go; then it has a stack.
	if r.BlockedNs < r.RanNs || !strings.Contains(r.Stack, "system call") && !strings.Contains(r.Stack, "rawPoll") {
		t.Errorf("report: %s", r.String())
	}
}

// TestWatchdogLifetime: reactors that run not yet or no longer are left alone.
func TestWatchdogLifetime(t *testing.T) {
	r, err := New(Options{CPU: -1, Backend: BackendEpoll})
	if err != nil {
		t.Fatal(err)
	}
	w, err := Watch(WatchOptions{ThresholdNs: minStallNs}, r)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(&rig{}) }()
	eventually(t, "rounds", func() bool { return r.Heartbeat() > 0 })
	r.Stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	time.Sleep(5 * time.Millisecond)
	w.Stop()
	w.Stop()
	if _, err := Watch(WatchOptions{ThresholdNs: 5}); err == nil {
		t.Error("a threshold of 5 ns was accepted")
	}
}

// TestThresholdOverHTTP reads, sets and refuses.
func TestThresholdOverHTTP(t *testing.T) {
	w, err := Watch(WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	srv := httptest.NewServer(w)
	defer srv.Close()
	for _, c := range []struct {
		method, query string
		code          int
		after         int64
	}{
		{"GET", "", 200, 25 * ms},
		{"POST", "threshold=40ms", 200, 40 * ms},
		{"PUT", "threshold=0", 200, 0},
		{"PUT", "threshold=1us", 400, 0},
		{"POST", "threshold=fast", 400, 0},
		{"POST", "", 400, 0},
		{"DELETE", "", 405, 0},
		{"POST", "threshold=" + url.QueryEscape("25ms"), 200, 25 * ms},
	} {
		req, _ := http.NewRequest(c.method, srv.URL+"/?"+c.query, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.code || w.ThresholdNs() != c.after {
			t.Errorf("%s %q: status %d, threshold %d, want %d, %d", c.method, c.query, resp.StatusCode, w.ThresholdNs(), c.code, c.after)
		}
	}
}

// TestPickStack finds the one record among those that carry the same labels.
func TestPickStack(t *testing.T) {
	const profile = "goroutine profile: total 3\n" +
		"1 @ 0x1 0x2\n# labels: {\"reactor\":\"7\", \"shard\":\"0\"}\n#\t0x1\tmain.worker+0x1\t/a/w.go:3\n\n" +
		"1 @ 0x1 0x2\n# labels: {\"reactor\":\"17\", \"shard\":\"0\"}\n#\t0x1\tother+0x1\t/a/o.go:3\n#\t0x2\tx/tpc/reactor.(*Reactor).Run+0x9\t/a/r.go:1\n\n" +
		"1 @ 0x1 0x2\n# labels: {\"reactor\":\"7\", \"shard\":\"0\"}\n#\t0x1\tmain.slow+0x1\t/a/s.go:3\n#\t0x2\tx/tpc/reactor.(*Reactor).Run+0x9\t/a/r.go:1\n#\t0x3\tmain.up+0x9\t/a/u.go:1\n"
	if got := pickStack(profile, "7"); got != "\tmain.slow+0x1 /a/s.go:3\n\tx/tpc/reactor.(*Reactor).Run+0x9 /a/r.go:1\n" {
		t.Errorf("got %q", got)
	}
	if got := pickStack(profile, "8"); got != "" {
		t.Errorf("an unknown reactor has the stack %q", got)
	}
}

// TestLookingAllocatesNothing: a watchdog that fed the collector would cause
// what it watches for.
func TestLookingAllocatesNothing(t *testing.T) {
	g := start(t, Options{Backend: BackendEpoll}, nil)
	g.on(func() {})
	w := &Watchdog{watched: []*watched{{r: g.r}}}
	w.thresholdNs.Store(DefaultStallNs)
	p := newPauses()
	if n := testing.AllocsPerRun(200, func() { w.look(p.totalNs()) }); n >= 1 {
		t.Errorf("a look allocates %v times", n)
	}
	w.watched[0].probe.close()
}

// TestProbe: CPU time passes as the thread says itself, and its state shows.
func TestProbe(t *testing.T) {
	g := start(t, Options{Backend: BackendEpoll}, nil)
	var tid int32
	var before, after int64
	g.on(func() { tid, before = threadID(), threadCPU() })
	var p threadProbe
	defer p.close()
	var s sample
	eventually(t, "a sleeping thread", func() bool { s = sample{}; return p.open(tid) && p.read(&s) && s.waiting })
	g.on(func() { after = threadCPU() })
	if s.cpuNs < before || s.cpuNs > after || s.queuedNs < 0 {
		t.Errorf("CPU time %d, want between %d and %d; queued %d", s.cpuNs, before, after, s.queuedNs)
	}
	if p.open(1<<22-2) && p.read(&s) {
		t.Error("a thread that is not there was read")
	}
}

// BenchmarkStack is what taking the stack of one busy reactor costs the watchdog,
// by how many other goroutines there are.
func BenchmarkStack(b *testing.B) {
	for _, others := range []int{10, 100, 1000} {
		b.Run(strconv.Itoa(others), func(b *testing.B) {
			g := start(b, Options{Backend: BackendEpoll, SpinNs: math.MaxInt64}, nil)
			quit := make(chan struct{})
			defer close(quit)
			for range others {
				go func() { <-quit }()
			}
			g.on(func() {})
			for b.Loop() {
				stackOf(g.r.id)
			}
		})
	}
}

// BenchmarkLook is what one look at one spinning reactor costs the watchdog.
func BenchmarkLook(b *testing.B) {
	g := start(b, Options{Backend: BackendEpoll, SpinNs: math.MaxInt64}, nil)
	g.on(func() {})
	w := &Watchdog{watched: []*watched{{r: g.r}}}
	w.thresholdNs.Store(DefaultStallNs)
	p := newPauses()
	b.ReportAllocs()
	for b.Loop() {
		w.look(p.totalNs())
	}
}
