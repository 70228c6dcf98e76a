package reactor

import (
	"fmt"

	"github.com/ceteris/ceteris/models/telemetry"
)

// DiskKind is what a disk operation does.
type DiskKind uint8

const (
	// Read fills the buffers from Off; less than asked for means end of file.
	Read DiskKind = iota
	// Write puts all bytes at Off: in the page cache, or on the device's side
	// for a file opened with O_DIRECT.
	Write
	// WriteDSync is Write, and done only when the device says the bytes and the
	// size to read them back are durable (RWF_DSYNC).
	WriteDSync
	// DataSync is fdatasync: it covers the writes completed before Submit.
	DataSync
)

// MaxIov bounds the pieces of a vectored disk operation.
const MaxIov = 16

// Completer learns on the reactor's thread that an operation is finished.
type Completer interface{ DiskDone(op *DiskOp) }

// DiskOp is one disk operation, owned and reused by its caller: untouched by
// the caller between Submit and DiskDone, as is the memory it points to. Short
// transfers are continued inside. Operations in flight at the same time run in
// any order.
type DiskOp struct {
	Kind  DiskKind
	Class Class
	FD    int
	Off   int64
	B     []byte   // the buffer, or
	Iov   [][]byte // up to MaxIov buffers, when B is nil
	Done  Completer

	Res int64 // bytes transferred
	Err error // nil, or the errno; Res bytes went through before it

	next   *DiskOp // queue of waiting or of finished operations
	slot   uint32
	flying bool
	total  int64
	sys    diskSys

	askedNs, givenNs int64 // when Submit was called, and when the kernel got it
}

// length is the bytes that the operation is to transfer.
func (op *DiskOp) length() int64 {
	if op.B != nil {
		return int64(len(op.B))
	}
	n := int64(0)
	for _, b := range op.Iov {
		n += int64(len(b))
	}
	return n
}

// diskTable bounds what the kernel has at a time and gives each operation a slot.
type diskTable struct {
	queues diskQueues
	slots  []*DiskOp
	free   []uint32
}

// Submit starts op; DiskDone follows on this thread, never from within Submit.
// Submitting an operation that is still in flight is a bug and panics.
func (r *Reactor) Submit(op *DiskOp) {
	if op.flying {
		panic(fmt.Sprintf("reactor: disk operation at %d of descriptor %d submitted while in flight", op.Off, op.FD))
	}
	if len(op.Iov) > MaxIov {
		panic(fmt.Sprintf("reactor: disk operation at %d of descriptor %d has %d pieces, at most %d", op.Off, op.FD, len(op.Iov), MaxIov))
	}
	op.flying, op.Res, op.Err = true, 0, nil
	op.total = op.length()
	op.askedNs = telemetry.Now()
	op.givenNs = op.askedNs
	r.c.DiskOps++
	if r.o.OneDiskClass {
		op.Class = Produce
	}
	if r.disks.queues.submit(op) {
		r.launch(op)
		return
	}
	r.c.DiskQueued++
	r.launchNext(op.askedNs)
}

// launchNext gives the kernel what has its turn.
func (r *Reactor) launchNext(nowNs int64) {
	for op := r.disks.queues.next(); op != nil; op = r.disks.queues.next() {
		op.givenNs = nowNs
		r.launch(op)
	}
}

func (r *Reactor) launch(op *DiskOp) {
	d := &r.disks
	if n := len(d.free); n > 0 {
		op.slot = d.free[n-1]
		d.free = d.free[:n-1]
	} else {
		op.slot = uint32(len(d.slots))
		d.slots = append(d.slots, nil)
	}
	d.slots[op.slot] = op
	r.be.disk(op)
}

// diskFinished gives op back to its owner and starts the next one waiting.
func (r *Reactor) diskFinished(op *DiskOp, err error) {
	d := &r.disks
	d.slots[op.slot] = nil
	d.free = append(d.free, op.slot)
	d.queues.done(op)
	op.Err, op.flying = err, false
	r.c.DiskBytes += op.Res
	now := telemetry.Now()
	r.timed(op, now)
	r.launchNext(now)
	op.Done.DiskDone(op)
}

// timed records how long op waited for a place in the kernel and how long it
// then took, as the shard sees it.
func (r *Reactor) timed(op *DiskOp, nowNs int64) {
	if r.o.Recorder == nil {
		return
	}
	queue := telemetry.ProduceQueue + 2*telemetry.Span(op.Class)
	r.o.Recorder.Span(queue, op.givenNs-op.askedNs)
	r.o.Recorder.Span(queue+1, nowNs-op.givenNs)
}
