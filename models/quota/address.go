//go:build unix

package quota

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// AddressOf is a peer's address without its port, as [Addresses] counts it; the zero
// address of a socket that has none.
func AddressOf(sa unix.Sockaddr) netip.Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr).Unmap()
	}
	return netip.Addr{}
}
