package reactor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/pace"
	"github.com/ceteris/ceteris/models/telemetry"
)

// errPeerClosed is what a send in flight is told when the peer closed in good
// order; the stream itself then ends without an error.
var errPeerClosed = errors.New("reactor: peer closed the connection before the send was complete")

// The states of the sleeping flag. Only the thread that moves it from asleep to
// poked writes to the eventfd, so that one sleep costs one wake-up at most.
const (
	awake int32 = iota
	asleep
	poked
	gone
)

// backend is a way to talk to the kernel. Operations only queue; submit hands
// them over, reap delivers what is finished, wait blocks. All on one thread.
type backend interface {
	adopt(fd int) error // a socket that comes from outside
	release(fd int)     // a stream's socket, at its end
	listen(l *Listener) error
	hold(l *Listener) // accept no more, keep the socket; listen(l) accepts again
	unlisten(l *Listener)
	attach(s *Stream) error
	pause(s *Stream)
	resume(s *Stream)
	redirect(s *Stream) // what is received next belongs where the handler wants it
	send(s *Stream)
	shut(s *Stream)        // stop everything in flight; unsettled(s) when nothing is
	flying(s *Stream) bool // something of the stream is in the kernel's hands
	disk(op *DiskOp)
	reap() bool           // deliver completions; true when there were any
	submit() bool         // everything queued goes out; true when there was something
	ready() bool          // something can be done without sleeping
	wait(timeoutNs int64) // block until an event, the timeout (-1: none), or a signal
	busy() bool           // operations of closed listeners are still in the kernel's hands
	close()
}

// reactors numbers the reactors of the process.
var reactors atomic.Int64

// Reactor is the event loop of one shard.
type Reactor struct {
	o         Options
	clock     func() int64 // telemetry.Now, or the simulation's
	taskClock func() int64 // the same between tasks
	id        string
	auto      bool // the backend was left to probing
	be        backend
	hooks     Hooks

	state    atomic.Int32 // sleeping flag
	_        [60]byte     // senders on other cores load the flag; keep it off the loop's own lines
	stopping atomic.Bool
	ran      atomic.Bool
	beat     atomic.Int64 // when the current round began, ns; 0: none runs. For the watchdog
	sleptNs  atomic.Int64 // sleeps that are over. For the watchdog
	dozedNs  atomic.Int64 // when the current sleep began, 0: none. For the watchdog
	tid      atomic.Int32 // the thread that runs the loop, 0: none. For the watchdog
	alien    alienQueue
	_        [64]byte

	wakeFD    int
	owed      int64 // wake-ups announced by the flag and not yet read from the eventfd
	nowNs     int64
	dueNs     int64        // when to look at I/O again; see Overdue
	paces     [2]pace.Pace // of waits for others, and for the device
	streams   streamTable
	listeners []*Listener
	settling  []*Stream
	settled   []*Stream
	disks     diskTable
	timers    timers
	tasks     scheduler
	mainGroup *Group   // tasks of no group in particular
	jobs      *workers // Offload
	jobsOut   int
	stopped   bool
	simState  int // of a simulated reactor

	longTasks, longRounds lengths

	c         Counters
	published struct {
		sync.Mutex
		c      Counters
		groups []GroupCounters
		facts  map[string]string
	}
	nextPublishNs int64
}

// New checks the options and chooses the backend. It takes no resources; Run does.
func New(o Options) (*Reactor, error) {
	if o.RecvBufBytes == 0 {
		o.RecvBufBytes = 32 << 10
	}
	if o.RecvBufs == 0 {
		o.RecvBufs = 256
	}
	if o.TaskQuotaNs == 0 {
		o.TaskQuotaNs = 500_000
	}
	if o.DiskDepth == 0 {
		o.DiskDepth = 256
	}
	if o.Backend == "" {
		o.Backend = BackendAuto
	}
	if o.Arena == nil {
		o.Arena = &iobuf.Heap{}
	}
	switch {
	case o.RecvBufs < 1 || o.RecvBufs > 1<<15 || o.RecvBufs&(o.RecvBufs-1) != 0:
		return nil, fmt.Errorf("reactor: RecvBufs must be a power of two up to 32768, got %d", o.RecvBufs)
	case o.RecvBufBytes < 64:
		return nil, fmt.Errorf("reactor: RecvBufBytes must be at least 64, got %d", o.RecvBufBytes)
	case o.DiskDepth < 1 || o.DiskDepth > 4096:
		return nil, fmt.Errorf("reactor: DiskDepth must be between 1 and 4096, got %d", o.DiskDepth)
	case o.SpinNs < 0 || o.TaskQuotaNs < 0:
		return nil, fmt.Errorf("reactor: SpinNs and TaskQuotaNs must not be negative, got %d and %d", o.SpinNs, o.TaskQuotaNs)
	}
	r := &Reactor{
		o: o, clock: telemetry.Now, taskClock: telemetry.Now, wakeFD: -1,
		id: strconv.FormatInt(reactors.Add(1), 10),
	}
	if r.o.Name == "" {
		r.o.Name = r.id
	}
	r.disks.queues.init(o.DiskDepth)
	var err error
	if r.mainGroup, err = r.NewGroup("main", MaxShares); err != nil {
		return nil, err
	}
	if o.Sim != nil {
		r.clock, r.taskClock = func() int64 { return o.Sim.NowNs }, o.Sim.worked
		r.published.facts = map[string]string{"network.backend": "sim"}
		return r, nil
	}
	r.auto = o.Backend == BackendAuto
	facts, err := choose(&r.o)
	if err != nil {
		return nil, err
	}
	facts["cpu"] = strconv.Itoa(o.CPU)
	r.published.facts = facts
	return r, nil
}

