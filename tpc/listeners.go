package tpc

import (
	"fmt"
	"net"
	"strings"

	"github.com/ceteris/ceteris/models/api"
	"github.com/ceteris/ceteris/models/wire"
)

// With routing=direct clients take shard i of broker n for node n + i*nodeStride,
// which leaves the lower ids to brokers.
const nodeStride = 1000

func (b *Broker) direct() bool { return b.cfg.Factors.Routing == "direct" }

// handsOff reports whether one shard accepts for all.
func (b *Broker) handsOff() bool { return !b.direct() && b.cfg.Factors.Accept == "handoff" }

// listen binds before anything is recovered: a port that is taken is the
// cheapest error. One listener serves all shards, or each has its own: on the
// same port with accept=reuseport, on the next port up from the one given with
// routing=direct. Port 0 is always the kernel's choice.
func (b *Broker) listen() error {
	addr, err := net.ResolveTCPAddr("tcp", b.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen address %q: %w", b.cfg.Listen, err)
	}
	n := b.LockedThreads()
	if b.handsOff() {
		n = 1
	}
	if last := addr.Port + n - 1; b.direct() && last > 65535 {
		return fmt.Errorf("listen on %s: with routing=direct %d shards need the ports up to %d", b.cfg.Listen, n, last)
	}
	b.env = api.Env{Cfg: &b.cfg, Direct: b.direct(), Image: b.image.Load, Control: lateControl{b}, NowMs: b.out.wallMs}
	at := *addr
	for i := range n {
		if b.direct() && addr.Port != 0 {
			at.Port = addr.Port + i
		}
		share := notShared
		if n > 1 && !b.direct() {
			share = firstOfShared + sharing(min(i, 1))
		}
		fd, bound, err := b.out.bind(&at, int(b.cfg.Int("socket.listen.backlog.size")), share)
		if err != nil {
			return fmt.Errorf("listen on %s for shard %d: %w", at.String(), i, err)
		}
		b.listeners = append(b.listeners, fd)
		if share != notShared {
			at.Port = bound.Port
		}
		if i == 0 || b.direct() {
			b.addrs = append(b.addrs, bound.String())
			b.env.Nodes = append(b.env.Nodes, wire.Node{ID: b.cfg.NodeID + int32(i)*nodeStride, Host: bound.IP.String(), Port: int32(bound.Port)})
		}
	}
	b.setFact("listeners", strings.Join(b.addrs, ","))
	return nil
}

// accept lets every shard that has a listener take connections.
func (b *Broker) accept() error {
	for i, fd := range b.listeners {
		err := b.on(b.shards[i], func(s *shard) error {
			l, err := s.r.Listen(fd, s)
			if err == nil {
				s.listening, b.listeners[i] = l, -1 // the reactor's now
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// closeListeners closes what no reactor has taken over.
func (b *Broker) closeListeners() {
	for i, fd := range b.listeners {
		if fd >= 0 {
			b.out.closeSocket(fd)
			b.listeners[i] = -1
		}
	}
}
