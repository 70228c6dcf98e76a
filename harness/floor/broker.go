package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/busywork"
	"github.com/ceteris/ceteris/models/cluster"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/models/wire"
	"github.com/ceteris/ceteris/tpc/reactor"
)

// shardBytes is what a shard of the floor takes when nothing else is said.
const shardBytes = 64 << 20

// Broker is one running null broker.
type Broker struct {
	cfg      models.Config
	shards   []*shard
	control  control
	env      api.Env
	registry *telemetry.Registry
	addr     string
	listener net.Listener
	fd       int
	running  sync.WaitGroup
	fatal    chan error
	work     *busywork.Work
}

// LockedThreads is how many threads block in the kernel with their P.
func (b *Broker) LockedThreads() int { return b.cfg.Shards() }

// Addr is the address that clients use.
func (b *Broker) Addr() string { return b.addr }

// Fatal yields the error that ended a shard.
func (b *Broker) Fatal() <-chan error { return b.fatal }

// Telemetry is what the admin port serves.
func (b *Broker) Telemetry() *telemetry.Registry { return b.registry }

// Facts are what probing found.
func (b *Broker) Facts() map[string]string {
	f := b.shards[0].r.Facts()
	f["shards"] = strconv.Itoa(len(b.shards))
	f["append"] = strconv.FormatBool(b.cfg.Append)
	return f
}

// Start binds the port and starts the shards.
func (b *Broker) Start() error {
	b.registry = telemetry.NewRegistry()
	b.work = busywork.New(&b.cfg)
	b.registry.Handle("POST /inject/slow", b.work)
	b.control.image.Store(cluster.New("ceteris-null", b.cfg.NodeID, cluster.Defaults(&b.cfg)))
	l, err := net.Listen("tcp", b.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", b.cfg.Listen, err)
	}
	b.listener = l
	bound := l.Addr().(*net.TCPAddr)
	b.addr = bound.String()
	b.env = api.Env{
		Cfg: &b.cfg, ClusterID: "ceteris-null", Nodes: []wire.Node{{ID: b.cfg.NodeID, Host: bound.IP.String(), Port: int32(bound.Port)}},
		Image: b.control.image.Load, Control: &b.control, NowMs: telemetry.WallMs,
	}
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) { b.fd, err = unix.Dup(int(fd)) }), err)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if n := b.LockedThreads(); runtime.GOMAXPROCS(0) <= n {
		runtime.GOMAXPROCS(n + 1) // a shard keeps its P while it blocks in the kernel
	}
	return b.startShards(b.LockedThreads())
}

func (b *Broker) startShards(n int) error {
	bytes := b.cfg.MemoryBytes / int64(n)
	if bytes == 0 {
		bytes = shardBytes
	}
	seats, crowded := reactor.Seats(b.cfg.CPUs, n)
	spinNs := int64(b.cfg.Factors.Spin)
	if crowded {
		spinNs = 0
	}
	started := make(chan error, n)
	for i := range n {
		mem, err := arena.New(arena.Options{Bytes: bytes})
		if err != nil {
			return err
		}
		rec := telemetry.NewRecorder()
		r, err := reactor.New(reactor.Options{CPU: seats[i], Backend: b.cfg.Factors.Network, SpinNs: spinNs, Arena: mem, Recorder: rec})
		if err != nil {
			return err
		}
		s := &shard{b: b, id: i, r: r, arena: mem, rec: rec, started: started, work: b.work.Stream(i)}
		s.alloc = mem.Alloc
		b.registry.AddRecorder(s.rec, r.Wake, "shard", strconv.Itoa(i))
		b.registry.AddWorker("shard-"+strconv.Itoa(i), r.Times)
		b.registry.AddCopies("shard-"+strconv.Itoa(i), &s.copies)
		b.registry.SystemCalls("loop", "shard-"+strconv.Itoa(i), r.SystemCalls)
		if b.cfg.Append {
			if s.sink, err = newSink(s); err != nil {
				return err
			}
		}
		b.shards = append(b.shards, s)
	}
	for _, s := range b.shards {
		b.running.Go(func() {
			runtime.LockOSThread()
			telemetry.NameThread("shard-" + strconv.Itoa(s.id))
			if err := s.r.Run(s); err != nil {
				select {
				case started <- err:
				default:
				}
				select {
				case b.fatal <- err:
				default:
				}
			}
		})
	}
	for range b.shards {
		if err := <-started; err != nil {
			return err
		}
	}
	return nil
}

// next chooses the shard of the next connection in turn.
func (b *Broker) next(n *atomic.Int64) *shard { return b.shards[int(n.Add(1)-1)%len(b.shards)] }

// Stop ends the shards; there is nothing to save.
func (b *Broker) Stop(context.Context) error {
	err := b.listener.Close()
	for _, s := range b.shards {
		s.r.Stop()
	}
	b.running.Wait()
	for _, s := range b.shards {
		if s.sink != nil {
			err = errors.Join(err, s.sink.close())
		}
	}
	return err // the reactor has closed the listener's copy
}

var _ models.Broker = (*Broker)(nil)
