package reactor

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ceteris/ceteris/models/iobuf"
	"github.com/ceteris/ceteris/models/uring"
)

// maxSendPieces bounds the vector of one sendmsg; the kernel's own limit is 1024.
const maxSendPieces = 512

// streamSys is what the backends keep in a stream. unsafe: the kernel reads the
// vector and the header after Send has returned, so they live here, in the
// heap, and are addressed as the system call wants them.
type streamSys struct {
	msg unix.Msghdr
	iov []unix.Iovec

	recv    bool       // uring: a receive is in the kernel's hands
	cancel  bool       // uring: and has been told to stop
	fill    *iobuf.Buf // uring: where it receives to if it is a direct one, with a reference
	large   bool       // uring: the latest was
	send    bool       // uring: a send is in the kernel's hands
	starved bool       // uring: in the list of those who wait for buffers

	readable bool // epoll: an edge came and the socket is not drained yet
	hangup   bool // epoll: the end was announced; read until it shows
	reading  bool // epoll: in the list of readers
	writing  bool // epoll: in the list of writers
}

// keptPieces is the largest vector that a stream keeps for the next one: ten
// thousand connections that each sent one long chain must not hold 80 MB.
const keptPieces = 32

// cleared keeps the vector for the next stream.
func (y *streamSys) cleared() streamSys {
	if cap(y.iov) > keptPieces {
		return streamSys{}
	}
	return streamSys{iov: y.iov[:0]}
}

// gatherPieces points the stream's vector at what is left of the chain and
// returns it, at most maxSendPieces entries.
func (s *Stream) gatherPieces() []unix.Iovec {
	iov := s.sys.iov[:0]
	off := s.off
	for i := s.piece; i < len(s.out.Pieces) && len(iov) < maxSendPieces; i++ {
		b := s.out.Pieces[i].B[off:s.out.Pieces[i].Len]
		off = 0
		if len(b) == 0 {
			continue
		}
		v := unix.Iovec{Base: unsafe.SliceData(b)}
		v.SetLen(len(b))
		iov = append(iov, v)
	}
	s.sys.iov = iov
	return iov
}

func (s *Stream) header(iov []unix.Iovec) *unix.Msghdr {
	s.sys.msg = unix.Msghdr{Iov: unsafe.SliceData(iov)}
	s.sys.msg.SetIovlen(len(iov))
	return &s.sys.msg
}

// diskSys is what the backends keep in a disk operation.
type diskSys struct {
	iov   [MaxIov]unix.Iovec
	tries int
	calls int64 // system calls that a goroutine has made for it
	epoll *epollBackend
}

// rest points the operation's vector at what is left to transfer.
func (op *DiskOp) rest() []unix.Iovec {
	skip, n := op.Res, 0
	add := func(b []byte) {
		if skip >= int64(len(b)) {
			skip -= int64(len(b))
			return
		}
		b = b[skip:]
		skip = 0
		op.sys.iov[n].Base = unsafe.SliceData(b)
		op.sys.iov[n].SetLen(len(b))
		n++
	}
	if op.B != nil {
		add(op.B)
	} else {
		for _, b := range op.Iov {
			add(b)
		}
	}
	return op.sys.iov[:n]
}

// rwFlags are the flags of preadv2 and pwritev2 for the operation.
func (op *DiskOp) rwFlags() uint32 {
	if op.Kind == WriteDSync {
		return unix.RWF_DSYNC
	}
	return 0
}

// choose resolves Options.Backend by probing and says why.
func choose(o *Options) (map[string]string, error) {
	facts := map[string]string{}
	switch o.Backend {
	case BackendEpoll:
		facts["network.reason"] = "asked for"
	case BackendURing, BackendAuto:
		f, err := uring.Probe()
		switch {
		case err == nil:
			facts["network.reason"] = "asked for"
			if o.Backend == BackendAuto {
				facts["network.reason"] = "the kernel offers all that is needed"
			}
			o.Backend = BackendURing
			facts["uring.setup"] = f.Setup
			facts["uring.registered_ring"] = strconv.FormatBool(f.RegisteredRing)
			facts["uring.kernel"] = f.Kernel
		case o.Backend == BackendURing:
			return nil, fmt.Errorf("reactor: backend uring: %w", err)
		default:
			o.Backend = BackendEpoll
			facts["network.reason"] = "no io_uring: " + err.Error()
		}
	default:
		return nil, fmt.Errorf("reactor: backend %q is not one of %s, %s, %s", o.Backend, BackendAuto, BackendURing, BackendEpoll)
	}
	facts["network.backend"] = o.Backend
	return facts, nil
}

// open makes the eventfd and the backend, on the reactor's thread.
func (r *Reactor) open() error {
	// Blocking on purpose: io_uring fails a read of a non-blocking empty one at
	// once instead of waiting. The counter never comes near the limit at which a
	// write would block.
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("reactor: eventfd: %w", err)
	}
	r.wakeFD = fd
	if r.o.Backend == BackendURing {
		r.be, err = newURing(r)
		if err != nil && r.auto {
			r.o.Backend = BackendEpoll
			r.fellBack("no ring: " + err.Error())
		}
	}
	if r.o.Backend == BackendEpoll {
		r.be, err = newEpoll(r)
	}
	if err != nil {
		closeFD(fd)
		return fmt.Errorf("reactor: backend %s: %w", r.o.Backend, err)
	}
	return nil
}

// pin moves the calling thread to one processor. unpin undoes it and tells
// whether the thread is fit for other goroutines again.
func pin(cpu int) (unpin func() bool, err error) {
	if cpu < 0 {
		return func() bool { return true }, nil
	}
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("reactor: read the thread's affinity: %w", err)
	}
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return nil, fmt.Errorf("reactor: pin the thread to processor %d: %w", cpu, err)
	}
	return func() bool { return unix.SchedSetaffinity(0, &before) == nil }, nil
}

var one = [8]byte{1} // the eventfd's unit; little-endian on both architectures

// wakeWrite adds one to the eventfd.
func wakeWrite(fd int) {
	for {
		_, _, e := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
		if e == 0 {
			return
		}
		if e != unix.EINTR {
			panic(fmt.Sprintf("reactor: wake through eventfd %d: %v", fd, e))
		}
	}
}

func setNonblock(fd int) error {
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("reactor: descriptor %d: %w", fd, err)
	}
	return nil
}

// closeFD closes a descriptor that nothing is buffered behind; the kernel frees
// the number whatever close returns.
func closeFD(fd int) { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

// allocRecv takes a receive buffer, nil when the arena is exhausted.
func (r *Reactor) allocRecv() *iobuf.Buf { return r.o.Arena.Alloc(r.o.RecvBufBytes) }

// fellBack has the facts say that the loop is epoll's after all, and why.
func (r *Reactor) fellBack(why string) {
	r.published.Lock()
	defer r.published.Unlock()
	facts := r.published.facts
	maps.DeleteFunc(facts, func(name, _ string) bool { return strings.HasPrefix(name, "uring.") })
	facts["network.backend"], facts["network.reason"] = BackendEpoll, why
}
