package threadpool

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models"
	"github.com/ceteris/ceteris/models/quota"
	"github.com/ceteris/ceteris/models/telemetry"
	"github.com/ceteris/ceteris/threadpool/kernel"
)

// acceptor deals new connections to the processors, round robin. It tries each
// processor without waiting and blocks on the last one tried.
type acceptor struct {
	fd         int
	addr       string
	selector   *selector
	processors []*processor
	next       int
	limit      int64
	sndbuf     int
	rcvbuf     int
	stopping   atomic.Bool
	crowd      crowd
	pace       rate

	open      atomic.Int64  // connections, accepted and not closed
	accepted  atomic.Uint64 // since start
	blockedNs atomic.Uint64
}

// listen binds the address of cfg.
func listen(cfg *models.Config, gogo bool) (*acceptor, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", cfg.Listen, err)
	}
	tcp, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", cfg.Listen, err)
	}
	a := &acceptor{
		fd: -1, limit: cfg.Int("max.connections"),
		sndbuf: int(cfg.Int("socket.send.buffer.bytes")), rcvbuf: int(cfg.Int("socket.receive.buffer.bytes")),
	}
	if err := a.bind(tcp, int(cfg.Int("socket.listen.backlog.size"))); err != nil {
		if a.fd >= 0 {
			_ = unix.Close(a.fd)
		}
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	a.crowd.open.Limit = int(cfg.Int("max.connections.per.ip"))
	a.crowd.lock.Go(gogo)
	a.pace.arrivals.PerSec = cfg.Int("max.connection.creation.rate")
	a.pace.rest.Go(gogo)
	if a.selector, err = newSelector(new(idle), new(seat), gogo); err == nil {
		if err = a.selector.epoll.Add(a.fd, unix.EPOLLIN, 0); err == nil {
			return a, nil
		}
		a.selector.close()
	}
	_ = unix.Close(a.fd)
	return nil, err
}

func (a *acceptor) bind(tcp *net.TCPAddr, backlog int) error {
	ip, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		ip = netip.IPv6Unspecified()
	}
	ip = ip.Unmap()
	family := unix.AF_INET6
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: tcp.Port, Addr: ip.As16()}
	if ip.Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: tcp.Port, Addr: ip.As4()}
	}
	var err error
	if a.fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		a.fd = -1
		return os.NewSyscallError("socket", err)
	}
	if err := unix.SetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if a.rcvbuf > 0 { // before listen, so that accepted sockets scale their window by it
		if err := unix.SetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, a.rcvbuf); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if err := unix.Bind(a.fd, sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(a.fd, backlog); err != nil {
		return os.NewSyscallError("listen", err)
	}
	bound, err := unix.Getsockname(a.fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	port := 0
	switch b := bound.(type) {
	case *unix.SockaddrInet4:
		port = b.Port
	case *unix.SockaddrInet6:
		port = b.Port
	}
	a.addr = netip.AddrPortFrom(ip, uint16(port)).String()
	return nil
}

// run is the acceptor thread.
func (a *acceptor) run() {
	none := func() bool { return a.stopping.Load() }
	for !a.stopping.Load() {
		if a.open.Load() >= a.limit {
			time.Sleep(10 * time.Millisecond) // off the data path: the broker is full
			continue
		}
		for range a.selector.poll(false, false, none) {
			a.acceptAll()
		}
	}
}

func (a *acceptor) acceptAll() {
	for !a.stopping.Load() && a.open.Load() < a.limit {
		fd, sa, err := unix.Accept4(a.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
			time.Sleep(100 * time.Millisecond) // until descriptors come back
			return
		case err != nil:
			continue // the client gave up between its connect and our accept
		}
		from := quota.AddressOf(sa)
		if !a.crowd.enter(from) {
			_ = unix.Close(fd)
			continue
		}
		a.configure(fd)
		a.open.Add(1)
		a.accepted.Add(1)
		a.pace.wait(&a.stopping)
		a.deal(arrival{fd, from})
	}
}

// configure sets what Kafka sets. A failure leaves a socket that works, slower.
func (a *acceptor) configure(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	if a.sndbuf > 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, a.sndbuf)
	}
	if a.rcvbuf > 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, a.rcvbuf)
	}
}

// arrival is an accepted socket on its way to its processor.
type arrival struct {
	fd   int
	from netip.Addr
}

// left counts a connection as closed. Any thread of the pool.
func (a *acceptor) left(from netip.Addr) {
	a.open.Add(-1)
	a.crowd.leave(from)
}

// deal gives the connection to the next processor with room, and waits for the
// last one when none has.
func (a *acceptor) deal(x arrival) {
	for range a.processors {
		p := a.processors[a.next]
		a.next = (a.next + 1) % len(a.processors)
		if p.offer(x) {
			return
		}
	}
	last := a.processors[(a.next+len(a.processors)-1)%len(a.processors)]
	start := telemetry.Now()
	for !last.offer(x) {
		if a.stopping.Load() {
			_ = unix.Close(x.fd)
			a.left(x.from)
			return
		}
		last.vacancy.Wait(waitNs)
	}
	a.blockedNs.Add(uint64(telemetry.Now() - start))
}

// stop ends run; close frees the descriptors after it has ended.
func (a *acceptor) stop() {
	a.stopping.Store(true)
	kernel.Kick(a.selector.wake)
	a.pace.rest.Open()
	for _, p := range a.processors {
		p.vacancy.Open()
	}
}

func (a *acceptor) close() {
	a.selector.close()
	_ = unix.Close(a.fd)
}
