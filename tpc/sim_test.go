package tpc

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ceteris/ceteris/tpc/reactor"
)

var (
	simSeed  = flag.Uint64("seed", 0, "TestSimulation: run only this seed")
	simCount = flag.Int("seeds", 0, "TestSimulation: run so many seeds; 0: 10000, fewer with -short or -race")
)

var codeOutOfRange = kerr.OffsetOutOfRange.Code

// coverage counts in how many seeds something has happened.
type coverage struct{ seeds, total map[string]int64 }

func (c *coverage) hit(what string) { c.add(what, 1) }

func (c *coverage) add(what string, n int64) { c.total[what] += n }

func (c *coverage) kernel(k reactor.SimCounters) {
	c.add("connections", k.Accepts)
	c.add("receives cut", k.PartRecvs)
	c.add("receives after a pause", k.LateRecvs)
	c.add("receives into a frame", k.Fills)
	c.add("sends cut", k.PartSends)
	c.add("receives without memory", k.Starved)
	c.add("device reads", k.Reads)
	c.add("device writes", k.Writes)
	c.add("writes torn by a crash", k.Torn)
	c.add("device faults", k.Failed)
	c.add("rounds that left tasks", k.QuotaEnds)
}

// simulate runs one seed and returns its hash, or what it has violated.
func simulate(seed uint64, trace func(string, ...any), cover *coverage) (hash uint64, failure string) {
	var w *world
	defer func() {
		switch r := recover().(type) {
		case nil:
		case violation:
			failure = fmt.Sprintf("seed %d, step %d: %s", seed, w.step, r.msg)
		default:
			failure = fmt.Sprintf("seed %d, step %d: panic: %v\n%s", seed, w.step, r, debug.Stack())
		}
	}()
	w = newWorld(seed, trace, cover)
	w.live()
	return w.hash, ""
}

// live is the whole life of a world: incarnations of a broker, each ended by a
// crash or in good order.
func (w *world) live() {
	w.start()
	lives := 1 + w.rng.IntN(3)
	for life := range lives {
		for n := w.plan.steps / lives; n > 0; n-- {
			w.faults = w.plan.faultRate > 0 && n%100 < 50
			w.scarce = w.plan.allocRate > 0 && n%80 < 40
			w.tick()
		}
		w.faults, w.scarce = false, false
		last := life == lives-1
		if !last && w.chance(60) {
			w.crash(w.chance(50))
		} else {
			w.end0()
		}
		if !last {
			if w.chance(60) {
				w.plan.shards = 1 + w.rng.IntN(4)
				w.cover.hit("another number of shards")
			}
			w.start()
		}
	}
}

// end0 lets clients finish, and ends the broker in good order.
func (w *world) end0() {
	w.calm = true
	w.until("an answer to every request", 50_000, func() bool {
		for _, c := range w.clients {
			if len(c.pending) > 0 {
				return false
			}
		}
		return true
	})
	w.stop()
	for _, c := range w.clients {
		c.cut(true)
	}
	w.calm = false
}

// TestSimulation runs a whole broker on a simulated machine, ten thousand seeds
// of it, each another history of messages, clients, faults, crashes and starts.
// A seed that fails is run again alone with -seed; with -v it tells what happens.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		defer simThread()()
		trace := func(string, ...any) {}
		if testing.Verbose() {
			trace = t.Logf
		}
		if _, failure := simulate(*simSeed, trace, newCoverage()); failure != "" {
			t.Fatal(failure)
		}
		return
	}
	n := 10_000
	if testing.Short() || checkedBuild {
		n = 200
	}
	if *simCount > 0 {
		n = *simCount
	}
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // worlds are small, many, and all garbage in the end
	var next atomic.Uint64
	var mu sync.Mutex
	sum := newCoverage()
	failures := 0
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			defer simThread()()
			for {
				seed := next.Add(1)
				if seed > uint64(n) {
					return
				}
				one := newCoverage()
				_, failure := simulate(seed, nil, one)
				mu.Lock()
				for what, n := range one.total {
					sum.total[what] += n
					if n > 0 {
						sum.seeds[what]++
					}
				}
				if failure != "" {
					if failures++; failures <= 5 {
						t.Errorf("%s\nrun it alone: go test ./tpc -run 'TestSimulation$' -v -seed=%d", failure, seed)
					}
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("%d seeds, %d failed\n%s", n, failures, sum)
	must := simMustHappen
	if n >= 1000 {
		must = append(simRare, must...)
	}
	for _, what := range must {
		if sum.seeds[what] == 0 {
			t.Errorf("it never came about in %d seeds: %s", n, what)
		}
	}
}

// simMustHappen is what the simulation is for: if one of these never happens,
// it has lost its teeth.
var simMustHappen = []string{
	"crash", "power loss", "another number of shards", "append refused", "storage fault",
	"writes torn by a crash", "cold reads", "remote parts", "local parts", "messages held back", "receives cut",
	"receives after a pause", "sends cut", "batch sent again", "idempotent batch acknowledged", "record fetched",
	"topic created", "topic deleted", "partitions added", "cut", "connection closed by the broker",
	"partition moved", "move refused", "checkpoint", "logs audited", "start cut short", "batches replayed",
	"allocation failed: receive", "allocation failed: frames", "allocation failed: append",
	"requests in steps", "parts misrouted", "misrouted part refused", "session begun", "session fetch answered",
	"partition added to a session", "partition forgotten by a session", "responses throttled", "requests put off",
}

// simRare is what must happen in a thousand seeds.
var simRare = []string{
	"evictions", "device faults", "storage error", "receives without memory", "refusals for want of memory",
	"allocation failed: cache", "allocation failed: lent", "staging files of an earlier start of the machine",
	"start failed for a fault", "segments retained by time", "segments retained by size", "session kept over connections",
}

func newCoverage() *coverage { return &coverage{map[string]int64{}, map[string]int64{}} }

func (c *coverage) String() string {
	names := make([]string, 0, len(c.total))
	for what := range c.total {
		names = append(names, what)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, what := range names {
		fmt.Fprintf(&b, "%8d seeds %10d times  %s\n", c.seeds[what], c.total[what], what)
	}
	return b.String()
}

// simThread keeps a simulation on its thread where a build checks which thread
// memory belongs to. Elsewhere it would make every switch between goroutines one
// between threads.
func simThread() (leave func()) {
	if !checkedBuild {
		return func() {}
	}
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// TestSimulationReplays runs seeds twice: the same history, to the last byte.
func TestSimulationReplays(t *testing.T) {
	defer simThread()()
	for seed := uint64(1); seed <= 20; seed++ {
		first, failed := simulate(seed, nil, newCoverage())
		second, failedToo := simulate(seed, nil, newCoverage())
		if first != second || first == 0 {
			t.Errorf("seed %d: history %x %s, then %x %s", seed, first, failed, second, failedToo)
		}
	}
}
