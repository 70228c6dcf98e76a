package reactor

import (
	"errors"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/telemetry"
)

// The backends that [Options.Backend] can name. BackendAuto takes io_uring when
// the kernel offers all of it that the reactor needs, else epoll.
const (
	BackendAuto  = "auto"
	BackendURing = "uring"
	BackendEpoll = "epoll"
)

var (
	// ErrStopped is what operations end with when the reactor stops under them.
	ErrStopped = errors.New("reactor: stopped")
	// ErrClosed is what a send ends with when its own side closed the stream.
	ErrClosed = errors.New("reactor: stream closed before the send was complete")
)

// Options says how a reactor runs. The zero value of a field is its default
// except for CPU, where 0 is a processor and -1 leaves the thread unpinned.
type Options struct {
	Name         string          // of the shard, in profiles and reports; default: a number
	CPU          int             // processor to run on, -1: not pinned
	Backend      string          // BackendAuto, BackendURing or BackendEpoll
	SpinNs       int64           // how long an idle loop polls before it sleeps; math.MaxInt64: for ever
	Arena        iobuf.Allocator // where receive buffers come from; the reactor's thread is its owner
	RecvBufBytes int             // size of a receive buffer, bytes; default 32 KiB
	RecvBufs     int             // receive buffers that io_uring holds ready, a power of two; default 256
	TaskQuotaNs  int64           // how long ready tasks run before I/O is looked at again; default 500 µs
	DiskDepth    int             // disk operations in the kernel's hands at a time, the rest wait; default 256
	OneDiskClass bool            // disk operations of all classes wait in one queue, for comparison

	Recorder *telemetry.Recorder // where the times of disk operations are recorded; nil: nowhere
	Sim      *Sim                // a simulated kernel: the reactor is begun and stepped, not run; default: the real one
}

// Hooks is what the shell does in every round, on the reactor's thread.
type Hooks interface {
	// Start is called once, before the first round, when the backend stands;
	// an error ends Run. Listeners and streams may be attached from here on.
	Start(r *Reactor) error
	// Poll drains the shell's mailboxes. It is also the last look before the
	// reactor sleeps, so it must find whatever was published before a Wake.
	// True means that it did something.
	Poll() bool
	// Flush is called after the round's work: the place to Send what was
	// gathered and to publish outgoing messages.
	Flush()
}

// StreamHandler is the owner of a stream. All calls come on the reactor's
// thread and never from within a method of Stream.
type StreamHandler interface {
	// OnData hands over received bytes b.B[:n] and one reference to b.
	OnData(b *iobuf.Buf, n int)
	// OnSent says that the chain given to Send has gone out entirely (nil) or
	// never will. It comes exactly once for every Send; the chain is the
	// caller's again.
	OnSent(err error)
	// OnClosed is the last call: nil when either side closed in good order. The
	// file descriptor is closed, nothing of the stream is in the kernel's hands,
	// and the *Stream belongs to the reactor again: forget it.
	OnClosed(err error)
}

// Acceptor receives accepted connections: non-blocking, close-on-exec
// descriptors that now belong to it. It may Attach them or give them away.
type Acceptor interface{ OnAccept(fd int) }

// Runner is a task that runs on the reactor's thread.
type Runner interface{ RunTask() }

// Func makes a Runner of a function; for cold paths, because a closure allocates.
type Func func()

// RunTask calls f.
func (f Func) RunTask() { f() }

// Job is blocking work for a goroutine that is not the reactor's.
type Job interface {
	Work() // on the other goroutine; may block
	Done() // afterwards, on the reactor's thread
}

// Counters is what a reactor counts about itself since it started.
type Counters struct {
	Rounds          int64 // rounds of the loop
	BusyNs          int64 // time in rounds that did something
	SpinNs          int64 // time in rounds that found nothing
	SleepNs         int64 // time asleep in the kernel
	Sleeps          int64 // times it fell asleep
	Wakes           int64 // times another thread woke it
	Syscalls        int64 // system calls of its I/O; those that wake it are in Wakes
	Accepts         int64
	AcceptErrors    int64
	Recvs           int64 // OnData and OnFill calls
	RecvBytes       int64
	RecvDirect      int64 // of these, received straight into a frame
	RecvStarved     int64 // times receiving stopped for want of memory
	Sends           int64 // chains sent
	SendBytes       int64
	SendPartial     int64 // times a chain needed another attempt
	DiskOps         int64
	DiskBytes       int64
	DiskQueued      int64 // disk operations that had to wait for a place in the kernel
	Tasks           int64
	QuotaViolations int64 // tasks that alone ran longer than the quota
	Timers          int64
	Posted          int64 // tasks taken over from other threads
	Offloads        int64
	Streams         int64 // attached now
}
