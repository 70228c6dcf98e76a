//go:build linux

package reactor

import (
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
)

// TestWakeIsNeverLost publishes one message after the other at the moments at
// which a wake-up could get lost: after the round's look and before the sleeping
// flag goes up; after the flag and the last look; and from another thread that
// sees the flag up. Nothing else is under way that could wake the reactor, so a
// message that is lost ends the test.
func TestWakeIsNeverLost(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		for _, spin := range []int64{0, 5_000} {
			const messages = 900
			const inFlush, afterLastLook, elsewhere, moments = 0, 1, 2, 3
			var full atomic.Bool  // a message waits
			var next atomic.Int64 // the message to publish
			due := func(moment int64) bool {
				return !full.Load() && next.Load() < messages && next.Load()%moments == moment
			}
			g := start(t, Options{Backend: backend, SpinNs: spin}, func(g *rig) {
				publish := func() { full.Store(true); g.r.Wake() }
				g.polls = func() bool {
					if full.Load() {
						next.Add(1)
						full.Store(false)
						return true
					}
					if g.r.Sleeping() && due(afterLastLook) {
						publish()
					}
					return false
				}
				g.flush = func() {
					if due(inFlush) {
						publish()
					}
				}
			})
			done := make(chan struct{})
			go func() {
				defer close(done)
				for next.Load() < messages {
					if g.r.Sleeping() && due(elsewhere) {
						full.Store(true)
						g.r.Wake()
					}
					runtime.Gosched()
				}
			}()
			within(t, done, "messages")
			g.stop()
		}
	})
}

// TestTimersOrder fires a random set in order of deadline, and none that was cancelled.
func TestTimersOrder(t *testing.T) {
	var ts timers
	rng := rand.New(rand.NewPCG(11, 12))
	all := make([]Timer, 2000)
	live := map[*Timer]bool{}
	for step := range 20_000 {
		tm := &all[rng.IntN(len(all))]
		switch rng.IntN(3) {
		case 0, 1:
			ts.add(tm, int64(rng.IntN(500)))
			live[tm] = true
		default:
			if got := ts.remove(tm); got != live[tm] {
				t.Fatalf("step %d: cancel said %v, want %v", step, got, live[tm])
			}
			delete(live, tm)
		}
	}
	var last *Timer
	for now := int64(0); now < 500; now += 7 {
		for tm := ts.due(now); tm != nil; tm = ts.due(now) {
			if !live[tm] || tm.Pending() || tm.when > now {
				t.Fatalf("at %d: timer for %d fired; armed %v", now, tm.when, live[tm])
			}
			delete(live, tm)
			if last != nil && !earlier(last, tm) {
				t.Fatalf("timer for %d (armed %d) fired after the one for %d (armed %d)", tm.when, tm.seq, last.when, last.seq)
			}
			last = tm
		}
		if next := ts.next(); next >= 0 && next <= now {
			t.Fatalf("at %d the next deadline is %d", now, next)
		}
	}
	for tm := ts.due(math.MaxInt64); tm != nil; tm = ts.due(math.MaxInt64) {
		delete(live, tm)
	}
	if len(live) != 0 {
		t.Errorf("%d timers never fired", len(live))
	}
}

type bell struct {
	r     *Reactor
	rang  chan int64
	again int
	every int64
}

func (b *bell) OnTimer(t *Timer) {
	b.rang <- b.r.Now()
	if b.again > 0 {
		b.again--
		b.r.After(t, b.every)
	}
}

// TestTimersWakeASleeper: deadlines end a sleep and are never early.
func TestTimersWakeASleeper(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		const every = 2_300_000
		b := &bell{r: g.r, rang: make(chan int64, 16), again: 4, every: every}
		tm := &Timer{H: b}
		never := &Timer{H: b}
		var armed int64
		g.on(func() {
			armed = g.r.Now()
			g.r.After(tm, every)
			g.r.After(never, 1_000_000)
			if !g.r.Cancel(never) || g.r.Cancel(never) {
				t.Error("Cancel did not tell a pending timer from an idle one")
			}
		})
		for i := range 5 {
			at := <-b.rang
			if at < armed+every {
				t.Errorf("ring %d came %d ns early", i, armed+every-at)
			}
			armed = at
		}
	})
}

