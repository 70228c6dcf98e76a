package report

import (
	"slices"
	"strings"

	"github.com/ceteris/ceteris/harness/host"
	"github.com/ceteris/ceteris/harness/stats"
)

// Cost is what a broker spent on each acknowledged message, over the measured
// windows of an arm's blocks together. What the machine or the model does not
// tell is refused, never 0.
type Cost struct {
	Cycles       stats.Number `json:"cycles_per_message"`
	Instructions stats.Number `json:"instructions_per_message"`
	Voluntary    stats.Number `json:"voluntary_switches_per_message"`
	Forced       stats.Number `json:"involuntary_switches_per_message"`
	Syscalls     stats.Number `json:"system_calls_per_message"`        // counted by the brokers, or by their loops alone in early results
	KernelCalls  stats.Number `json:"kernel_system_calls_per_message"` // those of Go's runtime included
	// CacheReferences and CacheMisses are of the last level, L1D of the first.
	CacheReferences stats.Number `json:"cache_references_per_message"`
	CacheMisses     stats.Number `json:"cache_misses_per_message"`
	L1DLoads        stats.Number `json:"l1d_loads_per_message"`
	L1DMisses       stats.Number `json:"l1d_misses_per_message"`
	Copied          stats.Number `json:"copied_bytes_per_byte"` // in user space, per byte of acknowledged record values
	Copies          []CopyRow    `json:"copies,omitempty"`
	Migrations      stats.Number `json:"migrations"` // of all windows
	MinorFaults     stats.Number `json:"minor_faults_per_message"`
	MajorFaults     stats.Number `json:"major_faults"`
	LockWait        stats.Number `json:"lock_wait_per_message_ns"`
	Hops            stats.Number `json:"hops_per_message"`
	Storage         stats.Number `json:"storage_bytes_per_message"`
	GCCPU           stats.Number `json:"gc_cpu_per_message_ns"`
	RunDelay        stats.Number `json:"run_delay_per_message_ns"`
	GoDelay         stats.Number `json:"goroutine_delay_per_message_ns"`
	Hiccup          stats.Number `json:"worst_hiccup_ns"`     // of the machine, in any window
	HiccupP99       stats.Number `json:"worst_hiccup_p99_ns"` // the highest p99 of a window
	Threads         []ThreadRow  `json:"threads"`
}

// ThreadRow is the threads of one name.
type ThreadRow struct {
	Name       string       `json:"name"`
	Threads    int          `json:"threads"`         // the most in one window
	CPU        stats.Number `json:"cpu_ratio"`       // of the windows' length
	Delay      stats.Number `json:"run_delay_ratio"` // of the windows' length
	Voluntary  stats.Number `json:"voluntary_switches_per_sec"`
	Forced     stats.Number `json:"involuntary_switches_per_sec"`
	Migrations stats.Number `json:"migrations"`
	Faults     stats.Number `json:"faults"`
	// Syscalls are what the kernel counted, OwnCalls what the broker did.
	Syscalls stats.Number `json:"kernel_system_calls_per_message"`
	OwnCalls stats.Number `json:"system_calls_per_message"`
}

// threadCost is a thread in a cell's record.
type threadCost = host.ThreadCost

// threads adds a count of every thread of a cell up; null when one does not tell.
func threads(of func(*threadCost) int64) func(*run) *int64 {
	return func(r *run) *int64 {
		var sum int64
		for i := range r.Server.PerThread {
			n := of(&r.Server.PerThread[i])
			if n < 0 {
				return nil
			}
			sum += n
		}
		return &sum
	}
}

