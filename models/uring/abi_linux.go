package uring

// The numbers and layouts below are the kernel's user interface,
// include/uapi/linux/io_uring.h; x/sys does not carry them.

// Setup flags.
const (
	setupCQSize       = 1 << 3
	setupClamp        = 1 << 4
	setupSubmitAll    = 1 << 7
	setupCoopTaskrun  = 1 << 8
	setupTaskrunFlag  = 1 << 9
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13
	setupNoSQArray    = 1 << 16
)

// Features that the kernel reports at setup.
const (
	featSingleMmap = 1 << 0
	featNoDrop     = 1 << 1
	featExtArg     = 1 << 8
)

// Flags of io_uring_enter.
const (
	enterGetEvents      = 1 << 0
	enterExtArg         = 1 << 3
	enterRegisteredRing = 1 << 4
)

// Flags in the SQ ring, written by the kernel.
const (
	sqCQOverflow = 1 << 1
	sqTaskrun    = 1 << 2
)

// Operations of io_uring_register.
const (
	registerBuffers      = 0
	unregisterBuffers    = 1
	registerEventFD      = 4
	registerProbe        = 8
	registerRingFDs      = 20
	unregisterRingFDs    = 21
	registerPbufRing     = 22
	unregisterPbufRing   = 23
	mmapOffSQRing        = 0
	mmapOffSQEs          = 0x10000000
	probeOpSupported     = 1 << 0
	registeredRingAnyOff = ^uint32(0)
)

// Op is what an SQE asks for.
type Op uint8

// The operations that this package prepares.
const (
	OpNop         Op = 0
	OpReadv       Op = 1
	OpWritev      Op = 2
	OpFsync       Op = 3
	OpReadFixed   Op = 4
	OpWriteFixed  Op = 5
	OpPollAdd     Op = 6
	OpSendmsg     Op = 9
	OpAccept      Op = 13
	OpAsyncCancel Op = 14
	OpClose       Op = 19
	OpRead        Op = 22
	OpWrite       Op = 23
	OpSend        Op = 26
	OpRecv        Op = 27
	OpShutdown    Op = 34
	OpMsgRing     Op = 40
)

// Flags of an SQE.
const (
	FlagFixedFile    = 1 << 0
	FlagLink         = 1 << 2
	FlagAsync        = 1 << 4
	FlagBufferSelect = 1 << 5
)

const (
	fsyncDataSync   = 1 << 0
	pollMultishot   = 1 << 0
	cancelAll       = 1 << 0
	cancelFD        = 1 << 1
	recvMultishot   = 1 << 1
	acceptMultishot = 1 << 0
)

// Flags of a CQE.
const (
	CQEBuffer     = 1 << 0 // the upper half of Flags names the buffer taken
	CQEMore       = 1 << 1 // the operation goes on and will complete again
	cqeBufferBits = 16
)

// SQE is one submission queue entry, 64 bytes.
type SQE struct {
	Op       Op
	Flags    uint8
	IOPrio   uint16
	FD       int32
	Off      uint64
	Addr     uint64
	Len      uint32
	OpFlags  uint32
	UserData uint64
	BufIndex uint16 // registered buffer, or buffer group
	_        uint16
	FileSlot uint32
	Addr3    uint64
	_        uint64
}

// CQE is one completion queue entry, 16 bytes.
type CQE struct {
	UserData uint64
	Res      int32 // result, or -errno
	Flags    uint32
}

// BufferID is the provided buffer that the completion used.
func (c *CQE) BufferID() uint16 { return uint16(c.Flags >> cqeBufferBits) }

type sqOffsets struct {
	head, tail, mask, entries, flags, dropped, array, _ uint32
	_                                                   uint64
}

type cqOffsets struct {
	head, tail, mask, entries, overflow, cqes, flags, _ uint32
	_                                                   uint64
}

type params struct {
	sqEntries, cqEntries, flags, sqCPU, sqIdle, features, wqFD uint32
	_                                                          [3]uint32
	sq                                                         sqOffsets
	cq                                                         cqOffsets
}

type enterArg struct {
	sigmask     uint64
	sigmaskSize uint32
	_           uint32
	ts          uint64
}

type timespec struct{ sec, nsec int64 }

type rsrcUpdate struct {
	offset uint32
	_      uint32
	data   uint64
}

type pbufReg struct {
	addr    uint64
	entries uint32
	group   uint16
	flags   uint16
	_       [3]uint64
}

type pbuf struct {
	addr uint64
	len  uint32
	id   uint16
	tail uint16 // of the ring, in the first entry; reserved in the others
}

type probeOp struct {
	op, _ uint8
	flags uint16
	_     uint32
}

type probeTable struct {
	lastOp, opsLen uint8
	_              uint16
	_              [3]uint32
	ops            [64]probeOp
}