type order struct {
	n    int
	seen *[]int
}

func (o order) RunTask() { *o.seen = append(*o.seen, o.n) }

// TestReadyTasks run in order, also when the queue grows while it wraps around.
func TestReadyTasks(t *testing.T) {
	var q taskQueue
	var seen []int
	next := 0
	for _, burst := range []int{3, 60, 100, 5, 700} {
		for range burst {
			q.push(task{run: order{next, &seen}})
			next++
		}
		for range burst / 2 {
			one := q.pop()
			one.do()
		}
	}
	for !q.empty() {
		one := q.pop()
		one.do()
	}
	if len(seen) != next || !slices.IsSorted(seen) {
		t.Errorf("%d of %d tasks ran, in order: %v", len(seen), next, slices.IsSorted(seen))
	}
}

// hog uses up its quota once and comes back.
type hog struct {
	r    *Reactor
	left int
	done chan struct{}
}

func (h *hog) RunTask() {
	for start := time.Now(); time.Since(start) < 300*time.Microsecond; {
	}
	if h.left--; h.left > 0 {
		h.r.Ready(h)
		return
	}
	close(h.done)
}

// TestQuota: tasks that always have more to do do not keep completions out.
func TestQuota(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		polls := 0
		g := start(t, Options{Backend: backend, TaskQuotaNs: 200_000}, func(g *rig) { g.polls = func() bool { polls++; return false } })
		h := &hog{r: g.r, left: 20, done: make(chan struct{})}
		before := 0
		g.on(func() { before = polls; g.r.Ready(h) })
		within(t, h.done, "tasks")
		g.on(func() {
			if polls-before < 20 {
				t.Errorf("%d rounds during 20 tasks that each exceed the quota", polls-before)
			}
			if c := g.r.Counters(); c.QuotaViolations < 20 {
				t.Errorf("%d quota violations, want at least 20", c.QuotaViolations)
			}
		})
	})
}

// TestOffload runs jobs elsewhere and their ends on the reactor's thread, also
// those still out when it stops.
func TestOffload(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		home := 0
		var here, done atomic.Int32
		g.on(func() { home = unix.Gettid() })
		const jobs = 50
		g.on(func() {
			for range jobs {
				g.r.OffloadFunc(func() {
					time.Sleep(time.Millisecond)
					if unix.Gettid() == home {
						here.Add(1)
					}
				}, func() {
					done.Add(1)
					if unix.Gettid() != home {
						t.Error("Done ran on another thread")
					}
				})
			}
		})
		g.stop()
		if here.Load() != 0 || done.Load() != jobs {
			t.Errorf("%d jobs ran on the reactor's thread, want 0; %d were done, want %d", here.Load(), done.Load(), jobs)
		}
		if g.r.Post(Func(func() {})) {
			t.Error("Post was accepted after Run had returned")
		}
		g.r.Wake() // harmless
	})
}

// TestStopClosesStreams delivers the last calls and frees the port.
func TestStopClosesStreams(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		addr, _ := g.listen(&echoes{g: g})
		h := newRecorder(g)
		s, _ := g.pair(func(*Stream) StreamHandler { return h })
		var c iobuf.Chain
		c.AppendBytes(make([]byte, 8<<20))
		g.on(func() { s.Send(&c); s.PauseRecv() })
		g.stop()
		if err := <-h.closed; err != ErrStopped {
			t.Errorf("OnClosed: got %v, want ErrStopped", err)
		}
		if len(h.sent) != 1 || h.sent[0] != ErrStopped {
			t.Errorf("OnSent: got %v, want one ErrStopped", h.sent)
		}
		if err := dialable(addr); err == nil {
			t.Errorf("%s still accepts after Run has returned", addr)
		}
	})
}

