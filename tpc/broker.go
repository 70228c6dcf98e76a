package tpc

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/disk"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/mesh"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// meshCapacity is the ring size of each ordered pair of shards, or the size of
// each inbox.
const meshCapacity = 1024

// Broker is one running shard-per-core broker.
type Broker struct {
	cfg      models.Config
	fs       disk.FS // tests put one here that fails
	out      outside // and simulations their own
	shards   []*shard
	crowded  bool // more shards than processors: nobody spins
	mesh     mesh.Carrier[message]
	services *mesh.Services
	groups   [groups]*mesh.Service
	image    atomic.Pointer[cluster.Image]
	control  *cluster.Controller
	env      api.Env
	registry *telemetry.Registry
	work     *busywork.Work // service time that an experiment adds
	sessions atomic.Int32

	checkpoints checkpoints
	moves       moves
	balance     balance

	leastBytes int64  // of a shard's memory
	most       limits // of what is done in one go

	listeners []int    // by shard, -1 when it is the reactor's; one alone with accept=handoff
	addrs     []string // that clients are told
	open      atomic.Int64
	door      *door // shard 0's; nil: connections are limited by neither address nor rate
	running   sync.WaitGroup
	watch     *reactor.Watchdog
	fatal     chan error
	released  bool
	leaked    []error // shards that ended with memory still out

	mu    sync.Mutex
	facts map[string]string
}

func newBroker(cfg models.Config) *Broker {
	b := &Broker{
		cfg: cfg, fs: disk.OS, registry: telemetry.NewRegistry(), fatal: make(chan error, 1),
		facts: map[string]string{}, leastBytes: minShardBytes, most: usualLimits, moves: newMoves(),
	}
	b.work = busywork.New(&b.cfg)
	b.registry.Handle("POST /inject/slow", b.work)
	b.door = b.newDoor()
	b.out = process{b}
	return b
}

// LockedThreads is how many threads block in the kernel with their P.
func (b *Broker) LockedThreads() int { return b.cfg.Shards() }

// Addr is the address that clients begin with: with routing=direct the first
// shard's, the others are in the metadata and in Facts.
func (b *Broker) Addr() string {
	if len(b.addrs) == 0 {
		return ""
	}
	return b.addrs[0]
}

// Fatal yields the error that ended a shard.
func (b *Broker) Fatal() <-chan error { return b.fatal }

// Telemetry is what the admin port serves.
func (b *Broker) Telemetry() *telemetry.Registry { return b.registry }

// Facts are what probing found: of the first shard, and of others what is not as it
// is there.
func (b *Broker) Facts() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := maps.Clone(b.facts)
	var shards []map[string]string
	for _, s := range b.shards {
		shards = append(shards, s.r.Facts())
	}
	tell(out, shards)
	return out
}

// tell adds the facts of shards to out.
func tell(out map[string]string, shards []map[string]string) {
	for i, facts := range shards {
		for k, v := range facts {
			switch {
			case i == 0:
				out[k] = v
			case k != "cpu" && shards[0][k] != v:
				out[k] += fmt.Sprintf("; shard %d: %s", i, v)
			}
		}
	}
}

func (b *Broker) setFact(k, v string) {
	b.mu.Lock()
	b.facts[k] = v
	b.mu.Unlock()
}

func (b *Broker) logf(format string, args ...any) { b.out.say(format, args...) }

// on runs f on a shard's thread, in the control group, and waits for it. Cold
// paths only.
func (b *Broker) on(s *shard, f func(*shard) error) error {
	done := make(chan error, 1)
	task := reactor.Func(func() { done <- f(s) })
	if !s.r.Post(reactor.Func(func() { s.controlGroup.Ready(task) })) {
		return fmt.Errorf("shard %d has stopped", s.id)
	}
	return b.out.wait(done)
}

func (b *Broker) stopShards() {
	for _, s := range b.shards {
		s.r.Stop()
	}
	b.out.join()
	b.stopWatch()
}

// waker lets the mesh wake a shard; the reactor itself knows whether it sleeps.
type waker struct{ r *reactor.Reactor }

func (w waker) Asleep() bool { return true }
func (w waker) Wake()        { w.r.Wake() }

// lateControl is the controller as the APIs see it: made after the listener.
type lateControl struct{ b *Broker }

func (c lateControl) Mutate(cmd cluster.Command) (*cluster.Image, int16, string) {
	return c.b.control.Mutate(cmd)
}
func (c lateControl) NextProducerID() (int64, int16) { return c.b.control.NextProducerID() }

var (
	_ models.Broker = (*Broker)(nil)
	_ cluster.Mover = (*Broker)(nil)
)
