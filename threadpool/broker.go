package threadpool

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/threadpool/kernel"
	"github.com/ceteris/ceteris/threadpool/purgatory"
)

// Broker is one running thread pool.
type Broker struct {
	cfg models.Config
	fs  disk.FS
	env api.Env

	gogo     bool // threads=goroutine
	inflight int
	power    bool // durability=power
	syncEach bool // commit=each
	direct   bool // disk=direct

	regionBytes int64 // memory=arena: of each network thread; else 0
	maxFrame    int
	maxIdleNs   int64

	controller *cluster.Controller
	image      atomic.Pointer[cluster.Image]
	replicas   atomic.Pointer[replicaSet]

	sessionLock kernel.Mutex
	sessions    *api.Sessions
	sessionIDs  atomic.Int32

	threads    threads
	crew       crew
	idle       *idle
	memory     memory
	windows    windowBudget           // disk=direct: tails in memory
	zeroed     atomic.Uint64          // disk=direct: bytes zero-filled ahead
	refused    atomic.Pointer[string] // disk=direct: why the file system does not
	locks      locks
	acceptor   *acceptor
	processors []*processor
	channel    *channel
	staff      staff // the handlers
	produces   *purgatory.Purgatory
	fetches    *purgatory.Purgatory
	writer     *writer // durability=memory
	background *scheduler
	quotas     *quotas        // nil: no client is limited
	work       *busywork.Work // service time that an experiment adds

	registry      *telemetry.Registry
	storageErrors *telemetry.SharedCounter
	fatal         chan error
	trace         func(step, *request) // see at; set before Start, by tests
}

// New makes a broker that is not started. It refuses factor values that the
// model does not implement.
func New(cfg models.Config) (*Broker, error) {
	if err := check(&cfg); err != nil {
		return nil, err
	}
	b := &Broker{cfg: cfg, fs: disk.OS, registry: telemetry.NewRegistry(), fatal: make(chan error, 1)}
	b.work = busywork.New(&b.cfg)
	b.registry.Handle("POST /inject/slow", b.work)
	f := &b.cfg.Factors
	b.gogo = f.Threads == "goroutine"
	b.inflight = f.Inflight
	b.direct = f.Disk == "direct"
	b.power, b.syncEach = f.Durability == models.Power, f.Commit == "each"
	b.maxFrame = int(cfg.Int("socket.request.max.bytes"))
	b.maxIdleNs = max(cfg.Int("connections.max.idle.ms"), 0)
	if b.maxIdleNs < int64(time.Hour)*24*365 {
		b.maxIdleNs *= int64(time.Millisecond)
	}
	b.threads.locked = !b.gogo
	cpus, err := seatCPUs(&b.cfg)
	if err != nil {
		return nil, err
	}
	b.crew = crew{threads: &b.threads, cpus: cpus, begun: make(chan standing), gate: make(chan struct{})}
	b.idle = newIdle(f, max(len(cpus), cpuCount(&b.cfg)))
	b.memory.limit = memoryLimit(cfg.MemoryBytes)
	b.windows.limit = b.memory.limit / 4
	if f.Memory == "arena" {
		b.regionBytes = b.memory.limit / cfg.Int("num.network.threads")
	}
	if n := cfg.Int("queued.max.request.bytes"); n > 0 {
		b.memory.limit = min(b.memory.limit, n)
	}
	b.quotas = newQuotas(&b.cfg, b.gogo, &b.locks.quotas)
	b.memory.freed = func() {
		for _, p := range b.processors {
			p.selector.wakeup()
		}
	}
	b.sessionLock.Go(b.gogo)
	b.sessionLock.Of(&b.locks.sessions)
	b.sessionIDs.Store(api.FirstSession())
	b.sessions = api.NewSessions(int(cfg.Int("max.incremental.fetch.session.cache.slots")), &b.sessionIDs)
	b.replicas.Store(&replicaSet{})
	b.background = newScheduler(int(cfg.Int("background.threads")))
	b.produces = b.newPurgatory("produce", "producer.purgatory.purge.interval.requests")
	b.fetches = b.newPurgatory("fetch", "fetch.purgatory.purge.interval.requests")
	if f.Durability == models.Memory {
		b.writer = newWriter(b)
	}
	return b, nil
}