// TestListenerClose leaves established connections alone.
func TestListenerClose(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		addr, l := g.listen(&echoes{g: g})
		if err := dialable(addr); err != nil {
			t.Fatal(err)
		}
		g.on(func() { l.Close(); l.Close() })
		eventually(t, "refusal", func() bool { return dialable(addr) != nil })
	})
}

// TestListenerPause leaves connections in the backlog while the listener is
// paused, and takes every one of them afterwards, however often it was paused.
func TestListenerPause(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		g := start(t, Options{Backend: backend}, nil)
		addr, l := g.listen(&echoes{g: g})
		accepted := func() (n int64) {
			g.on(func() { n = g.r.Counters().Accepts })
			return n
		}
		want := int64(0)
		for round := range 20 {
			g.on(l.Pause)
			if round%2 == 0 {
				eventually(t, "the end of accepting", func() (ended bool) {
					g.on(func() { ended = !l.armed })
					return ended
				})
				before := accepted()
				for range 3 {
					if err := dialable(addr); err != nil {
						t.Fatal(err)
					}
				}
				g.on(func() {}) // a round more
				if n := accepted(); n != before {
					t.Fatalf("%d connections accepted while paused", n-before)
				}
				want += 3
			}
			g.on(func() { l.Resume(); l.Pause(); l.Resume() }) // while the first pause is perhaps under way
			if err := dialable(addr); err != nil {
				t.Fatal(err)
			}
			want++
			eventually(t, "all connections", func() bool { return accepted() == want })
		}
		g.on(func() { l.Pause(); l.Close(); l.Resume() })
		eventually(t, "refusal", func() bool { return dialable(addr) != nil })
	})
}

// failing refuses to start.
type failing struct{ rig }

var errRefused = errors.New("refused")

func (*failing) Start(*Reactor) error { return errRefused }

// TestRunReportsStartError gives back what it took, and the thread's affinity.
func TestRunReportsStartError(t *testing.T) {
	eachBackend(t, func(t *testing.T, backend string) {
		arena := &countingArena{}
		r, err := New(Options{Backend: backend, CPU: 0, Arena: arena, RecvBufs: 4})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var before, after unix.CPUSet
			_ = unix.SchedGetaffinity(0, &before)
			err := r.Run(&failing{})
			_ = unix.SchedGetaffinity(0, &after)
			if before != after {
				t.Error("the thread stays pinned after Run")
			}
			done <- err
		}()
		if err := <-done; err != errRefused {
			t.Errorf("Run: got %v, want the hook's error", err)
		}
		if n := arena.out.Load(); n != 0 {
			t.Errorf("%d buffers were not given back", n)
		}
	})
}

// TestOptions names the option at fault.
func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"backend":  {Backend: "kqueue"},
		"RecvBufs": {RecvBufs: 3},
		"tiny":     {RecvBufBytes: 1},
		"depth":    {DiskDepth: -1},
		"spin":     {SpinNs: -1},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r, err := New(Options{CPU: 100_000, Backend: BackendEpoll})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(&rig{}); err == nil {
		t.Error("pinned to processor 100000")
	}
	if f := r.Facts(); f["network.backend"] != BackendEpoll || f["network.reason"] == "" {
		t.Errorf("facts: %v", f)
	}
}

// TestFactsOfAFallback: a loop that could not have its ring tells of none.
func TestFactsOfAFallback(t *testing.T) {
	r, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.published.facts["uring.setup"] = "single issuer"
	r.fellBack("no ring: none left")
	f := r.Facts()
	if _, ring := f["uring.setup"]; ring || f["network.backend"] != BackendEpoll || f["network.reason"] != "no ring: none left" {
		t.Errorf("facts: %v", f)
	}
}
