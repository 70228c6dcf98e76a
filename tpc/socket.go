package tpc

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/quota"
)

// peerOf is the address at the other end of a socket, without its port.
func peerOf(fd int) netip.Addr {
	sa, err := unix.Getpeername(fd)
	if err != nil {
		return netip.Addr{}
	}
	return quota.AddressOf(sa)
}

// sharing says whether other sockets listen on the same port.
type sharing int

const (
	notShared sharing = iota
	firstOfShared
	nextOfShared
)

// bindTCP makes a non-blocking listening socket and tells where it is bound. The
// first of those that share a port must find it free like any other, and allows
// sharing only then: another broker on the port is an error, not a partner.
func bindTCP(addr *net.TCPAddr, backlog int, share sharing) (int, *net.TCPAddr, error) {
	family, sa := sockaddr(addr)
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil && share == nextOfShared {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err == nil && share == firstOfShared {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Listen(fd, backlog)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, nil, err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		_ = unix.Close(fd)
		return -1, nil, err
	}
	bound := &net.TCPAddr{}
	switch v := name.(type) {
	case *unix.SockaddrInet4:
		bound.IP, bound.Port = net.IP(v.Addr[:]), v.Port
	case *unix.SockaddrInet6:
		bound.IP, bound.Port = net.IP(v.Addr[:]), v.Port
	}
	if bound.IP.IsUnspecified() {
		bound.IP = net.IPv4(127, 0, 0, 1) // clients need an address they can dial
	}
	return fd, bound, nil
}

func sockaddr(addr *net.TCPAddr) (int, unix.Sockaddr) {
	if ip := addr.IP.To4(); ip != nil || addr.IP == nil {
		sa := &unix.SockaddrInet4{Port: addr.Port}
		copy(sa.Addr[:], ip)
		return unix.AF_INET, sa
	}
	sa := &unix.SockaddrInet6{Port: addr.Port}
	copy(sa.Addr[:], addr.IP.To16())
	return unix.AF_INET6, sa
}

// tuneSocket gives an accepted socket the same settings that the pool gives
// its own: no delay, keep-alive, and buffers by Kafka's names.
func (b *Broker) tuneSocket(fd int) {
	// A socket that refuses a setting still works; results record what was asked.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	if n := b.cfg.Int("socket.send.buffer.bytes"); n > 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, int(n))
	}
	if n := b.cfg.Int("socket.receive.buffer.bytes"); n > 0 {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, int(n))
	}
}