func (b *Broker) newPurgatory(name, purge string) *purgatory.Purgatory {
	return purgatory.New(purgatory.Options{
		Name: name, NowMs: func() int64 { return telemetry.Now() / 1_000_000 },
		PurgeInterval: int(b.cfg.Int(purge)), Sched: b.gogo,
	})
}

// memoryLimit is the configured bound, or a quarter of the machine's memory.
func memoryLimit(bytes int64) int64 {
	if bytes > 0 {
		return bytes
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 1 << 30
	}
	return int64(info.Totalram) * int64(info.Unit) / 4
}

// Start opens the data directory and serves.
func (b *Broker) Start() error {
	if err := b.load(); err != nil {
		return err
	}
	if err := b.open(); err != nil {
		return errors.Join(err, b.closeLogs())
	}
	b.instrument()
	return b.serve()
}

// load recovers the data directory with num.recovery.threads.per.data.dir.
func (b *Broker) load() error {
	c, err := cluster.Boot(b.fs, &b.cfg, cluster.Defaults(&b.cfg), 1)
	if err != nil {
		return err
	}
	b.controller = c
	if c.Staged.Slots > 0 {
		slog.Warn("recovered: " + c.Staged.String())
	}
	opened, err := c.OpenLogs(int(b.cfg.Int("num.recovery.threads.per.data.dir")))
	if err != nil {
		return errors.Join(err, c.Logs().Close(false))
	}
	for i := range opened {
		if err := b.OpenPartition(opened[i].Topic, opened[i].Index, opened[i].Log); err != nil {
			return errors.Join(err, b.closeLogs())
		}
	}
	return nil
}