// Facts are what probing decided: backend, reason, and the features in use.
// Any thread may call it.
func (r *Reactor) Facts() map[string]string {
	r.published.Lock()
	defer r.published.Unlock()
	return maps.Clone(r.published.facts)
}

// Run is the loop. It locks the calling goroutine to its thread, pins the
// thread, and returns after Stop when every stream is closed and every
// operation has ended, or when it cannot start. In profiles the goroutine
// carries the label shard; labels of its own that it came with are gone after.
func (r *Reactor) Run(h Hooks) (err error) {
	if r.ran.Swap(true) {
		return errors.New("reactor: Run was called before")
	}
	pprof.Do(context.Background(), pprof.Labels(labelShard, r.o.Name, labelReactor, r.id), func(context.Context) { err = r.run(h) })
	return err
}

func (r *Reactor) run(h Hooks) error {
	runtime.LockOSThread()
	unpin, err := pin(r.o.CPU)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		// A thread that could not be unpinned must not serve other goroutines:
		// left locked, it ends with this one.
		if unpin() {
			runtime.UnlockOSThread()
		}
	}()
	if err := r.open(); err != nil {
		return err
	}
	r.hooks = h
	r.tid.Store(threadID())
	r.nowNs = r.clock()
	err = h.Start(r)
	if err == nil {
		r.loop()
	}
	r.shutdown()
	r.tid.Store(0)
	return err
}

// Stop ends the loop from any thread: streams are closed with ErrStopped, disk
// operations and offloaded jobs in flight are awaited, then Run returns.
func (r *Reactor) Stop() {
	r.stopping.Store(true)
	r.Wake()
}

// Wake makes a sleeping reactor look at its hooks, from any thread. Publish
// the message first. It costs one load unless the reactor sleeps.
func (r *Reactor) Wake() {
	if r.state.Load() == asleep && r.state.CompareAndSwap(asleep, poked) && r.o.Sim == nil {
		wakeWrite(r.wakeFD)
	}
}

// Post runs t on the reactor's thread, from any thread. It is the cold way in
// for threads that have no mailbox; false means the reactor has stopped and t
// will not run.
func (r *Reactor) Post(t Runner) bool {
	if !r.alien.push(t) {
		return false
	}
	r.Wake()
	return true
}

// Ready queues t behind the tasks that are ready and belong to no group in
// particular. Reactor's thread only. Background work belongs into a [Group].
func (r *Reactor) Ready(t Runner) { r.mainGroup.Ready(t) }

// ReadyStep is Ready for long work in pieces; see [Group.Go].
func (r *Reactor) ReadyStep(w Step) { r.mainGroup.Go(w) }

// Now is the time of this round in ns of telemetry.Now.
func (r *Reactor) Now() int64 { return r.nowNs }

// Overdue reports whether the round has done one kind of thing for a task quota:
// handlers of streams that have more to do queue it as tasks, between which I/O is
// looked at and answers leave. It reads the clock.
func (r *Reactor) Overdue() bool { return r.taskClock() >= r.dueNs }

// After arms t to fire ns after this round's time; a pending timer is moved.
func (r *Reactor) After(t *Timer, ns int64) { r.timers.add(t, r.nowNs+max(ns, 0)) }

// Cancel disarms t and tells whether it was pending.
func (r *Reactor) Cancel(t *Timer) bool { return r.timers.remove(t) }

// Counters is the exact state of the counters. Reactor's thread only.
func (r *Reactor) Counters() Counters { return r.c }

// Snapshot is the state of the counters about a millisecond ago, or when the
// reactor fell asleep. Any thread.
func (r *Reactor) Snapshot() Counters {
	r.published.Lock()
	defer r.published.Unlock()
	return r.published.c
}

// SystemCalls is how many the loop has made for its I/O, and other threads to
// wake it, by the counters of [Reactor.Snapshot]. Any thread.
func (r *Reactor) SystemCalls() uint64 {
	c := r.Snapshot()
	return uint64(c.Syscalls + c.Wakes)
}

// Times is where the loop's time went since it began: the published counters,
// and the sleep that is under way. Any thread.
func (r *Reactor) Times() telemetry.Times {
	c := r.Snapshot()
	t := telemetry.Times{BusyNs: c.BusyNs, SpinNs: c.SpinNs, SleepNs: c.SleepNs}
	for {
		dozed := r.dozedNs.Load()
		slept := r.sleptNs.Load()
		if r.dozedNs.Load() != dozed {
			continue // a sleep began or ended between the two, so it may be in both or in neither
		}
		if dozed > 0 {
			slept += telemetry.Now() - dozed
		}
		t.SleepNs = max(t.SleepNs, slept)
		return t
	}
}

// Heartbeat is when the current round began, in ns of telemetry.Now, and 0
// before the first; any thread. Long ago and not Sleeping means that something
// keeps the reactor from its loop; see [Watch].
func (r *Reactor) Heartbeat() int64 { return r.beat.Load() }

// Sleeping tells whether the reactor is blocked in the kernel. Any thread.
func (r *Reactor) Sleeping() bool { return r.state.Load() == asleep }

// publish copies the counters for other threads, unless one is reading: the
// loop never waits for a reader.
func (r *Reactor) publish() {
	if r.published.TryLock() {
		r.published.c = r.c
		r.tasks.show(r.published.groups)
		r.published.Unlock()
	}
}
