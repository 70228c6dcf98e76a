package uring

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The methods below fill a cleared entry. UserData and Flags are the caller's.

func address(b []byte) (uint64, uint32) {
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), uint32(len(b))
}

// Nop completes at once.
func (e *SQE) Nop() { e.Op = OpNop }

// AcceptMultishot completes with a new descriptor for every connection until
// CQEMore is missing. flags are accept4's.
func (e *SQE) AcceptMultishot(fd int, flags uint32) {
	e.Op, e.FD, e.OpFlags, e.IOPrio = OpAccept, int32(fd), flags, acceptMultishot
}

// RecvMultishot completes for every arrival with a buffer of the group until
// CQEMore is missing: end of file (0), an error, or ENOBUFS when the group is empty.
func (e *SQE) RecvMultishot(fd int, group uint16) {
	e.Op, e.FD, e.IOPrio, e.Flags, e.BufIndex = OpRecv, int32(fd), recvMultishot, FlagBufferSelect, group
}

// RecvSelect receives once into a buffer of the group.
func (e *SQE) RecvSelect(fd int, group uint16) {
	e.Op, e.FD, e.Flags, e.BufIndex = OpRecv, int32(fd), FlagBufferSelect, group
}

// Recv receives once into b; with MSG_WAITALL the kernel itself continues until
// b is full, the end, or an error.
func (e *SQE) Recv(fd int, b []byte, flags uint32) {
	e.Op, e.FD, e.OpFlags = OpRecv, int32(fd), flags
	e.Addr, e.Len = address(b)
}

// Send sends b; with MSG_WAITALL the kernel itself continues short sends.
func (e *SQE) Send(fd int, b []byte, flags uint32) {
	e.Op, e.FD, e.OpFlags = OpSend, int32(fd), flags
	e.Addr, e.Len = address(b)
}

// Sendmsg sends what m points to; m and its vector stay put until completion.
func (e *SQE) Sendmsg(fd int, m *unix.Msghdr, flags uint32) {
	e.Op, e.FD, e.OpFlags, e.Len = OpSendmsg, int32(fd), flags, 1
	e.Addr = uint64(uintptr(unsafe.Pointer(m)))
}

// Read reads into b at off; rwf are preadv2's flags.
func (e *SQE) Read(fd int, b []byte, off int64, rwf uint32) { e.rw(OpRead, fd, b, off, rwf) }

// Write writes b at off; rwf are pwritev2's flags, such as RWF_DSYNC.
func (e *SQE) Write(fd int, b []byte, off int64, rwf uint32) { e.rw(OpWrite, fd, b, off, rwf) }

// ReadFixed reads into b, which lies in the registered buffer index.
func (e *SQE) ReadFixed(fd int, b []byte, off int64, rwf uint32, index uint16) {
	e.rw(OpReadFixed, fd, b, off, rwf)
	e.BufIndex = index
}

// WriteFixed writes b, which lies in the registered buffer index.
func (e *SQE) WriteFixed(fd int, b []byte, off int64, rwf uint32, index uint16) {
	e.rw(OpWriteFixed, fd, b, off, rwf)
	e.BufIndex = index
}

func (e *SQE) rw(op Op, fd int, b []byte, off int64, rwf uint32) {
	e.Op, e.FD, e.Off, e.OpFlags = op, int32(fd), uint64(off), rwf
	e.Addr, e.Len = address(b)
}

// Readv reads into the vector; it stays put until completion.
func (e *SQE) Readv(fd int, iov []unix.Iovec, off int64, rwf uint32) {
	e.rwv(OpReadv, fd, iov, off, rwf)
}

// Writev writes the vector; it stays put until completion.
func (e *SQE) Writev(fd int, iov []unix.Iovec, off int64, rwf uint32) {
	e.rwv(OpWritev, fd, iov, off, rwf)
}

func (e *SQE) rwv(op Op, fd int, iov []unix.Iovec, off int64, rwf uint32) {
	e.Op, e.FD, e.Off, e.OpFlags = op, int32(fd), uint64(off), rwf
	e.Addr, e.Len = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(iov)))), uint32(len(iov))
}

// DataSync is fdatasync. The kernel runs it on a worker of its own.
func (e *SQE) DataSync(fd int) { e.Op, e.FD, e.OpFlags = OpFsync, int32(fd), fsyncDataSync }

// Fsync is fsync.
func (e *SQE) Fsync(fd int) { e.Op, e.FD = OpFsync, int32(fd) }

// Poll completes when an event of the mask happens; multishot goes on until
// CQEMore is missing.
func (e *SQE) Poll(fd int, mask uint32, multishot bool) {
	e.Op, e.FD, e.OpFlags = OpPollAdd, int32(fd), mask
	if multishot {
		e.Len = pollMultishot
	}
}

// MsgRing posts a completion with the given result and user data on another
// ring, waking its thread.
func (e *SQE) MsgRing(ringFD int, res uint32, userData uint64) {
	e.Op, e.FD, e.Len, e.Off = OpMsgRing, int32(ringFD), res, userData
}

// Cancel ends the operations that carry the given user data; they complete
// themselves, usually with ECANCELED.
func (e *SQE) Cancel(userData uint64) {
	e.Op, e.FD, e.Addr, e.OpFlags = OpAsyncCancel, -1, userData, cancelAll
}

// CancelFD ends every operation on a descriptor.
func (e *SQE) CancelFD(fd int) {
	e.Op, e.FD, e.OpFlags = OpAsyncCancel, int32(fd), cancelAll|cancelFD
}

// Shutdown is shutdown(2).
func (e *SQE) Shutdown(fd, how int) { e.Op, e.FD, e.Len = OpShutdown, int32(fd), uint32(how) }

// CloseFD is close(2).
func (e *SQE) CloseFD(fd int) { e.Op, e.FD = OpClose, int32(fd) }