// cost sums the cells of an arm up; nil when none kept what it takes.
func cost(runs []*run) *Cost {
	var kept []*run
	var looks []*look
	for _, r := range runs {
		if len(r.Server.PerThread) > 0 {
			kept = append(kept, r)
			if r.look != nil {
				looks = append(looks, r.look)
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	var messages, windowNs float64
	for _, r := range kept {
		messages += r.Counted()
		windowNs += float64(r.Server.WindowNs)
	}
	c := &Cost{}
	// sum adds a count up; one window that does not tell spoils the sum.
	sum := func(of func(*run) *int64) (total float64, ok bool) {
		for _, r := range kept {
			n := of(r)
			if n == nil {
				return 0, false
			}
			total += float64(*n)
		}
		return total, true
	}
	per := func(by float64, why string, of func(*run) *int64) stats.Number {
		total, ok := sum(of)
		return over(total, by, ok, why)
	}
	// event is a count of the machine's; why names the field that says why not.
	event := func(why func(*host.EventCounts) string, of func(*host.EventCounts) *int64) stats.Number {
		none := "this result has none"
		for _, r := range kept {
			if told := why(&r.Server.EventCounts); told != "" {
				none = told
			}
		}
		return per(messages, none, func(r *run) *int64 { return of(&r.Server.EventCounts) })
	}
	noEvents := func(e *host.EventCounts) string { return e.NoEvents }
	noCaches := func(e *host.EventCounts) string { return e.NoCaches }
	noL1D := func(e *host.EventCounts) string { return e.NoL1D }
	c.Cycles = event(noEvents, func(e *host.EventCounts) *int64 { return e.Cycles })
	c.Instructions = event(noEvents, func(e *host.EventCounts) *int64 { return e.Instructions })
	c.CacheReferences = event(noCaches, func(e *host.EventCounts) *int64 { return e.CacheReferences })
	c.CacheMisses = event(noCaches, func(e *host.EventCounts) *int64 { return e.CacheMisses })
	c.L1DLoads = event(noL1D, func(e *host.EventCounts) *int64 { return e.L1DLoads })
	c.L1DMisses = event(noL1D, func(e *host.EventCounts) *int64 { return e.L1DMisses })
	c.KernelCalls = event(func(e *host.EventCounts) string { return e.NoSystemCalls }, func(e *host.EventCounts) *int64 { return e.SystemCalls })
	c.Voluntary = per(messages, "no message", func(r *run) *int64 { return &r.Server.CtxVol })
	c.Forced = per(messages, "no message", func(r *run) *int64 { return &r.Server.CtxInvol })
	c.Storage = per(messages, "the kernel does not tell", func(r *run) *int64 { return r.Server.WriteBytes })
	c.Migrations = per(1, "the kernel does not tell", threads(func(t *threadCost) int64 { return t.Migrations }))
	c.MinorFaults = per(messages, "the kernel does not tell", threads(func(t *threadCost) int64 { return t.MinorFaults }))
	c.MajorFaults = per(1, "the kernel does not tell", threads(func(t *threadCost) int64 { return t.MajorFaults }))
	c.RunDelay = per(messages, "the kernel does not tell", threads(func(t *threadCost) int64 { return t.RunDelayNs }))
	metric := func(name, why string, unit float64) stats.Number {
		n, ok := grown(looks, name)
		return over(n*unit, messages, ok && len(looks) == len(kept), why)
	}
	if c.Syscalls = metric("ceteris_system_calls_total", "the model does not count its system calls", 1); !c.Syscalls.OK() {
		c.Syscalls = metric("ceteris_reactor_syscalls_total", c.Syscalls.Refusal(), 1) // earlier versions: a shard's own loop
	}
	c.copied(looks, len(looks) == len(kept))
	c.LockWait = metric("ceteris_lock_wait_nanoseconds_total", "the model has no locks between its threads", 1)
	c.Hops = metric("ceteris_hops_total", "the model sends no messages between threads", 1)
	c.GCCPU = metric("ceteris_go_gc_cpu_seconds_total", "not told", 1e9)
	c.GoDelay = metric("ceteris_go_sched_latency_seconds_sum", "not told", 1e9)
	c.Hiccup, c.HiccupP99 = stats.Refuse("no probe ran"), stats.Refuse("no probe ran")
	var worst, p99 int64
	few := ""
	for _, r := range kept {
		if h := r.Hiccups; h != nil && h.Count > 0 {
			worst, p99 = max(worst, h.MaxNs), max(p99, h.P99Ns)
			if why := (stats.Samples{Count: h.Count}).Gate(99); why != "" {
				few = why
			}
			if c.Hiccup, c.HiccupP99 = stats.Of(float64(worst)), stats.Of(float64(p99)); few != "" {
				c.HiccupP99 = stats.Refuse("%s", few)
			}
		}
	}
	c.Threads = threadRows(kept, looks, windowNs, messages)
	return c
}

// threadRows sums threads of one name over the windows. Those that a runtime
// makes for itself have the program's name.
func threadRows(kept []*run, looks []*look, windowNs, messages float64) (rows []ThreadRow) {
	var names []string
	sums := map[string]*threadCost{}
	most := map[string]int{}
	for _, r := range kept {
		here := map[string]int{}
		for i := range r.Server.PerThread {
			t := &r.Server.PerThread[i]
			if sums[t.Name] == nil {
				names = append(names, t.Name)
				sums[t.Name] = &threadCost{SystemCalls: new(int64)}
			}
			here[t.Name]++
			s := sums[t.Name]
			add := func(to *int64, n int64) {
				if n < 0 || *to < 0 {
					*to = -1
				} else {
					*to += n
				}
			}
			add(&s.RunNs, t.RunNs)
			add(&s.RunDelayNs, t.RunDelayNs)
			add(&s.CtxVoluntary, t.CtxVoluntary)
			add(&s.CtxForced, t.CtxForced)
			add(&s.Migrations, t.Migrations)
			add(&s.MinorFaults, t.MinorFaults)
			if t.SystemCalls == nil {
				*s.SystemCalls = -1
			} else {
				add(s.SystemCalls, *t.SystemCalls)
			}
		}
		for name, n := range here {
			most[name] = max(most[name], n)
		}
	}
	slices.SortFunc(names, strings.Compare)
	const why = "the kernel does not tell"
	for _, name := range names {
		s := sums[name]
		told := func(n int64, by float64) stats.Number { return over(float64(n), by, n >= 0, why) }
		rows = append(rows, ThreadRow{
			Name: name, Threads: most[name], CPU: told(s.RunNs, windowNs), Delay: told(s.RunDelayNs, windowNs),
			Voluntary: told(s.CtxVoluntary, windowNs/1e9), Forced: told(s.CtxForced, windowNs/1e9),
			Migrations: told(s.Migrations, 1), Faults: told(s.MinorFaults, 1),
			Syscalls: over(float64(*s.SystemCalls), messages, *s.SystemCalls >= 0, "the kernel was not asked, or does not tell"),
			OwnCalls: ownCalls(looks, name, messages, len(looks) == len(kept)),
		})
	}
	return rows
}

// ownCalls is the system calls that the brokers counted for the thread of a name.
func ownCalls(looks []*look, name string, messages float64, all bool) stats.Number {
	n, ok := grownWhere(looks, "ceteris_system_calls_total", `thread="`+name+`"`)
	return over(n, messages, ok && all, "counted for no thread of this name")
}

// Costed reports whether any arm of the group tells what it costs.
func (g *Group) Costed() bool {
	for _, p := range g.Points {
		for _, arm := range p.Arms {
			if arm.Cost != nil {
				return true
			}
		}
	}
	return false
}