// open binds the listener and makes the threads' state.
func (b *Broker) open() (err error) {
	if b.acceptor, err = listen(&b.cfg, b.gogo); err != nil {
		return err
	}
	b.channel = newChannel(int(b.cfg.Int("queued.max.requests")), b.idle, b.gogo, &b.locks.requestQueue)
	for range b.cfg.Int("num.network.threads") {
		p, err := newProcessor(b, b.idle.seat(len(b.processors)))
		if err != nil {
			b.closeSockets()
			return err
		}
		b.processors = append(b.processors, p)
	}
	b.acceptor.processors = b.processors
	for range b.cfg.Int("num.io.threads") {
		b.staff.hire(b)
	}
	host, port, err := net.SplitHostPort(b.acceptor.addr)
	if err != nil {
		return fmt.Errorf("listener address %q: %w", b.acceptor.addr, err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return fmt.Errorf("listener address %q: %w", b.acceptor.addr, err)
	}
	b.controller.Serve(b)
	b.env = api.Env{
		Cfg: &b.cfg, ClusterID: b.image.Load().ClusterID(),
		Nodes:   []wire.Node{{ID: b.cfg.NodeID, Host: host, Port: int32(n)}},
		Image:   b.image.Load,
		Control: b.controller, NowMs: telemetry.WallMs,
	}
	return nil
}

// serve starts every thread. A locked thread keeps a scheduler slot, so there
// must be one for each and one for the rest; the command sets that, and it is
// made sure of here for whoever embeds a broker.
func (b *Broker) serve() error {
	if need := Threads(&b.cfg) + 1; runtime.GOMAXPROCS(0) < need {
		runtime.GOMAXPROCS(need)
	}
	for i, p := range b.processors {
		p.selector.seat.rise()
		b.crew.add(processorName(i), p.prepare, p.run)
	}
	for _, h := range b.staff.handlers {
		h.seat.rise()
		b.crew.add(h.name, nil, h.run)
	}
	b.crew.add("produce-expiry", nil, b.produces.Run)
	b.crew.add("fetch-expiry", nil, b.fetches.Run)
	if b.writer != nil {
		b.crew.add("writer", nil, b.writer.run)
	}
	b.crew.add("acceptor", nil, b.acceptor.run)
	if err := b.crew.release(); err != nil {
		b.closeSockets()
		return errors.Join(err, b.closeLogs())
	}
	b.crew.instrument(b.registry)
	b.registry.Collect(b.readSwitches)
	ms := func(name string) time.Duration { return millis(b.cfg.Int(name)) }
	b.background.every(ms("log.retention.check.interval.ms"), b.retain)
	if b.cfg.Int("log.cleaner.enable") != 0 {
		for range b.cfg.Int("log.cleaner.threads") {
			b.background.every(ms("log.cleaner.backoff.ms"), b.compactLogs)
		}
	}
	if !b.power {
		b.background.every(ms("log.flush.scheduler.interval.ms"), b.flushLogs)
	}
	b.background.every(ms("log.flush.offset.checkpoint.interval.ms"), b.checkpoint)
	return nil
}

// closeSockets undoes open, before any thread works.
func (b *Broker) closeSockets() {
	for _, p := range b.processors {
		p.selector.close()
	}
	b.freeRegions()
	b.acceptor.close()
	b.acceptor = nil
}

// arenaOptions are those of a network thread's region.
func (b *Broker) arenaOptions() arena.Options {
	return arena.Options{
		Bytes: b.regionBytes, Lock: b.cfg.Int("memory.lock") != 0,
		Pages: []arena.Pages{arena.SmallPages, arena.TransparentPages, arena.HugePages}[b.cfg.Int("memory.huge.pages")],
	}
}

// freeRegions unmaps the network threads' memory when they have ended.
func (b *Broker) freeRegions() {
	runtime.LockOSThread() // it is the owner's meanwhile
	defer runtime.UnlockOSThread()
	for _, p := range b.processors {
		if p.region != nil {
			p.region.close()
		}
	}
}

// millis is a duration of so many ms, cut off where a Duration ends.
func millis(n int64) time.Duration {
	return time.Duration(min(n, int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond
}

// Addr is where clients reach the broker.
func (b *Broker) Addr() string { return b.acceptor.addr }

// Fatal never yields: a partition whose storage fails is closed to appends, and
// the broker goes on with the others.
func (b *Broker) Fatal() <-chan error { return b.fatal }

// Telemetry is what the admin port serves.
func (b *Broker) Telemetry() *telemetry.Registry { return b.registry }

// LockedThreads is how many scheduler slots the pool's threads keep.
func (b *Broker) LockedThreads() int { return Threads(&b.cfg) }

// Facts are what was decided at start.
func (b *Broker) Facts() map[string]string {
	network := "epoll"
	switch p := b.processors[0]; {
	case b.gogo:
		network = "epoll under Go's netpoller"
	case p.selector.ring != nil:
		network = "io_uring " + p.selector.ring.ring.Setup()
	case p.why != "":
		network = "epoll, no ring: " + p.why
	}
	facts := map[string]string{
		"network":            network,
		"threads.locked":     strconv.Itoa(map[bool]int{false: Threads(&b.cfg), true: 0}[b.gogo]),
		"threads.bound":      b.crew.String(),
		"gomaxprocs":         strconv.Itoa(runtime.GOMAXPROCS(0)),
		"spin.cpus":          strconv.Itoa(len(b.idle.seats) * int(b.idle.seats[0].cpus)),
		"memory.limit.bytes": strconv.FormatInt(b.memory.limit, 10),
	}
	storage, err := disk.Probe(b.cfg.DataDir)
	if err != nil {
		facts["disk.probe"] = err.Error()
	}
	maps.Copy(facts, storage)
	if r := b.processors[0].region; r != nil {
		for k, v := range r.arena.Facts() {
			facts["memory."+k] = v
		}
		facts["memory.frame.max.bytes"] = strconv.Itoa(b.processors[0].maxFrame)
	}
	if why := b.refused.Load(); why != nil {
		facts["disk"] = "buffered: " + *why
	}
	return facts
}
