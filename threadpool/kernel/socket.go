package kernel

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Recv reads from a non-blocking socket into b, which must not be empty. n is 0
// at the end of the stream.
func Recv(fd int, b []byte) (n int, errno syscall.Errno) {
	r, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(r), errno
}

// Send writes b, which must not be empty, to a non-blocking socket. more says
// that further bytes follow at once, so the kernel may hold back a short packet.
func Send(fd int, b []byte, more bool) (n int, errno syscall.Errno) {
	flags := uintptr(unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	r, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
	return int(r), errno
}

// Kick adds one to an eventfd.
func Kick(fd int) {
	calls.Inc(uintptr(fd))
	one := uint64(1)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}

// Calm resets an eventfd.
func Calm(fd int) {
	calls.Inc(uintptr(fd))
	var n uint64
	_, _, _ = syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&n)), 8)
}
