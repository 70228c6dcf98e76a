package tpc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/arena"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/tpc/reactor"
	"github.com/ceteris/ceteris/tpc/staged"
)

// outside is what a broker takes from its process and from the kernel besides
// its reactors: threads, sockets, clocks, waiting. The simulation of a whole
// broker puts one here in which nothing happens by itself.
type outside interface {
	// say logs.
	say(format string, args ...any)
	// threads prepares the process for n locked threads.
	threads(n int)
	// watch watches the shards for stalls.
	watch() error
	// arena makes a shard's memory, near its processor.
	arena(cpu int, bytes int64) (*arena.Arena, error)
	// staging is where staging files lie.
	staging() staged.Files
	// options has the last word on how a shard's reactor runs.
	options(o *reactor.Options)
	// run runs the shard's reactor and tells ended when it is over.
	run(s *shard, ended func(error))
	// claim is called on the shard's thread before it uses its memory.
	claim(s *shard)
	// join waits for all that run has started.
	join()
	// receive takes messages of other shards; 0 means that there was none.
	receive(s *shard) int
	// wait is for what a shard's thread will send.
	wait(done <-chan error) error
	// sleep ends early, with its error, when ctx ends.
	sleep(ctx context.Context, d time.Duration) error
	// timeout is context.WithTimeout.
	timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)

	// firstSession is where the ids of fetch sessions begin.
	firstSession() int32

	nowNs() int64 // monotonic
	wallMs() int64

	bind(addr *net.TCPAddr, backlog int, share sharing) (fd int, bound *net.TCPAddr, err error)
	tune(b *Broker, fd int)
	peer(fd int) netip.Addr // the zero address when it is gone already
	closeSocket(fd int)
}

// process is the real one.
type process struct{ b *Broker }

func (p process) say(format string, args ...any) { slog.Warn(fmt.Sprintf(format, args...)) }

func (p process) threads(n int) {
	// A shard keeps its P while it blocks in the kernel. The broker command sets
	// the number; whoever runs a broker inside another program must not starve it.
	if runtime.GOMAXPROCS(0) <= n {
		runtime.GOMAXPROCS(n + 1)
	}
}

func (p process) watch() error { return p.b.startWatch() }

func (p process) arena(cpu int, bytes int64) (*arena.Arena, error) { return p.b.newArena(cpu, bytes) }

func (p process) staging() staged.Files { return staged.OS{} }

func (p process) options(*reactor.Options) {}

func (p process) run(s *shard, ended func(error)) {
	p.b.running.Go(func() {
		runtime.LockOSThread()
		telemetry.NameThread("shard-" + strconv.Itoa(s.id))
		ended(s.r.Run(s))
	})
}

// claim touches the pool here so that its pages lie on this core's node.
func (p process) claim(s *shard) {
	s.arena.Own()
	s.arena.Touch()
}

func (p process) join() { p.b.running.Wait() }

func (p process) receive(s *shard) int { return p.b.mesh.Recv(s.id, recvBudget, s) }

func (p process) wait(done <-chan error) error { return <-done }

func (p process) sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (p process) timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (p process) firstSession() int32 { return api.FirstSession() }

func (p process) nowNs() int64  { return telemetry.Now() }
func (p process) wallMs() int64 { return telemetry.WallMs() }

func (p process) bind(addr *net.TCPAddr, backlog int, share sharing) (int, *net.TCPAddr, error) {
	return bindTCP(addr, backlog, share)
}

func (p process) tune(b *Broker, fd int) { b.tuneSocket(fd) }
func (p process) peer(fd int) netip.Addr { return peerOf(fd) }
func (p process) closeSocket(fd int)     { _ = unix.Close(fd) }
